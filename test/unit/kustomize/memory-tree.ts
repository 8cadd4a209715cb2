import { byCodeUnit, sha256, type Tree, type TreeEntry } from '../../../src/model/index.ts';

/** A tree of texts, for tests. */
export function memoryTree(files: Readonly<Record<string, string | Uint8Array>>): Tree {
  const bytes = (path: string): Uint8Array | undefined => {
    const found = Object.hasOwn(files, path) ? files[path] : undefined;
    return typeof found === 'string' ? new TextEncoder().encode(found) : found;
  };
  const isFolder = (path: string): boolean =>
    path === '' || Object.keys(files).some((file) => file.startsWith(`${path}/`));
  const stat = (path: string): TreeEntry | undefined => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const content = bytes(path);
    if (content !== undefined) return { name, type: 'file', digest: sha256(content), size: content.length };
    return isFolder(path) ? { name, type: 'directory', digest: sha256(path), size: 0 } : undefined;
  };
  return {
    stat,
    read: bytes,
    list(path) {
      if (!isFolder(path)) return undefined;
      const prefix = path === '' ? '' : `${path}/`;
      const names = Object.keys(files)
        .filter((file) => file.startsWith(prefix))
        .map((file) => file.slice(prefix.length).split('/', 1)[0] ?? '');
      return [...new Set(names)].sort(byCodeUnit).flatMap((name) => stat(prefix + name) ?? []);
    },
  };
}
