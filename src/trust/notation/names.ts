/** Parts of a distinguished name by their types, such as `C`. */
export type Names = ReadonlyMap<string, string>;

const NEEDED = ['C', 'ST', 'O'];
const LONGEST = 4_096;

/** Reads a distinguished name (RFC 4514), each type once, with C, ST and O; else why it is none that is trusted. */
export function parseNames(text: string): Names | string {
  const names = new Map<string, string>();
  if (text.length > LONGEST || text.includes('=#')) return 'it cannot be read';
  for (const part of splitUnescaped(text, ',')) {
    if (splitUnescaped(part, '+').length > 1) return 'it has a part of several values';
    const equals = part.indexOf('=');
    const type = part.slice(0, Math.max(0, equals)).trim();
    const value = unescaped(part.slice(equals + 1));
    if (!/^[A-Za-z][A-Za-z0-9.-]*$/.test(type) || value === undefined || value === '') return 'it cannot be read';
    const name = type === 'S' ? 'ST' : type;
    if (names.has(name)) return `it has ${name} twice`;
    names.set(name, value);
  }
  const missing = NEEDED.filter((name) => !names.has(name));
  return missing.length === 0 ? names : `it lacks ${missing.join(', ')}`;
}

/** Whether all parts of a name are in another one. */
export const isSubset = (part: Names, of: Names): boolean => [...part].every(([type, value]) => of.get(type) === value);

function splitUnescaped(text: string, at: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === at) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** Escapes undone, without spaces around it that are not escaped; undefined where an escape is none. */
function unescaped(text: string): string | undefined {
  const source = Buffer.from(text.trimStart(), 'utf8');
  const bytes: number[] = [];
  let end = 0;
  for (let i = 0; i < source.length; i++) {
    const literal = source[i] === 0x5c;
    const pair = literal ? source.toString('latin1', i + 1, i + 3) : '';
    const hex = /^[0-9A-Fa-f]{2}$/.test(pair);
    if (literal && !hex && !/^[ "#+,;<=>\\]/.test(pair)) return undefined;
    i += hex ? 2 : literal ? 1 : 0;
    bytes.push(hex ? Number.parseInt(pair, 16) : (source[i] ?? 0));
    if (literal || source[i] !== 0x20) end = bytes.length;
  }
  return Buffer.from(bytes.slice(0, end)).toString('utf8');
}
