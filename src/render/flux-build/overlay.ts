import { byCodeUnit, sha256, type Tree, type TreeEntry } from '../../model/index.ts';

/** A tree with one file put into it, or replaced; the tree itself is not changed. */
export function withFile(tree: Tree, path: string, bytes: Uint8Array): Tree {
  return withFiles(tree, new Map([[path, bytes]]));
}

/** A tree with files put into it, or replaced; their folders must be there. */
export function withFiles(tree: Tree, files: ReadonlyMap<string, Uint8Array>): Tree {
  const entries = new Map<string, TreeEntry>();
  const folders = new Map<string, TreeEntry[]>();
  for (const [path, bytes] of files) {
    const slash = path.lastIndexOf('/');
    const entry: TreeEntry = { name: path.slice(slash + 1), type: 'file', digest: sha256(bytes), size: bytes.length };
    const folder = slash < 0 ? '' : path.slice(0, slash);
    entries.set(path, entry);
    folders.set(folder, [...(folders.get(folder) ?? []), entry]);
  }
  return {
    list(at) {
      const found = tree.list(at);
      const own = folders.get(at);
      if (found === undefined || own === undefined) return found;
      const names = new Set(own.map(({ name }) => name));
      return [...found.filter(({ name }) => !names.has(name)), ...own].sort((a, b) => byCodeUnit(a.name, b.name));
    },
    stat: (at) => entries.get(at) ?? tree.stat(at),
    read: (at) => files.get(at) ?? tree.read(at),
  };
}
