import { incomplete, sha256, type Tree, type TreeEntry } from '../../model/index.ts';
import type { Extent } from './extent.ts';
import type { GitEntry } from './objects.ts';
import type { Shelf } from './shelf.ts';

/** What a path leads to: an entry, the tree on the way that is missing, or nothing. `passed` is told of each folder. */
export function descend(
  root: string,
  path: string,
  shelf: Pick<Shelf, 'tree'>,
  passed?: (entries: readonly GitEntry[]) => void,
): GitEntry | { readonly missing: string } | undefined {
  let here: GitEntry = { mode: 'dir', name: '', oid: root };
  for (const step of path === '' ? [] : path.split('/')) {
    if (here.mode !== 'dir') return undefined;
    const entries = shelf.tree(here.oid);
    if (entries === undefined) return { missing: here.oid };
    passed?.(entries);
    const next = entries.find(({ name }) => name === step);
    if (next === undefined) return undefined;
    here = next;
  }
  return here;
}

/** What a shelf has of a commit's tree within an extent: what lies outside is away, also where another commit left it. */
export interface Within {
  /** What a path leads to; `away` where that is not known. */
  at(path: string): GitEntry | 'away' | undefined;
  entries(path: string): readonly GitEntry[] | 'away' | undefined;
  bytes(path: string): Uint8Array | 'away' | undefined;
}

export function within(root: string, shelf: Shelf, extent: Extent): Within {
  const at: Within['at'] = (path) => {
    let here: GitEntry = { mode: 'dir', name: '', oid: root };
    let folder = '';
    for (const step of path === '' ? [] : path.split('/')) {
      if (here.mode !== 'dir') return undefined;
      const found = extent.has(folder, true) ? shelf.tree(here.oid) : undefined;
      if (found === undefined) return 'away';
      const next = found.find(({ name }) => name === step);
      if (next === undefined) return undefined;
      here = next;
      folder = folder === '' ? step : `${folder}/${step}`;
    }
    return here;
  };
  return {
    at,
    entries(path) {
      const found = at(path);
      if (found === 'away' || found?.mode !== 'dir') return found === 'away' ? found : undefined;
      return (extent.has(path, true) ? shelf.tree(found.oid) : undefined) ?? 'away';
    },
    bytes(path) {
      const found = at(path);
      if (found === 'away') return found;
      if (found?.mode !== 'file' && found?.mode !== 'exec') return undefined;
      return (extent.has(path, false) ? shelf.bytes(found.oid) : undefined) ?? 'away';
    },
  };
}

/** The same as a tree: no rules hold, links and submodules are not in it. What is away throws `source-incomplete`. */
export function treeOf(part: Within): Tree {
  const known = <T>(found: T | 'away', path: string): T => {
    if (found === 'away') throw incomplete(path);
    return found;
  };
  return {
    stat: (path) => asTree(known(part.at(path), path))[0],
    list(path) {
      const entries = known(part.entries(path), path);
      return entries?.flatMap(asTree).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    read: (path) => known(part.bytes(path), path),
  };
}

function asTree(entry: GitEntry | undefined): TreeEntry[] {
  if (entry === undefined || entry.mode === 'link' || entry.mode === 'module') return [];
  const type = entry.mode === 'dir' ? 'directory' : 'file';
  return [{ name: entry.name, type, digest: sha256(entry.oid), size: 0 }];
}
