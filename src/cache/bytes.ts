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
 * Position of `key` (at `keyOffset`, `width` bytes) among `count` sorted records of `stride` bytes that begin with their
 * keys; the lowest one where several are equal; -1 when there is none.
 */
export function searchKey(
  table: { readonly bytes: Buffer; readonly start: number; readonly count: number; readonly stride: number },
  key: Buffer,
  width: number,
): number {
  const { bytes, start, count, stride } = table;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const offset = start + middle * stride;
    if (bytes.compare(key, 0, width, offset, offset + width) < 0) low = middle + 1;
    else high = middle;
  }
  if (low === count) return -1;
  const offset = start + low * stride;
  return bytes.compare(key, 0, width, offset, offset + width) === 0 ? low : -1;
}
