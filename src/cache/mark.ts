import { contentOf, type Digest, type SourceRevision, type StoredEntry } from '../model/index.ts';
import { digestAt } from './bytes.ts';
import { decodeFolder } from './folder.ts';
import { CODEC, ENTRY_BYTES, entryAt, KIND } from './pack.ts';
import type { Found, Pack, Packs } from './packs.ts';
import { renderedDigests } from './renders.ts';
import type { Committed, StagedContent } from './writer.ts';

/** Everything that must stay. */
export interface Roots {
  readonly revisions: readonly SourceRevision[];
  readonly renders: readonly Digest[];
  /** Listings of what has come of transfers that have not ended; one that is damaged holds nothing up. */
  readonly parts: readonly Digest[];
  /** Content that no pointer names yet. */
  readonly committed: readonly Committed[];
  readonly staged?: StagedContent;
}

export interface Marks {
  isLive(pack: Pack, position: number): boolean;
  /** Contents marked, and their bytes. */
  readonly contents: number;
  readonly bytes: number;
  /** False when a listing or a render could not be read: what it names is unknown, so nothing may be freed. */
  readonly whole: boolean;
  /** Contents that are named and not there. */
  readonly missing: number;
}

export interface MarkOptions {
  /** Lets other work run; called every few hundred contents. */
  readonly pause: () => Promise<void>;
  /** Read and verify every content, not only listings. */
  readonly readAll: boolean;
}

const PAUSE_EVERY = 256;

type As = 'blob' | 'folder' | 'render' | 'part' | 'of-part';

interface State {
  readonly packs: Packs;
  readonly live: Map<Pack, Uint8Array>;
  /** Listings and renders that have been followed. */
  readonly walked: Map<Pack, Uint8Array>;
  readonly todo: { readonly digest: Digest; readonly as: As }[];
  readonly readAll: boolean;
  contents: number;
  bytes: number;
  whole: boolean;
  missing: number;
}

/** Finds everything that the roots reach: one bit a content, and a stack of digests no longer than a folder's tree. */
export async function mark(packs: Packs, roots: Roots, options: MarkOptions): Promise<Marks> {
  const counts = { contents: 0, bytes: 0, whole: true, missing: 0 };
  const state: State = { packs, live: new Map(), walked: new Map(), todo: [], readAll: options.readAll, ...counts };
  let steps = 0;
  for (const push of startsOf(state, roots)) {
    push();
    for (let next = state.todo.pop(); next !== undefined; next = state.todo.pop()) {
      visit(state, next.digest, next.as);
      if (++steps % PAUSE_EVERY === 0) await options.pause();
    }
  }
  return {
    isLive: (pack, position) => hasBit(state.live.get(pack), position),
    contents: state.contents,
    bytes: state.bytes,
    whole: state.whole,
    missing: state.missing,
  };
}

/** One function a root, so that the stack stays short. */
function* startsOf(state: State, roots: Roots): Generator<() => void> {
  const { todo } = state;
  for (const revision of roots.revisions)
    yield () => {
      const { folders, contents } = contentOf(revision);
      for (const digest of folders) todo.push({ digest, as: 'folder' });
      for (const digest of contents) todo.push({ digest, as: 'blob' });
    };
  for (const digest of roots.renders) yield () => void todo.push({ digest, as: 'render' });
  for (const digest of roots.parts) yield () => void todo.push({ digest, as: 'part' });
  for (const one of roots.committed) {
    for (const digest of one.reused) yield () => pushAsStored(state, digest);
    for (const pack of state.packs.all().filter(({ file }) => one.files.includes(file)))
      for (const digest of digestsOf(state.packs, pack)) yield () => pushAsStored(state, digest);
  }
  if (roots.staged === undefined) return;
  for (const digest of roots.staged.reused) yield () => pushAsStored(state, digest);
  for (const entries of roots.staged.folders()) yield () => pushPresent(state, entries);
}

function* digestsOf(packs: Packs, pack: Pack): Generator<Digest> {
  const index = packs.indexOf(pack);
  for (let i = 0; index !== undefined && i < index.contents; i++)
    if (entryAt(index, i).codec !== CODEC.elsewhere) yield digestAt(index.bytes, i * ENTRY_BYTES);
}

function pushAsStored(state: State, digest: Digest): void {
  const kind = state.packs.find(digest)?.entry.kind;
  state.todo.push({ digest, as: kind === KIND.folder ? 'folder' : kind === KIND.render ? 'render' : 'blob' });
}

/** Children of a staged folder that are in the store; the others are staged themselves. */
function pushPresent(state: State, entries: readonly StoredEntry[]): void {
  for (const { digest, mode } of entries)
    if (digest !== undefined && state.packs.find(digest) !== undefined)
      state.todo.push({ digest, as: mode === 'dir' ? 'folder' : 'blob' });
}

function visit(state: State, digest: Digest, as: As): void {
  const found = state.packs.find(digest);
  if (found === undefined) {
    lose(state, as);
    return;
  }
  const fresh = setBit(state.live, state.packs, found);
  if (fresh) {
    state.contents++;
    state.bytes += found.entry.stored;
  }
  const follow = as !== 'blob' && as !== 'of-part' && setBit(state.walked, state.packs, found);
  if (!follow && !(state.readAll && fresh)) return;
  const bytes = state.packs.readCopy(found, digest);
  // That copy is damaged; another one may be whole.
  if (bytes === undefined) {
    visit(state, digest, as);
    return;
  }
  if (!follow) return;
  const before = state.todo.length;
  if (as === 'folder') pushChildren(state, decodeFolder(bytes), ['folder', 'blob']);
  else if (as === 'part') pushChildren(state, decodeFolder(bytes), ['part', 'of-part']);
  else for (const child of renderedDigests(bytes) ?? []) state.todo.push({ digest: child, as: 'blob' });
  if (state.todo.length === before && !isEmptyRightly(bytes, as)) lose(state, as);
}

function pushChildren(state: State, entries: readonly StoredEntry[] | undefined, as: readonly [As, As]): void {
  for (const { digest, mode } of entries ?? [])
    if (digest !== undefined) state.todo.push({ digest, as: mode === 'dir' ? as[0] : as[1] });
}

function isEmptyRightly(bytes: Uint8Array, as: As): boolean {
  return as !== 'render' ? decodeFolder(bytes) !== undefined : renderedDigests(bytes) !== undefined;
}

function lose(state: State, as: As): void {
  if (as === 'part' || as === 'of-part') return;
  state.missing++;
  if (as !== 'blob') state.whole = false;
}

/** True when the bit was not set before. */
function setBit(bits: Map<Pack, Uint8Array>, packs: Packs, { pack, position }: Found): boolean {
  let map = bits.get(pack);
  if (map === undefined) {
    map = new Uint8Array(((packs.indexOf(pack)?.contents ?? 0) >> 3) + 1);
    bits.set(pack, map);
  }
  if (hasBit(map, position)) return false;
  const byte = position >> 3;
  map[byte] = (map[byte] ?? 0) | (1 << (position & 7));
  return true;
}

function hasBit(map: Uint8Array | undefined, position: number): boolean {
  return ((map?.[position >> 3] ?? 0) & (1 << (position & 7))) !== 0;
}
