import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { byCodeUnit, type Digest, sha256, type Tree, type TreeEntry } from '../../src/model/index.ts';

/** A Tree of the disk, which also tells where a path leads. */
export interface DiskTree extends Tree {
  /** The path behind all symbolic links, from the root of the tree. Throws when nothing is there. */
  readonly realPath: (path: string) => string;
}

interface Place {
  readonly real: string;
  readonly stats: Stats;
}

/**
 * A folder of the disk as a Tree, for commands that build what lies in a working copy. Symbolic links are followed as long
 * as they stay inside the root; what leads out of it is not there. Where a folder leads is asked once: links of folders
 * must not change while the tree is in use.
 */
export function diskTree(root: string): DiskTree {
  const base = realpathSync.native(root);
  const isInside = (real: string): boolean => real === base || base === sep || real.startsWith(base + sep);
  const realOf = realPaths();
  const find = (path: string): Place | undefined => {
    try {
      const real = realOf(join(base, path));
      return isInside(real.real) ? real : undefined;
    } catch {
      return undefined;
    }
  };
  return {
    realPath: (path) => realOf(join(base, path)).real.slice(base === sep ? 1 : base.length + 1),
    stat: (path) => entryOf(path, find(path)),
    list(path) {
      const found = find(path);
      if (found === undefined || !found.stats.isDirectory()) return undefined;
      return readdirSync(found.real)
        .sort(byCodeUnit)
        .map((name) => (path === '' ? name : `${path}/${name}`))
        .map((below) => entryOf(below, find(below)))
        .filter((entry) => entry !== undefined);
    },
    read(path) {
      const found = find(path);
      return found?.stats.isFile() === true ? readFileSync(found.real) : undefined;
    },
  };
}

/** Resolves absolute paths, each folder once: a build asks for the files of few folders, one by one. */
function realPaths(): (path: string) => Place {
  const folders = new Map<string, string>();
  return (path) => {
    const cut = path.lastIndexOf(sep);
    const above = path.slice(0, cut) || sep;
    let folder = folders.get(above);
    if (folder === undefined) {
      folder = realpathSync.native(above);
      folders.set(above, folder);
    }
    const direct = path === sep ? sep : join(folder, path.slice(cut + 1));
    const stats = lstatSync(direct);
    if (!stats.isSymbolicLink()) return { real: direct, stats };
    const real = realpathSync.native(direct);
    return { real, stats: statSync(real) };
  };
}

function entryOf(path: string, found: Place | undefined): TreeEntry | undefined {
  if (found === undefined) return undefined;
  const { real, stats } = found;
  const isFile = stats.isFile();
  if (!isFile && !stats.isDirectory()) return undefined;
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    type: isFile ? 'file' : 'directory',
    size: isFile ? stats.size : 0,
    /** Made when it is asked for: a build does not need it. */
    get digest(): Digest {
      return isFile ? sha256(readFileSync(real)) : sha256(readdirSync(real).sort(byCodeUnit).join('\0'));
    },
  };
}
