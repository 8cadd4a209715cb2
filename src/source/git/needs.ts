import { byCodeUnit, Fault, type Limits } from '../../model/index.ts';
import { type GitEntry, parseCommit, parseTag } from './objects.ts';
import type { Choice } from './pick.ts';
import type { Shelf } from './shelf.ts';

/** What is still missing of a commit, looked for from the top down through what is here. */
export interface Needs {
  /** Takes in what has come since; the number of needed objects that came. Faults `source-bounds`, `source-corrupt`. */
  look(): number;
  /** The commit itself, or a tag on the way to it, is not here: nothing below is known. */
  top(): boolean;
  /** Trees that are missing and wanted by themselves, at most so many; absent where all below is wanted. */
  readonly ways?: (most: number) => readonly string[];
  /** Trees that are missing, at most so many; what is below them is not known. */
  trees(most: number): readonly string[];
  /** Blobs that are missing, at most so many, those of one file name together. */
  blobs(most: number): readonly string[];
  /** Whether a tree or blob is known to be missing. */
  misses(oid: string): boolean;
  /** Puts these at the end, so that one that does not get through keeps no others waiting. */
  later(oids: readonly string[]): void;
  /** Nothing is missing. */
  done(): boolean;
}

interface Walk {
  readonly shelf: Shelf;
  readonly limits: Limits;
  readonly trees: Set<string>;
  /** With the name of the file, by which they are asked for together: what is alike makes small deltas. */
  readonly blobs: Map<string, string>;
  readonly seen: Set<string>;
  found: number;
}

/** Everything below a choice is missing until it is seen here. */
export function createNeeds(choice: Choice, shelf: Shelf, limits: Limits): Needs {
  const below = createBelow(shelf, limits);
  let rooted = false;
  return {
    ...below,
    look() {
      if (rooted) return below.look();
      const root = rootOf(choice, shelf);
      if (root === undefined) return 0;
      rooted = true;
      below.add({ mode: 'dir', name: '', oid: root });
      return 1 + below.look();
    },
    top: () => !rooted,
    done: () => rooted && below.done(),
  };
}

/** What is missing of some entries of trees, and of all below them. */
export interface Below extends Omit<Needs, 'top' | 'ways'> {
  add(entry: GitEntry): void;
}

/** Nothing is needed until it is added. */
export function createBelow(shelf: Shelf, limits: Limits): Below {
  const walk: Walk = { shelf, limits, trees: new Set(), blobs: new Map(), seen: new Set(), found: 0 };
  return {
    add({ mode, name, oid }) {
      if (mode === 'dir') walk.trees.add(oid);
      else if (mode !== 'module') walk.blobs.set(oid, name);
    },
    look() {
      walk.found = 0;
      for (const oid of walk.blobs.keys()) if (shelf.blob(oid) !== undefined) settle(walk, walk.blobs, oid);
      if (descend(walk)) sortByName(walk.blobs);
      return walk.found;
    },
    trees: (most) => first(walk.trees, most),
    blobs: (most) => first(walk.blobs.keys(), most),
    misses: (oid) => walk.blobs.has(oid) || walk.trees.has(oid),
    later(oids) {
      for (const oid of oids) {
        const name = walk.blobs.get(oid);
        if (walk.blobs.delete(oid)) walk.blobs.set(oid, name ?? '');
        if (walk.trees.delete(oid)) walk.trees.add(oid);
      }
    },
    done: () => walk.trees.size === 0 && walk.blobs.size === 0,
  };
}

function first(from: Iterable<string>, most: number): string[] {
  const list: string[] = [];
  for (const oid of from) {
    if (list.length >= most) break;
    list.push(oid);
  }
  return list;
}

/** The tree of the commit that a choice leads to; undefined while something on the way is missing. */
export function rootOf(choice: Choice, shelf: Shelf): string | undefined {
  let oid = choice.want;
  for (let i = 0; i < 8; i++) {
    const found = shelf.get(oid);
    if (found === undefined) return undefined;
    if (found.type === 'commit') return parseCommit(found.bytes, oid).tree;
    if (found.type !== 'tag') break;
    oid = parseTag(found.bytes, oid).object;
  }
  throw new Fault('source-refused', `'${choice.ref ?? choice.want}' does not lead to a commit`);
}

function settle(walk: Walk, from: { delete(oid: string): boolean }, oid: string): void {
  from.delete(oid);
  walk.found += 1;
}

/** Follows the trees that have come, and those below them; true when it met blobs that are missing. */
function descend(walk: Walk): boolean {
  const { shelf, trees, blobs, seen } = walk;
  const todo = [...trees].reverse();
  const before = blobs.size;
  for (let oid = todo.pop(); oid !== undefined; oid = todo.pop()) {
    const entries = shelf.tree(oid);
    if (entries === undefined) {
      trees.add(oid);
      continue;
    }
    if (trees.has(oid)) settle(walk, trees, oid);
    for (const entry of entries) {
      if (entry.mode === 'module' || seen.has(entry.oid)) continue;
      seen.add(entry.oid);
      if (entry.mode === 'dir') todo.push(entry.oid);
      else if (shelf.blob(entry.oid) === undefined) blobs.set(entry.oid, entry.name);
    }
    if (seen.size > walk.limits.treeFiles)
      throw new Fault(
        'source-bounds',
        `the repository has more than ${walk.limits.treeFiles} files and folders (limits.treeFiles)`,
      );
  }
  return blobs.size > before;
}

function sortByName(blobs: Map<string, string>): void {
  const sorted = [...blobs].sort((a, b) => byCodeUnit(a[1], b[1]));
  blobs.clear();
  for (const [oid, name] of sorted) blobs.set(oid, name);
}
