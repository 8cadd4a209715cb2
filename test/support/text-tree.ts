import { byCodeUnit, sha256, type Tree, type TreeEntry } from '../../src/model/index.ts';

/** A Tree of texts by path, for renders. */
export function textTree(files: Readonly<Record<string, string | Uint8Array>>): Tree {
  const bytes = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const folders = new Map<string, Map<string, TreeEntry>>([['', new Map()]]);
  for (const [path, content] of bytes) {
    const parts = path.split('/');
    for (let depth = 0; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      const name = parts[depth] ?? '';
      const leaf = depth === parts.length - 1;
      const entry: TreeEntry = leaf
        ? { name, type: 'file', digest: sha256(content), size: content.length }
        : { name, type: 'directory', digest: sha256(`${folder}/${name}`), size: 0 };
      folders.set(folder, (folders.get(folder) ?? new Map<string, TreeEntry>()).set(name, entry));
    }
  }
  const list = (path: string): readonly TreeEntry[] | undefined => {
    const found = folders.get(path);
    return found === undefined ? undefined : [...found.values()].sort((a, b) => byCodeUnit(a.name, b.name));
  };
  return {
    list,
    stat: (path) => {
      if (path === '') return { name: '', type: 'directory', digest: sha256(''), size: 0 };
      const cut = path.lastIndexOf('/');
      return folders.get(cut < 0 ? '' : path.slice(0, cut))?.get(path.slice(cut + 1));
    },
    read: (path) => bytes.get(path),
  };
}
