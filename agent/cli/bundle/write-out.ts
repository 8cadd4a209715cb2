import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CliIo } from '../io.ts';

/** What is written: its bytes in parts, and how many they are together. */
export interface Output {
  readonly size: number;
  write(): Iterable<Uint8Array>;
}

/** What of the file system is used. */
export interface OutputFiles {
  open(path: string, flags: string): Promise<Pick<FileHandle, 'write' | 'sync' | 'close'>>;
}

/** Larger ones say how far they are. */
const TOLD_BYTES = 16 * 1024 * 1024;

/**
 * Writes a file beside its place under a name that no inbox takes, and moves it there when it is whole and on the disk. No
 * link is followed: the place may be a stick of somebody else. What cannot be finished is removed.
 */
export async function writeOut(output: string, what: Output, io: CliIo, files: OutputFiles = { open }): Promise<void> {
  const path = resolve(output);
  const part = `${path}.part`;
  await rm(part, { force: true });
  const file = await files.open(part, 'wx');
  try {
    try {
      await writeParts(file, what, io);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path), files);
}

async function writeParts(
  file: Pick<FileHandle, 'write'>,
  { size, write }: Output,
  { signal, stderr }: Pick<CliIo, 'signal' | 'stderr'>,
): Promise<void> {
  let written = 0;
  let told = 0;
  for (const bytes of write()) {
    signal?.throwIfAborted();
    // A medium that is nearly full takes a part, and says so only by the count.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, null);
      if (bytesWritten <= 0) throw new Error('a write made no progress: is the medium full?');
      done += bytesWritten;
    }
    written += bytes.length;
    const tenths = Math.floor((10 * written) / size);
    if (size > TOLD_BYTES && tenths > told) stderr(`written ${tenths * 10}% of ${size} bytes\n`);
    told = tenths;
  }
}

/** So that the new name outlives a stick that is pulled out. */
async function syncFolder(path: string, files: OutputFiles): Promise<void> {
  const folder = await files.open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some media know no such thing.
    if (!(error instanceof Error && 'code' in error && NO_SYNC.has(String(error.code)))) throw error;
  } finally {
    await folder.close();
  }
}

const NO_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EBADF']);
