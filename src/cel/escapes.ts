import { CelError } from './errors.ts';
import { type Bytes, bytesOf } from './values.ts';

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})|([\s\S]))/g;

/** The value of a quoted text; `at` is where it begins, for errors. In bytes, `\x` and octal escapes are bytes. */
export function unescaped(body: string, bytes: boolean, at: number): string | Bytes {
  const parts: Buffer[] = [];
  let text = '';
  let last = 0;
  const flush = (): void => {
    if (bytes && text !== '') parts.push(Buffer.from(text, 'utf8'));
    if (bytes) text = '';
  };
  for (const m of body.matchAll(ESCAPE)) {
    text += body.slice(last, m.index);
    last = m.index + m[0].length;
    const wide = m[1] ?? m[2];
    const narrow =
      m[3] === undefined ? (m[4] === undefined ? undefined : Number.parseInt(m[4], 8)) : Number.parseInt(m[3], 16);
    if (wide !== undefined) text += character(Number.parseInt(wide, 16), bytes, at);
    else if (narrow === undefined) text += SIMPLE[m[5] ?? ''] ?? bad(at, m[0]);
    else if (bytes) {
      flush();
      parts.push(Buffer.from([narrow]));
    } else text += String.fromCodePoint(narrow);
  }
  text += body.slice(last);
  flush();
  return bytes ? bytesOf(Buffer.concat(parts)) : text;
}

function character(code: number, bytes: boolean, at: number): string {
  if (bytes || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) bad(at, `U+${code.toString(16)}`);
  return String.fromCodePoint(code);
}

function bad(at: number, what: string): never {
  throw new CelError(`column ${at + 1}: invalid escape ${what}`);
}
