import { Fault } from '../model/index.ts';
import type { Disk, StagedFile } from '../ports/index.ts';
import { bufferOf } from './bytes.ts';

const CHUNK_BYTES = 256 * 1024;

/** A pack being written: takes bytes at once, writes them behind in large parts, reads back what it took. */
export interface Spool {
  /** Bytes taken so far. */
  size(): number;
  /** Answers the offset. `own`: nobody else writes into these bytes, so they are not copied. Throws the Fault of an earlier write. */
  add(bytes: Uint8Array, own?: boolean): number;
  read(offset: number, length: number): Uint8Array;
  /** Resolves when everything but the last part is with the disk. */
  drain(): Promise<void>;
  publish(path: string): Promise<void>;
  discard(): Promise<void>;
}

/** A new spool in a folder; the file is created by the first part that is written. */
export function openSpool(disk: Disk, folder: string): Spool {
  let file: StagedFile | undefined;
  let failed: Fault | undefined;
  let size = 0;
  let last = Buffer.allocUnsafeSlow(0);
  let lastUsed = 0;
  /** Parts on their way, oldest first. */
  const queue: { readonly start: number; readonly bytes: Buffer }[] = [];
  let writing: Promise<void> | undefined;

  const writeQueue = async (): Promise<void> => {
    try {
      for (let part = queue[0]; part !== undefined; part = queue[0]) {
        file ??= await disk.create(folder);
        await file.write(part.bytes);
        queue.shift();
      }
    } catch (error) {
      failed = error instanceof Fault ? error : new Fault('cache-io', String(error), { cause: error });
      queue.length = 0;
    } finally {
      writing = undefined;
    }
  };
  const push = (start: number, bytes: Buffer): void => {
    queue.push({ start, bytes });
    writing ??= writeQueue();
  };
  const flushLast = (): void => {
    if (lastUsed > 0) push(size - lastUsed, last.subarray(0, lastUsed));
    last = Buffer.allocUnsafeSlow(0);
    lastUsed = 0;
  };
  const drain = async (): Promise<void> => {
    while (writing !== undefined) await writing;
    if (failed !== undefined) throw failed;
  };
  return {
    size: () => size,
    add: (bytes, own = false) => {
      if (failed !== undefined) throw failed;
      const start = size;
      if (lastUsed + bytes.length > CHUNK_BYTES) flushLast();
      if (bytes.length >= CHUNK_BYTES) {
        size += bytes.length;
        push(start, own ? bufferOf(bytes) : Buffer.from(bytes));
        return start;
      }
      if (last.length === 0) last = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      last.set(bytes, lastUsed);
      lastUsed += bytes.length;
      size += bytes.length;
      return start;
    },
    read: (offset, length) => {
      const lastStart = size - lastUsed;
      if (offset >= lastStart) return last.subarray(offset - lastStart, offset - lastStart + length);
      const part = queue.find(({ start, bytes }) => offset >= start && offset < start + bytes.length);
      if (part !== undefined) return part.bytes.subarray(offset - part.start, offset - part.start + length);
      if (failed !== undefined) throw failed;
      if (file === undefined) throw new Fault('internal', 'read of a pack before anything was put into it');
      return bufferOf(file.readAt(offset, length));
    },
    drain,
    publish: async (path) => {
      flushLast();
      await drain();
      await file?.publish(path);
    },
    discard: async () => {
      last = Buffer.allocUnsafeSlow(0);
      lastUsed = 0;
      queue.splice(writing === undefined ? 0 : 1);
      while (writing !== undefined) await writing;
      failed ??= new Fault('internal', 'the writer was discarded');
      await file?.discard();
    },
  };
}
