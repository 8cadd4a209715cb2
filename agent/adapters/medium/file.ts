import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Fault } from '../../../src/model/index.ts';
import type { MediumFile } from '../../../src/ports/index.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a file to be read; no link, folder or device. Fault `bundle-damaged`. */
export async function openFile(path: string): Promise<MediumFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, READ);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Fault('bundle-damaged', `${path} cannot be read: it is no file`);
    return {
      size: stat.size,
      read: async (offset, length, into) => {
        const bytes = into !== undefined && into.length >= length ? into : Buffer.allocUnsafe(length);
        let filled = 0;
        try {
          for (let got = -1; filled < length && got !== 0; filled += got)
            got = (await handle.read(bytes, filled, length - filled, offset + filled)).bytesRead;
        } catch (error) {
          throw unreadable(path, error);
        }
        return bytes.subarray(0, filled);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A part of a file that must still have the size that it had. */
export async function readAt(
  path: string,
  { offset, length, size }: { readonly offset: number; readonly length: number; readonly size: number },
): Promise<Uint8Array> {
  const file = await openFile(path);
  try {
    if (file.size !== size) throw new Fault('bundle-damaged', `${path} is being written: it changed while it was read`);
    const bytes = await file.read(offset, length);
    if (bytes.length < length) throw new Fault('bundle-damaged', `${path} is being written: it became shorter`);
    return bytes;
  } finally {
    await file.close();
  }
}

export const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** A medium that fails says nothing about its content. */
export function unreadable(path: string, error: unknown): Fault {
  const why = errnoOf(error) || String(error);
  return new Fault('bundle-damaged', `${path} cannot be read (${why}): was the medium pulled out?`, { cause: error });
}
