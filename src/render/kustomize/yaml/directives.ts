import { hexValue, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isWord } from './chars.ts';
import { at, push, type Scanner, scanError, skipBlanks, skipLine, unrollAll } from './scanner.ts';
import { T_DIRECTIVE } from './token.ts';

/** A handle of tags: `!`, `!!` or `!name!`; at least its first character must be there. */
export function scanHandle(s: Scanner): string {
  const start = s.pos++;
  while (isWord(at(s, 0))) s.pos++;
  if (at(s, 0) === 33) s.pos++;
  return s.text.slice(start, s.pos);
}

const URI = /[\w\-;/?:@&=+$,.!~*'()[\]%]/;

/** The address in a tag, with its escapes resolved; `head` is what was read of it as a handle. */
export function scanUri(s: Scanner, head: string, line: number): string {
  let out = head.length > 1 ? head.slice(1) : '';
  let seen = head.length > 0;
  while (at(s, 0) !== 0 && URI.test(s.text.charAt(s.pos))) {
    seen = true;
    if (at(s, 0) === 37) {
      const high = hexValue(at(s, 1));
      const low = hexValue(at(s, 2));
      if (high < 0 || low < 0) scanError(s, line, 'did not find URI escaped octet');
      out += String.fromCharCode(high * 16 + low);
      s.pos += 3;
    } else out += s.text.charAt(s.pos++);
  }
  if (!seen) scanError(s, line, 'did not find expected tag URI');
  return out;
}

/** `%YAML 1.1` and `%TAG ! prefix`: the token carries the words of the directive. */
export function fetchDirective(s: Scanner): void {
  unrollAll(s);
  const line = s.line;
  s.pos++;
  const name = scanName(s, line);
  if (name !== 'YAML' && name !== 'TAG') scanError(s, line, 'found unknown directive name');
  const words = name === 'YAML' ? scanVersion(s, line) : scanPrefix(s, line);
  skipBlanks(s);
  if (at(s, 0) === 35) while (!isBreakOrEnd(at(s, 0))) s.pos++;
  if (!isBreakOrEnd(at(s, 0))) scanError(s, line, 'did not find expected comment or line break');
  if (isBreak(at(s, 0))) skipLine(s);
  push(s, T_DIRECTIVE, line, `${name} ${words}`);
  skipBlanks(s);
}

function scanName(s: Scanner, line: number): string {
  const start = s.pos;
  while (isWord(at(s, 0))) s.pos++;
  if (s.pos === start) scanError(s, line, 'could not find expected directive name');
  if (!isBlankOrEnd(at(s, 0))) scanError(s, line, 'found unexpected non-alphabetical character');
  return s.text.slice(start, s.pos);
}

function scanVersion(s: Scanner, line: number): string {
  skipBlanks(s);
  const major = scanNumber(s, line);
  if (at(s, 0) !== 46) scanError(s, line, "did not find expected digit or '.' character");
  s.pos++;
  return `${major}.${scanNumber(s, line)}`;
}

/** The most digits that libyaml takes. */
const MAX_DIGITS = 9;

function scanNumber(s: Scanner, line: number): number {
  const start = s.pos;
  while (at(s, 0) >= 48 && at(s, 0) <= 57) s.pos++;
  if (s.pos === start) scanError(s, line, 'did not find expected version number');
  if (s.pos - start > MAX_DIGITS) scanError(s, line, 'found extremely long version number');
  return Number(s.text.slice(start, s.pos));
}

function scanPrefix(s: Scanner, line: number): string {
  skipBlanks(s);
  if (at(s, 0) !== 33) scanError(s, line, "did not find expected '!'");
  const handle = scanHandle(s);
  if (handle !== '!' && !handle.endsWith('!')) scanError(s, line, "did not find expected '!'");
  if (!isBlank(at(s, 0))) scanError(s, line, 'did not find expected whitespace');
  skipBlanks(s);
  const prefix = scanUri(s, '', line);
  if (!isBlankOrEnd(at(s, 0))) scanError(s, line, 'did not find expected whitespace or line break');
  return `${handle} ${prefix}`;
}
