/** One way to log in that a server offers (RFC 9110 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case; of one that is there twice the first. */
  readonly params: ReadonlyMap<string, string>;
}

const HEADER_CHARS = 8_192;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;

/**
 * Reads a WWW-Authenticate header, several joined by commas. Never throws: what cannot be read ends the list. Time is
 * linear in the text, of which 8,192 characters are looked at.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, HEADER_CHARS);
  const found: { scheme: string; params: Map<string, string> }[] = [];
  let at = 0;
  const skip = (chars: string): void => {
    while (at < text.length && chars.includes(text.charAt(at))) at++;
  };
  const token = (): string => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text)?.[0] ?? '';
    at += match.length;
    return match;
  };
  for (skip(' \t,'); at < text.length; skip(' \t,')) {
    const word = token();
    if (word === '') break;
    skip(' \t');
    if (text[at] !== '=') {
      found.push({ scheme: word.toLowerCase(), params: new Map() });
      continue;
    }
    at++;
    skip(' \t');
    const value = text[at] === '"' ? quoted() : token();
    const params = found.at(-1)?.params;
    if (value === undefined || params === undefined) break;
    const key = word.toLowerCase();
    if (!params.has(key)) params.set(key, value);
  }
  return found;

  /** A quoted string; undefined when it has no end. */
  function quoted(): string | undefined {
    let value = '';
    for (at++; at < text.length; at++) {
      if (text[at] === '"') {
        at++;
        return value;
      }
      if (text[at] === '\\') at++;
      value += text[at] ?? '';
    }
    return undefined;
  }
}
