import { Fault } from '../../model/index.ts';

export const BLOCK = 512;

/** Header block of a tar archive as it stands there. */
export interface RawHeader {
  /** The type flag as a character. */
  readonly flag: string;
  readonly name: Buffer;
  readonly link: Buffer;
  readonly size: number;
  readonly mode: number;
  /** Seconds since 1970; 0 where it is none. */
  readonly mtime: number;
}

/** Reads a header block that is not all zeros. Fault `source-refused` when its sum or its numbers are wrong. */
export function readHeader(block: Buffer): RawHeader {
  const sums = sumsOf(block);
  const said = octal(block.subarray(148, 156));
  if (said === undefined || !sums.includes(said)) throw malformed('a header has the wrong sum');
  const size = number(block.subarray(124, 136));
  const mode = number(block.subarray(100, 108)) ?? 0;
  if (size === undefined) throw malformed('a size is not a number');
  const name = cString(block.subarray(0, 100));
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: withPrefix(block, name),
    link: cString(block.subarray(157, 257)),
    size,
    mode,
    mtime: number(block.subarray(136, 148)) ?? 0,
  };
}

/** The prefix is a field of POSIX's form alone; star keeps times behind a shorter one, and GNU's form has none. */
function withPrefix(block: Buffer, name: Buffer): Buffer {
  if (block.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const star = block.toString('latin1', 508, 512) === 'tar\0';
  const prefix = cString(block.subarray(345, star ? 476 : 500));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Sums over the block with its own field as spaces; old writers summed signed bytes. */
function sumsOf(block: Buffer): readonly number[] {
  let [unsigned, signed] = [0, 0];
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 32 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return [unsigned, signed];
}

export function cString(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** A number in octal, or in base 256 with the first bit set; undefined when it is neither, negative or too large. */
function number(field: Buffer): number | undefined {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) return octal(field);
  if ((first & 0x40) !== 0) return undefined;
  let value = first & 0x3f;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Octal digits between spaces and zeros; nothing counts as 0. */
function octal(field: Buffer): number | undefined {
  const text = field
    .toString('latin1')
    .replace(/^[ \0]+/, '')
    .replace(/[ \0].*$/s, '');
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** The bytes themselves are wrong, which the cause tells apart from what they say and is not taken. */
export function malformed(why: string): Fault {
  return new Fault('source-refused', `the tar archive cannot be read: ${why}`, { cause: new Error('malformed') });
}
