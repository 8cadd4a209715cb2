import {
  byCodeUnit,
  type Digest,
  incomplete,
  type StoredEntry,
  sha256,
  type Tree,
  type TreeEntry,
} from '../model/index.ts';

/** Entries of decoded folders that a view keeps; a render walks folder by folder and needs few of them again. */
const KEPT_ENTRIES = 20_000;

interface Source {
  folder(digest: Digest): readonly StoredEntry[];
  get(digest: Digest): Uint8Array;
}

/** An entry that the source has, and this disk has not. */
interface Shown extends TreeEntry {
  readonly away?: true;
}

/**
 * A view of stored folders: hidden entries, links and submodules are not in it; what is away is, and cannot be read. Keep
 * it for one render, not longer.
 */
export function treeView(source: Source, root: Digest): Tree {
  const decoded = new Map<Digest, readonly Shown[]>();
  let kept = 0;
  const entriesOf = (digest: Digest): readonly Shown[] => {
    const before = decoded.get(digest);
    if (before !== undefined) return before;
    const entries = source.folder(digest).flatMap(visible);
    if (kept + entries.length > KEPT_ENTRIES) {
      decoded.clear();
      kept = 0;
    }
    decoded.set(digest, entries);
    kept += entries.length;
    return entries;
  };
  const find = (path: string): Shown | undefined => {
    let here: Shown | undefined = { name: '', type: 'directory', digest: root, size: 0 };
    if (path === '') return here;
    for (const name of path.split('/')) {
      if (here?.type !== 'directory') return undefined;
      if (here.away === true) throw incomplete(path);
      here = findName(entriesOf(here.digest), name);
    }
    return here;
  };
  const here = (path: string, type: TreeEntry['type']): Shown | undefined => {
    const found = find(path);
    if (found?.type !== type) return undefined;
    if (found.away === true) throw incomplete(path);
    return found;
  };
  return {
    stat: find,
    list: (path) => {
      const found = here(path, 'directory');
      return found === undefined ? undefined : entriesOf(found.digest);
    },
    read: (path) => {
      const found = here(path, 'file');
      return found === undefined ? undefined : source.get(found.digest);
    },
  };
}

function visible(entry: StoredEntry): Shown[] {
  const { name, mode, size, hidden } = entry;
  if (hidden || mode === 'link' || mode === 'module') return [];
  const type = mode === 'dir' ? 'directory' : 'file';
  const { digest } = entry;
  if (digest === undefined) return [{ name, type, digest: awayDigest(entry), size: 0, away: true }];
  return [{ name, type, digest, size: mode === 'dir' ? 0 : size }];
}

/** Follows the content, and is never that of something that is here: what is remembered by digests confuses neither. */
function awayDigest({ mode, alias, name }: StoredEntry): Digest {
  return sha256(`away\0${mode}\0${alias === '' ? name : alias}`);
}

/** Binary search: the entries are sorted by code unit. */
function findName(entries: readonly Shown[], name: string): Shown | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && byCodeUnit(entry.name, name) < 0) low = middle + 1;
    else high = middle;
  }
  const found = entries[low];
  return found?.name === name ? found : undefined;
}
