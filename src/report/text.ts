import { parseRevision } from '../model/index.ts';

export type Paint = (text: string, style: 'good' | 'bad' | 'warn' | 'dim' | 'bold') => string;

const CODES = { good: 32, bad: 31, warn: 33, dim: 2, bold: 1 } as const;

/** Colours by terminal codes, or none. */
export function painter(color: boolean): Paint {
  return color ? (text, style) => `\u001b[${CODES[style]}m${text}\u001b[0m` : (text) => text;
}

/** A length of time in its two largest units: `45s`, `3h 12m`, `29d 4h`. */
export function spanText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3_600) return `${Math.floor(s / 60)}m${s % 60 === 0 ? '' : ` ${s % 60}s`}`;
  const [big, small, unit, part] = s < 86_400 ? [3_600, 60, 'h', 'm'] : [86_400, 3_600, 'd', 'h'];
  const rest = Math.floor((s % Number(big)) / Number(small));
  return `${Math.floor(s / Number(big))}${unit}${rest === 0 ? '' : ` ${rest}${part}`}`;
}

/** A number of bytes in the unit that a person would use. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `main@sha1:6c1f4a0e…` as `main@6c1f4a0e`; `-` for none. */
export function revisionText(revision: string): string {
  if (revision === '') return '-';
  const parts = parseRevision(revision);
  if (parts === undefined) return revision;
  return parts.name === '' ? parts.hash.slice(0, 8) : `${parts.name}@${parts.hash.slice(0, 8)}`;
}

/** One line without control characters: what servers say must not steer a terminal. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

/** Breaks a text at spaces into lines of at most this width; a longer word stays whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of plain(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** A cell of a table: what it says, and how it is painted. */
export interface Cell {
  readonly text: string;
  readonly style?: 'good' | 'bad' | 'warn' | 'dim' | 'bold';
}

/** Rows with their columns aligned; painted after measuring. `widths` is what earlier rows of the same table took. */
export function table(rows: readonly (readonly Cell[])[], paint: Paint, widths: number[] = []): readonly string[] {
  for (const row of rows) for (const [i, { text }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length);
  return rows.map((row) =>
    row
      .map(({ text, style }, i) => {
        const gap = i === row.length - 1 ? '' : ' '.repeat((widths[i] ?? 0) - text.length + 2);
        return (style === undefined ? text : paint(text, style)) + gap;
      })
      .join('')
      .trimEnd(),
  );
}
