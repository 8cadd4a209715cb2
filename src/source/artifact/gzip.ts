import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib';

/** Bytes that are compressed at once, and held in memory. */
const CHUNK = 256 * 1024;
/** How far deflate looks back. */
const WINDOW = 32 * 1024;

/** No time, no name, and "unknown" for the system, so that equal content gives equal bytes. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

const LEVEL: ZlibOptions = { level: 6, memLevel: 8, windowBits: 15, strategy: constants.Z_DEFAULT_STRATEGY };

/**
 * Compresses parts to one gzip stream. The same bytes give the same stream, however they are cut into parts, as long as
 * zlib is the same. Other work goes on meanwhile.
 */
export async function* gzipOf(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield HEAD;
  let [sum, size] = [0, 0];
  let window = Buffer.alloc(0);
  for (const { bytes, last } of chunksOf(parts)) {
    sum = crc32(bytes, sum);
    size += bytes.length;
    yield await deflate(bytes, window, last);
    window = Buffer.from(bytes.subarray(-WINDOW));
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(sum, 0);
  tail.writeUInt32LE(size % 2 ** 32, 4);
  yield tail;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly last: boolean;
}

/** The same bytes in pieces of one size. */
function* chunksOf(parts: Iterable<Uint8Array>): Generator<Chunk> {
  let chunk = Buffer.alloc(CHUNK);
  let filled = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; ) {
      if (filled === CHUNK) {
        yield { bytes: chunk, last: false };
        chunk = Buffer.alloc(CHUNK);
        filled = 0;
      }
      const taken = part.subarray(at, at + CHUNK - filled);
      chunk.set(taken, filled);
      filled += taken.length;
      at += taken.length;
    }
  yield { bytes: chunk.subarray(0, filled), last: true };
}

/** One piece, in a thread of Node's own; pieces after each other are one deflate stream. */
function deflate(bytes: Buffer, window: Buffer, last: boolean): Promise<Buffer> {
  const finishFlush = last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = window.length === 0 ? { ...LEVEL, finishFlush } : { ...LEVEL, finishFlush, dictionary: window };
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
