import { type Digest, Fault, type Limits, type StoredEntry } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { buildTree, type GitEntry, type ObjectType, objectId, parseTree } from './objects.ts';
import type { ObjectShelf } from './pack.ts';
import type { Staging } from './staging.ts';

/**
 * How Git's ids become aliases of stored content, each within the scope of a repository and tenant (scope.ts):
 * - `<oid>`: the bytes of a blob, commit or tag object.
 * - `<oid>#tree`: a stored folder with the names, modes and ids of this tree, whatever its `hidden` flags: enough to
 *   write the tree object again.
 * - `<oid>#<rules>`: the stored folder of this tree under these rules (IgnoreRules.id). `hidden` is part of a folder's
 *   digest, so only this one may be used again as it is.
 */
export const treeAlias = (oid: string): string => `${oid}#tree`;
/**
 * `<oid>#raw`: the bytes of a tree object, of a transfer that has not ended: whether its names can be taken, and what
 * they name is here, shows at the end.
 */
const rawAlias = (oid: string): string => `${oid}#raw`;
export const folderAlias = (oid: string, rules: string): string => `${oid}#${rules}`;

/** Git objects, new and old, over a ContentWriter. */
export interface Shelf extends ObjectShelf {
  /** The entries of a tree, from the pack or from the store; undefined when it is in neither. */
  tree(oid: string): readonly GitEntry[] | undefined;
  /** The bytes of a commit or tag, from the pack or the store. */
  bytes(oid: string): Uint8Array | undefined;
  /** Digest of a blob that is here. */
  blob(oid: string): Digest | undefined;
}

/** A shelf that takes objects. */
export interface OpenShelf extends Shelf {
  /** Objects taken so far. */
  taken(): number;
}

const DRAIN_BYTES = 1_048_576;
/** Objects of a pack kept for the deltas that follow: a base is mostly near. */
const RECENT_BYTES = 2_097_152;

interface Held {
  readonly type: ObjectType;
  readonly bytes: Buffer;
}

/**
 * An empty shelf. Trees stay in memory, all else goes to the writer at once. Fault `source-bounds` where the trees of all
 * answers together need more than `limits.packHeldBytes`.
 */
export function createShelf(writer: Staging, limits: Pick<Limits, 'packHeldBytes'>): OpenShelf {
  const trees = new Map<string, Buffer>();
  const recent = new Map<string, Held>();
  const kept = new Set<string>();
  let held = 0;
  let recentBytes = 0;
  let taken = 0;
  writer.beforeKeep = () => {
    for (const [oid, bytes] of trees) if (!kept.has(oid)) writer.put(bytes, rawAlias(oid));
    for (const oid of trees.keys()) kept.add(oid);
  };
  const hold = (oid: string, bytes: Buffer): void => {
    if (trees.has(oid)) return;
    held += bytes.length;
    if (held > limits.packHeldBytes) throw tooManyTrees(limits.packHeldBytes);
    trees.set(oid, bytes);
    writer.awaits(bytes.length);
  };
  const remember = (type: ObjectType, oid: string, bytes: Buffer): void => {
    recent.set(oid, { type, bytes });
    recentBytes += bytes.length;
    for (const [old, held] of recent) {
      if (recentBytes <= RECENT_BYTES) break;
      recent.delete(old);
      recentBytes -= held.bytes.length;
    }
  };
  const below = createReadShelf(writer);
  let sinceDrain = 0;
  return {
    ...below,
    add(type, oid, bytes) {
      if (type === 'tree') hold(oid, bytes);
      else writer.put(bytes, oid);
      if (type !== 'tree' && !recent.has(oid)) remember(type, oid, bytes);
      sinceDrain += bytes.length;
      taken += 1;
    },
    taken: () => taken,
    get(oid) {
      const held = trees.get(oid);
      return held === undefined ? (recent.get(oid) ?? below.get(oid)) : { type: 'tree', bytes: held };
    },
    rest() {
      if (sinceDrain < DRAIN_BYTES && !writer.due()) return undefined;
      sinceDrain = 0;
      return writer.drain();
    },
    tree(oid) {
      const held = trees.get(oid);
      return held === undefined ? below.tree(oid) : parseTree(held, oid);
    },
  };
}

function tooManyTrees(most: number): Fault {
  return new Fault(
    'source-bounds',
    `the folders of the repository need more than ${most} bytes of memory (limits.packHeldBytes)`,
  );
}

/** What is in the store, as a shelf that takes nothing. */
export function createReadShelf(reader: Pick<ContentWriter, 'byAlias' | 'has' | 'get' | 'folder'>): Shelf {
  const find = (alias: string): Digest | undefined => {
    const digest = reader.byAlias(alias);
    return digest === undefined || !reader.has(digest) ? undefined : digest;
  };
  const bytes = (oid: string): Uint8Array | undefined => {
    const digest = find(oid);
    return digest === undefined ? undefined : reader.get(digest);
  };
  const tree = (oid: string): readonly GitEntry[] | undefined => {
    const digest = find(treeAlias(oid));
    if (digest !== undefined) return reader.folder(digest).map(asGit);
    const raw = find(rawAlias(oid));
    return raw === undefined ? undefined : parseTree(reader.get(raw), oid);
  };
  return {
    add() {
      throw new Fault('internal', 'this shelf takes nothing');
    },
    get(oid) {
      const stored = bytes(oid);
      if (stored !== undefined) return typed(oid, stored);
      const entries = tree(oid);
      if (entries === undefined) return undefined;
      const built = buildTree(entries);
      return objectId('tree', built) === oid ? { type: 'tree', bytes: built } : undefined;
    },
    rest: () => undefined,
    tree,
    bytes,
    blob: find,
  };
}

/** The type under which the bytes have this id: the id proves both. */
function typed(oid: string, bytes: Uint8Array): { type: ObjectType; bytes: Uint8Array } | undefined {
  const type = (['blob', 'commit', 'tag'] as const).find((t) => objectId(t, bytes) === oid);
  return type === undefined ? undefined : { type, bytes };
}

function asGit(entry: StoredEntry): GitEntry {
  return { mode: entry.mode, name: entry.name, oid: entry.alias };
}
