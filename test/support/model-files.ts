import type { FileStat, Files, OpenFile } from '../../agent/adapters/disk/files.ts';

/** Errors that the model can be told to give. */
export type Errno = 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EROFS';

/** A file: what the kernel shows, and what is on the platters. */
export interface FileNode {
  readonly kind: 'file';
  data: Buffer;
  /** What is certain to be there after a power cut. */
  synced: Buffer;
}
/** A folder, the same way. */
export interface FolderNode {
  readonly kind: 'folder';
  readonly entries: Map<string, Node>;
  /** The names that are certain, and the changes that are not, oldest first. */
  synced: Map<string, Node>;
  pending: { readonly changes: readonly (readonly [string, Node | undefined])[] }[];
}
type Node = FileNode | FolderNode;

/** A running process on the model, and what it was told to suffer. */
export interface Process {
  readonly top: FolderNode;
  step: number;
  cut: number;
  dead: boolean;
  fail: { readonly step: number; readonly code: Errno; readonly stays: boolean } | undefined;
  short: (() => number) | undefined;
}

/** A small seeded generator of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An empty folder. */
export function newFolder(): FolderNode {
  return { kind: 'folder', entries: new Map(), synced: new Map(), pending: [] };
}

/** The node at an absolute path. */
export function find(top: FolderNode, path: string): Node | undefined {
  let here: Node | undefined = top;
  for (const part of path.split('/').filter((one) => one !== '')) {
    if (here?.kind !== 'folder') return undefined;
    here = here.entries.get(part);
  }
  return here;
}

/** The paths of all files below a node. */
export function walk(node: Node | undefined, path: string): string[] {
  if (node === undefined) return [];
  if (node.kind === 'file') return [path];
  return [...node.entries].sort().flatMap(([name, child]) => walk(child, path === '' ? name : `${path}/${name}`));
}

/** The same tree with nodes of its own: the dead process must not reach it. */
export function copyFolder(folder: FolderNode): FolderNode {
  const seen = new Map<Node, Node>();
  const copy = (node: Node): Node => {
    const before = seen.get(node);
    if (before !== undefined) return before;
    if (node.kind === 'file') {
      const made: FileNode = { ...node };
      seen.set(node, made);
      return made;
    }
    const made = newFolder();
    seen.set(node, made);
    for (const [name, child] of node.entries) made.entries.set(name, copy(child));
    for (const [name, child] of node.synced) made.synced.set(name, copy(child));
    made.pending = node.pending.map(({ changes }) => ({
      changes: changes.map(([name, child]) => [name, child === undefined ? undefined : copy(child)] as const),
    }));
    return made;
  };
  return copy(folder) as FolderNode;
}

/** What is left of a node after the power went. */
export function survivor(node: Node, random: () => number): Node {
  if (node.kind === 'file') {
    const data = survivingData(node, random);
    return { kind: 'file', data, synced: data };
  }
  const names = new Map(node.synced);
  // Three moods: everything unsynced is lost, everything is kept, each for itself.
  const mood = random();
  for (const { changes } of node.pending) {
    const kept = mood < 0.25 ? false : mood < 0.5 ? true : random() < 0.5;
    if (!kept) continue;
    for (const [name, child] of changes) {
      if (child === undefined) names.delete(name);
      else names.set(name, child);
    }
  }
  const made = newFolder();
  for (const [name, child] of names) {
    const left = survivor(child, random);
    made.entries.set(name, left);
    made.synced.set(name, left);
  }
  return made;
}

