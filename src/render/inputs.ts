import type { Tree } from '../model/index.ts';

/** What a render looked at: each path with the digest that was there, '' for nothing. */
export type Inputs = readonly (readonly [path: string, digest: string])[];

/** A tree that notes what is asked of it. Inside a folder that was listed, its files are noted one by one when read. */
export function recordingTree(tree: Tree): { readonly tree: Tree; readonly inputs: () => Inputs } {
  const seen = new Map<string, string>();
  const note = (path: string): void => {
    if (!seen.has(path)) seen.set(path, tree.stat(path)?.digest ?? '');
  };
  return {
    tree: {
      list: (path) => {
        const found = tree.list(path);
        // A folder's digest covers all below it; what matters of a listing is the names, so those are what is noted.
        seen.set(`${path}/`, (found ?? []).map((entry) => `${entry.type[0] ?? ''}${entry.name}`).join('\0'));
        return found;
      },
      stat: (path) => {
        const found = tree.stat(path);
        if (found?.type !== 'file') seen.set(`${path}?`, found?.type ?? '');
        else note(path);
        return found;
      },
      read: (path) => {
        note(path);
        return tree.read(path);
      },
    },
    inputs: () => [...seen],
  };
}

/** True when a render that looked at these would find the same in this tree. */
export function sameInputs(tree: Tree, inputs: Inputs): boolean {
  return inputs.every(([path, was]) => {
    if (path.endsWith('/')) return namesOf(tree, path.slice(0, -1)) === was;
    if (path.endsWith('?')) return (tree.stat(path.slice(0, -1))?.type ?? '') === was;
    return (tree.stat(path)?.digest ?? '') === was;
  });
}

function namesOf(tree: Tree, path: string): string {
  return (tree.list(path) ?? []).map((entry) => `${entry.type[0] ?? ''}${entry.name}`).join('\0');
}
