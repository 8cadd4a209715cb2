import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

/** An object for a pack: whole, or a delta against an earlier one (by index) or against any object (by id). */
export type PackItem =
  | { readonly type: 'commit' | 'tree' | 'blob' | 'tag'; readonly data: Uint8Array }
  | { readonly base: number; readonly delta: Uint8Array }
  | { readonly base: string; readonly delta: Uint8Array };

export interface PackLies {
  /** Objects that the header promises. */
  readonly count?: number;
  /** Size that an object's header promises, by index. */
  readonly sizes?: Readonly<Record<number, number>>;
  /** Type bits, by index. */
  readonly types?: Readonly<Record<number, number>>;
  /** Distance of an offset delta, by index. */
  readonly distances?: Readonly<Record<number, number>>;
  /** A wrong checksum. */
  readonly badTrailer?: boolean;
}

const TYPES = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;

/** Writes a pack of these objects, with what the lies change. */
export function buildPack(items: readonly PackItem[], lies: PackLies = {}): Buffer {
  const head = Buffer.alloc(12);
  head.write('PACK', 'latin1');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(lies.count ?? items.length, 8);
  const parts: Buffer[] = [head];
  const offsets: number[] = [];
  let offset = 12;
  items.forEach((item, i) => {
    offsets.push(offset);
    const bytes = 'type' in item ? item.data : item.delta;
    const type = lies.types?.[i] ?? ('type' in item ? TYPES[item.type] : typeof item.base === 'number' ? 6 : 7);
    const object = [objectHead(type, lies.sizes?.[i] ?? bytes.length)];
    if (!('type' in item)) {
      if (typeof item.base === 'string') object.push(Buffer.from(item.base, 'hex'));
      else object.push(distanceBytes(lies.distances?.[i] ?? offset - (offsets[item.base] ?? 0)));
    }
    object.push(deflateSync(bytes));
    const whole = Buffer.concat(object);
    parts.push(whole);
    offset += whole.length;
  });
  const body = Buffer.concat(parts);
  const sum = createHash('sha1').update(body).digest();
  if (lies.badTrailer === true) sum[0] = (sum[0] ?? 0) ^ 1;
  return Buffer.concat([body, sum]);
}

function objectHead(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  bytes.push((type << 4) | (size % 16) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    const next = Math.floor(rest / 128);
    bytes.push((rest % 128) | (next > 0 ? 0x80 : 0));
    rest = next;
  }
  return Buffer.from(bytes);
}

function distanceBytes(distance: number): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift(0x80 | (rest % 128));
  }
  return Buffer.from(bytes);
}

/** A number in the little-endian form of delta headers. */
export function deltaSize(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const next = Math.floor(rest / 128);
    bytes.push((rest % 128) | (next > 0 ? 0x80 : 0));
    rest = next;
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** A copy instruction. */
export function copy(from: number, size: number): Buffer {
  const bytes: number[] = [];
  let op = 0x80;
  for (let bit = 0; bit < 4; bit++) {
    const byte = Math.floor(from / 2 ** (8 * bit)) % 256;
    if (byte === 0) continue;
    op |= 1 << bit;
    bytes.push(byte);
  }
  for (let bit = 0; bit < 3; bit++) {
    const byte = Math.floor(size / 2 ** (8 * bit)) % 256;
    if (byte === 0) continue;
    op |= 0x10 << bit;
    bytes.push(byte);
  }
  return Buffer.from([op, ...bytes]);
}

/** Insert instructions for any number of bytes. */
export function insert(data: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += 127) {
    const piece = data.subarray(at, at + 127);
    parts.push(Buffer.from([piece.length]), piece);
  }
  return Buffer.concat(parts);
}

/** A delta that keeps a part of the base and adds bytes. */
export function delta(base: Uint8Array, keep: number, added: Uint8Array): Buffer {
  const kept = keep === 0 ? Buffer.alloc(0) : copy(0, keep);
  return Buffer.concat([deltaSize(base.length), deltaSize(keep + added.length), kept, insert(added)]);
}

/** Git's id of an object. */
export function oidOf(type: string, data: Uint8Array): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}

/** Bytes in pieces of these sizes, over and over. */
export async function* inPieces(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < data.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    yield data.subarray(at, at + size);
    at += size;
  }
}