function survivingData({ data, synced }: FileNode, random: () => number): Buffer {
  if (data.equals(synced)) return synced;
  const extra = data.length - synced.length;
  const kept = Math.floor(random() * (extra + 1));
  const out = Buffer.from(data.subarray(0, synced.length + kept));
  // The length may be there before the data is.
  if (random() < 0.4 && kept > 0) out.fill(0, synced.length + Math.floor(random() * kept));
  return out;
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: model, ${path}`), { code });
}

/** Counts a step; throws where the process dies or the call fails. `half` is done before either. */
function step(process: Process, path: string, half: () => void = () => undefined): void {
  alive(process);
  process.step++;
  if (process.step === process.cut) {
    half();
    process.dead = true;
    throw errno('EIO', `${path} (the process is dead)`);
  }
  const { fail } = process;
  if (fail === undefined || !(process.step === fail.step || (fail.stays && process.step > fail.step))) return;
  half();
  throw errno(fail.code, path);
}

function alive(process: Process): void {
  if (process.dead) throw errno('EIO', 'the process is dead');
}

function split(path: string): { folder: string; name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, slash), name: path.slice(slash + 1) };
}

function folderAt(process: Process, path: string): FolderNode {
  const node = find(process.top, path);
  if (node === undefined) throw errno('ENOENT', path);
  if (node.kind !== 'folder') throw errno('ENOTDIR', path);
  return node;
}

function change(folder: FolderNode, changes: readonly (readonly [string, Node | undefined])[]): void {
  for (const [name, node] of changes) {
    if (node === undefined) folder.entries.delete(name);
    else folder.entries.set(name, node);
  }
  folder.pending.push({ changes });
}

/** The system calls of a process on the model. */
export function modelFiles(process: Process): Files {
  const stat = (path: string): FileStat | undefined => {
    alive(process);
    const node = find(process.top, path);
    return node === undefined ? undefined : { kind: node.kind, size: node.kind === 'file' ? node.data.length : 0 };
  };
  return {
    stat,
    list: (path) => {
      alive(process);
      const node = find(process.top, path);
      return node?.kind === 'folder' ? [...node.entries.keys()] : [];
    },
    read: (path, offset = 0, length) => {
      alive(process);
      const node = find(process.top, path);
      if (node === undefined) return undefined;
      if (node.kind !== 'file') throw errno('EINVAL', path);
      return Buffer.from(node.data.subarray(offset, length === undefined ? undefined : offset + length));
    },
    open: async (path, how) => {
      const { folder, name } = split(path);
      const parent = folderAt(process, folder);
      const existing = parent.entries.get(name);
      if (existing !== undefined && (how === 'new' || existing.kind === 'folder')) throw errno('EEXIST', path);
      if (existing?.kind === 'file') return openFile(process, existing, path);
      step(process, path);
      const made: FileNode = { kind: 'file', data: Buffer.alloc(0), synced: Buffer.alloc(0) };
      change(parent, [[name, made]]);
      return openFile(process, made, path);
    },
    makeFolder: async (path) => {
      const { folder, name } = split(path);
      const parent = folderAt(process, folder);
      if (parent.entries.has(name)) return false;
      step(process, path);
      change(parent, [[name, newFolder()]]);
      return true;
    },
    syncFolder: async (path) => {
      const folder = folderAt(process, path === '' ? '/' : path);
      step(process, path);
      folder.synced = new Map(folder.entries);
      folder.pending = [];
    },
    rename: async (from, to) => {
      const source = split(from);
      const target = split(to);
      const parent = folderAt(process, source.folder);
      const into = folderAt(process, target.folder);
      const node = parent.entries.get(source.name);
      if (node === undefined) throw errno('ENOENT', from);
      step(process, to);
      if (parent === into)
        change(parent, [
          [source.name, undefined],
          [target.name, node],
        ]);
      else {
        change(parent, [[source.name, undefined]]);
        change(into, [[target.name, node]]);
      }
    },
    unlink: async (path) => {
      const { folder, name } = split(path);
      alive(process);
      const parent = find(process.top, folder);
      if (parent?.kind !== 'folder' || !parent.entries.has(name)) return false;
      step(process, path);
      change(parent, [[name, undefined]]);
      return true;
    },
    askWrite: (path) => {
      const { fail } = process;
      if (fail?.stays === true && fail.code === 'EROFS' && process.step + 1 >= fail.step) throw errno(fail.code, path);
    },
    free: () => undefined,
  };
}

function openFile(process: Process, node: FileNode, path: string): OpenFile {
  const add = (bytes: Uint8Array): number => {
    node.data = Buffer.concat([node.data, bytes]);
    return bytes.length;
  };
  return {
    write: async (bytes) => {
      const some = process.short === undefined ? bytes.length : Math.ceil(process.short() * bytes.length);
      step(process, path, () => add(bytes.subarray(0, bytes.length >> 1)));
      return add(bytes.subarray(0, some));
    },
    readAt: (offset, length) => {
      alive(process);
      return Buffer.from(node.data.subarray(offset, offset + length));
    },
    sync: async () => {
      step(process, path);
      node.synced = node.data;
    },
    close: async () => undefined,
  };
}
