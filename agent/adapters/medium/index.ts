import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { byCodeUnit } from '../../../src/model/index.ts';
import type { Medium, MediumEntry } from '../../../src/ports/index.ts';
import { errnoOf, openFile, unreadable } from './file.ts';
import { layoutEntry, openFolder } from './folder.ts';

/** Folders of this machine, through node:fs. */
export function createMedium(): Medium {
  return {
    list: async (folder) => {
      try {
        const entries: MediumEntry[] = [];
        for (const name of (await readdir(folder)).sort(byCodeUnit)) {
          const entry = await entryOf(folder, name);
          if (entry !== undefined) entries.push(entry);
        }
        return entries;
      } catch (error) {
        if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
        throw unreadable(folder, error);
      }
    },
    layout: layoutEntry,
    open: async (path, maxFiles) => ((await isFolder(path)) ? openFolder(path, maxFiles) : openFile(path)),
    setAside: async (path, folder, reason) => {
      const place = join(dirname(path), folder);
      const to = join(place, basename(path));
      try {
        // The inbox itself may lie on the stick, and be a link there.
        if (!(await lstat(dirname(path))).isDirectory() || !(await isOwnFolder(place))) return false;
        // A folder in the place of a file is somebody's: it stays, and so does what was to go there.
        for (const one of [to, `${to}.reason`]) if ((await statOf(one))?.isDirectory() === true) return false;
        await writeNew(`${to}.reason`, reason);
        await rename(path, to);
        return true;
      } catch {
        return false;
      }
    },
  };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** Makes a folder, or finds that it is one. A link is none: it could lead anywhere on this machine. */
async function isOwnFolder(path: string): Promise<boolean> {
  if ((await statOf(path)) === undefined) await mkdir(path);
  return (await lstat(path)).isDirectory();
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes through a file that nobody else has made, so that no link is followed, and puts it in the place of any other. */
async function writeNew(path: string, text: string): Promise<void> {
  const fresh = `${path}.tmp`;
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx');
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

async function entryOf(folder: string, name: string): Promise<MediumEntry | undefined> {
  try {
    const stat = await lstat(join(folder, name));
    if (!stat.isFile() && !stat.isDirectory()) return undefined;
    const isFile = stat.isFile();
    return { name, kind: isFile ? 'file' : 'folder', size: isFile ? stat.size : 0, mtime: stat.mtimeMs };
  } catch {
    // Gone since the folder was read.
    return undefined;
  }
}
