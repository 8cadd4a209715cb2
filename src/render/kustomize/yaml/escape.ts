import { isPrintable } from './analyze.ts';

/** Characters that have an escape of one letter. */
const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  0: '0',
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
  27: 'e',
  34: '"',
  92: '\\',
  133: 'N',
  160: '_',
  8232: 'L',
  8233: 'P',
};

/** A character as go-yaml writes it in double quotes. */
export function escaped(code: number): string {
  const short = SHORT_ESCAPES[code];
  if (short !== undefined) return `\\${short}`;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** True for a character that cannot stand for itself in double quotes. */
export function needsEscape(code: number): boolean {
  return !isPrintable(code) || code === 10 || code === 34 || code === 92 || code === 0x2028 || code === 0x2029;
}
