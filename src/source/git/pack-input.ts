import { createHash, type Hash } from 'node:crypto';
import { inflateSync, type Zlib } from 'node:zlib';
import { Fault } from '../../model/index.ts';
import { asBuffer } from './pkt.ts';

/**
 * Reads a pack from a stream: bytes, and zlib streams of unknown length, with offset and running SHA-1. What is there
 * is read at once; only `ready` and a zlib stream that goes on beyond it wait.
 */
export interface PackInput {
  /** Offset of the next byte. */
  offset(): number;
  /** Waits until so many bytes are there, or fewer at the end; undefined when they are there already. */
  ready(count: number): Promise<unknown> | undefined;
  /** A byte that is there. Fault `wire-cut` when there is none. */
  byte(): number;
  /** Bytes that are there, as a copy. */
  take(count: number): Buffer;
  /** Inflates a zlib stream that gives exactly this many bytes. */
  inflate(size: number): Buffer | Promise<Buffer>;
  /** The SHA-1 of all bytes so far. */
  digest(): Buffer;
  /** True when the stream has no more bytes. */
  ended(): Promise<boolean>;
}

const OUTPUT_BYTES = 262_144;

/**
 * Wraps a stream of a pack. Fault `wire-cut` when it ends too early, `source-bounds` past `maxBytes`. What came before
 * the stream failed is given first, and its reason then.
 */
export function createPackInput(source: AsyncIterable<Uint8Array>, maxBytes: number): PackInput {
  const chunks = source[Symbol.asyncIterator]();
  const hash: Hash = createHash('sha1');
  let data: Buffer = Buffer.alloc(0);
  let at = 0;
  let base = 0;
  let done = false;
  let failure: { readonly error: unknown } | undefined;
  /** Why no more bytes come. */
  const ending = (): unknown => (failure === undefined ? cut() : failure.error);
  const nextChunk = async (): Promise<Uint8Array | undefined> => {
    try {
      const next = await chunks.next();
      if (next.done !== true) return next.value;
    } catch (error) {
      failure = { error };
    }
    done = true;
    return undefined;
  };

  /** Reads until `count` bytes are there, or the end; joins once, so large objects cost no more than twice their size. */
  const fill = async (count: number): Promise<boolean> => {
    if (data.length - at >= count) return true;
    const parts: Buffer[] = [data.subarray(at)];
    let size = data.length - at;
    while (size < count && !done) {
      const chunk = await nextChunk();
      if (chunk !== undefined) {
        parts.push(asBuffer(chunk));
        size += chunk.length;
      }
      if (base + at + size > maxBytes) throw tooLarge(maxBytes);
    }
    base += at;
    at = 0;
    data = parts.length === 2 && parts[0]?.length === 0 ? (parts[1] ?? data) : Buffer.concat(parts);
    return size >= count;
  };
  const skip = (count: number): Buffer => {
    const bytes = data.subarray(at, at + count);
    hash.update(bytes);
    at += count;
    return bytes;
  };

  const inflateNow = (size: number): Buffer | undefined => {
    const tried = tryInflate(data.subarray(at), size);
    if (tried === undefined) return undefined;
    skip(tried.used);
    return tried.bytes;
  };
  const inflateLater = async (size: number): Promise<Buffer> => {
    for (;;) {
      const before = data.length - at;
      await fill(Math.max(before * 2, 64));
      if (data.length - at === before) throw ending();
      const bytes = inflateNow(size);
      if (bytes !== undefined) return bytes;
    }
  };

  return {
    offset: () => base + at,
    ready: (count) => (data.length - at >= count ? undefined : fill(count)),
    byte() {
      if (at >= data.length) throw ending();
      return skip(1)[0] ?? 0;
    },
    take(count) {
      if (data.length - at < count) throw ending();
      return Buffer.from(skip(count));
    },
    inflate: (size) => inflateNow(size) ?? inflateLater(size),
    digest: () => hash.copy().digest(),
    async ended() {
      if (await fill(1)) return false;
      if (failure !== undefined) throw failure.error;
      return true;
    },
  };
}

/** Undefined when the input ends before the zlib stream does. */
function tryInflate(input: Buffer, size: number): { bytes: Buffer; used: number } | undefined {
  if (input.length === 0) return undefined;
  try {
    const options = { info: true, chunkSize: Math.min(size, OUTPUT_BYTES) + 64, maxOutputLength: Math.max(size, 1) };
    const result = inflateSync(input, options) as unknown as { buffer: Buffer; engine: Zlib };
    if (result.buffer.length !== size) throw corrupt(`it has ${result.buffer.length} bytes where ${size} are promised`);
    return { bytes: result.buffer, used: result.engine.bytesWritten };
  } catch (error) {
    if (error instanceof Fault) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'Z_BUF_ERROR') return undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw corrupt(`it has more bytes than the ${size} promised`);
    throw corrupt('it cannot be inflated');
  }
}

function corrupt(why: string): Fault {
  return new Fault('source-corrupt', `an object in the pack is broken: ${why}`);
}

function cut(): Fault {
  return new Fault('wire-cut', 'the pack ends too early: unexpected EOF');
}

function tooLarge(maxBytes: number): Fault {
  return new Fault('source-bounds', `the pack is larger than ${maxBytes} bytes (limits.packBytes)`);
}
