import { hash } from 'node:crypto';
import type { Digest } from '../model/index.ts';

/** Bytes of a raw SHA-256. */
export const DIGEST_BYTES = 32;

/** The raw 32 bytes of a digest. */
export function rawDigest(digest: Digest): Buffer {
  return Buffer.from(digest.slice(7), 'hex');
}

/** The digest at an offset of a buffer. */
export function digestAt(bytes: Buffer, offset: number): Digest {
  return `sha256:${bytes.toString('hex', offset, offset + DIGEST_BYTES)}`;
}

/** SHA-256 as raw bytes. */
export function rawSha256(bytes: Uint8Array | string): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** A Buffer on the same memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Position of `key` (its first `width` bytes, at least 4) among `count` sorted records of `stride` bytes that begin with
 * their keys; the lowest one where several are equal; -1 when there is none.
 */
export function searchKey(
  table: { readonly bytes: Buffer; readonly start: number; readonly count: number; readonly stride: number },
  key: Buffer,
  width: number,
): number {
  const { bytes, start, count, stride } = table;
  // Keys are digests: their first four bytes nearly always tell, at a tenth of what comparing Buffers costs without a compiler.
  const heads = new DataView(bytes.buffer, bytes.byteOffset + start, count * stride);
  const head = key.readUInt32BE(0);
  const compare = (row: number): number => {
    const offset = start + row * stride;
    return bytes.compare(key, 0, width, offset, offset + width);
  };
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = heads.getUint32(middle * stride);
    if (there < head || (there === head && compare(middle) < 0)) low = middle + 1;
    else high = middle;
  }
  return low < count && compare(low) === 0 ? low : -1;
}
