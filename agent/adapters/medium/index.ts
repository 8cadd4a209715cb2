import { constants, lstatSync, readdirSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { byCodeUnit, Fault } from '../../../src/model/index.ts';
import type { Medium, MediumEntry, MediumFile } from '../../../src/ports/index.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Folders of this machine, through node:fs. */
export function createMedium(): Medium {
  return {
    list: (folder) => {
      try {
        const names = readdirSync(folder).sort(byCodeUnit);
        return names.flatMap((name) => entryOf(folder, name) ?? []);
      } catch (error) {
        if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
        throw unreadable(folder, error);
      }
    },
    open: async (path) => {
      let handle: FileHandle;
      try {
        handle = await open(path, READ);
      } catch (error) {
        throw unreadable(path, error);
      }
      return opened(path, handle);
    },
    setAside: async (path, folder, reason) => {
      const place = join(dirname(path), folder);
      const to = join(place, basename(path));
      try {
        await mkdir(place, { recursive: true });
        await writeFile(`${to}.reason`, reason);
        await rm(to, { recursive: true, force: true });
        await rename(path, to);
        return true;
      } catch {
        return false;
      }
    },
  };
}

async function opened(path: string, handle: FileHandle): Promise<MediumFile> {
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Fault('bundle-damaged', `${path} cannot be read: it is no file`);
    return {
      size: stat.size,
      read: async (offset, length) => {
        const bytes = Buffer.allocUnsafe(length);
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

function entryOf(folder: string, name: string): MediumEntry | undefined {
  try {
    const stat = lstatSync(join(folder, name));
    if (!stat.isFile() && !stat.isDirectory()) return undefined;
    const isFile = stat.isFile();
    return { name, kind: isFile ? 'file' : 'folder', size: isFile ? stat.size : 0, mtime: stat.mtimeMs };
  } catch {
    // Gone since the folder was read.
    return undefined;
  }
}

const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function unreadable(path: string, error: unknown): Fault {
  const why = errnoOf(error) || String(error);
  return new Fault('bundle-damaged', `${path} cannot be read (${why}): was the medium pulled out?`, { cause: error });
}
