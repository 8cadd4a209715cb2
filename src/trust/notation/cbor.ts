/** A value of CBOR (RFC 8949), of the kinds that envelopes are made of. */
export type Cbor = number | string | boolean | null | Buffer | readonly Cbor[] | CborMap | CborTag;
export interface CborMap {
  readonly map: ReadonlyMap<number | string, Cbor>;
}
export interface CborTag {
  readonly tag: number;
  readonly value: Cbor;
}

const MOST_DEPTH = 8;
const MOST_VALUES = 1_000;

/** Reads one value that takes all of the bytes; undefined for anything else, for lengths that are not told, and floats. */
export function readCbor(bytes: Buffer): Cbor | undefined {
  const reader: Reader = { bytes, at: 0, left: MOST_VALUES };
  try {
    const value = next(reader, 0);
    return reader.at === bytes.length ? value : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export const isCborMap = (value: Cbor | undefined): value is CborMap =>
  // Lists and bytes have a method of that name.
  typeof value === 'object' && value !== null && 'map' in value && value.map instanceof Map;

interface Reader {
  readonly bytes: Buffer;
  at: number;
  left: number;
}

/** RangeErrors end the reading: `broken` and those of a Buffer that ends. */
const broken = (): RangeError => new RangeError('no CBOR');

function next(reader: Reader, depth: number): Cbor {
  reader.left -= 1;
  if (reader.left < 0 || depth > MOST_DEPTH) throw broken();
  const first = reader.bytes.readUInt8(reader.at);
  reader.at += 1;
  const kind = first >> 5;
  const count = countOf(reader, first & 0x1f);
  if (kind === 0) return count;
  if (kind === 1) return -1 - count;
  if (kind === 2) return take(reader, count);
  if (kind === 3) return take(reader, count).toString('utf8');
  if (kind === 4) return listOf(reader, count, depth);
  if (kind === 5) return mapOf(reader, count, depth);
  if (kind === 6) return { tag: count, value: next(reader, depth + 1) };
  if ((first & 0x1f) > 22 || count < 20) throw broken();
  return count === 22 ? null : count === 21;
}

function countOf(reader: Reader, short: number): number {
  if (short < 24) return short;
  const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[short];
  if (size === undefined) throw broken();
  const { bytes, at } = reader;
  reader.at += size;
  const count = size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size);
  if (!Number.isSafeInteger(count)) throw broken();
  return count;
}

function take(reader: Reader, size: number): Buffer {
  const { bytes, at } = reader;
  if (size > bytes.length - at) throw broken();
  reader.at += size;
  return bytes.subarray(at, at + size);
}

function listOf(reader: Reader, count: number, depth: number): readonly Cbor[] {
  const list: Cbor[] = [];
  for (let i = 0; i < count; i++) list.push(next(reader, depth + 1));
  return list;
}

function mapOf(reader: Reader, count: number, depth: number): CborMap {
  const map = new Map<number | string, Cbor>();
  for (let i = 0; i < count; i++) {
    const key = next(reader, depth + 1);
    // One key twice could be read in two ways.
    if ((typeof key !== 'number' && typeof key !== 'string') || map.has(key)) throw broken();
    map.set(key, next(reader, depth + 1));
  }
  return { map };
}

/** The bytes of a byte string, as they stand in CBOR. */
export function cborBytes(bytes: Buffer): Buffer {
  const { length } = bytes;
  const head = Buffer.alloc(5);
  head[0] = 0x5a;
  head.writeUInt32BE(length, 1);
  if (length >= 0x10000) return Buffer.concat([head, bytes]);
  const short = length < 24 ? [0x40 | length] : length < 0x100 ? [0x58, length] : [0x59, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(short), bytes]);
}
