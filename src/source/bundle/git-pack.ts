import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { type Digest, Fault, ownRevision, type SourceRevision, type StoredEntry } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { buildTree, type GitEntry, type ObjectType, objectId, parseCommit, parseTag } from '../git/objects.ts';
import { writeGitHead } from './git-head.ts';

/** Where objects are read from. */
export type Objects = Pick<ContentReader, 'folder' | 'get' | 'has'>;

/** One object that goes into a pack. */
interface Item {
  readonly type: ObjectType;
  readonly oid: string;
  /** Content of a blob, commit or tag; the stored folder of a tree. */
  readonly digest: Digest;
}

/** The Git objects of a revision, and the ref that leads to it. */
export interface GitContent {
  readonly ref: { readonly name: string; readonly oid: string };
  /** The commit that it is a difference to; undefined for a whole. */
  readonly base: string | undefined;
  readonly items: readonly Item[];
}

const TYPES: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };

/**
 * What a bundle of a GitRepository's own revision holds: its commit, the tags before it, and the trees and blobs that the
 * base does not have. Submodules are not in it. Fault `cache-damaged` when something of it is not on this disk.
 */
export function gitContent(store: Objects, revision: SourceRevision, base: SourceRevision | undefined): GitContent {
  const own = ownRevision(revision);
  const chain = chainOf(store, own);
  const known = new Set<string>();
  if (base !== undefined)
    for (const item of below(store, ownRevision(base).root, treeOf(store, base))) known.add(item.oid);
  const items = new Map<string, Item>(chain.map((item) => [item.oid, item]));
  for (const item of below(store, own.root, treeOf(store, own), known)) items.set(item.oid, item);
  const commit = own.metadata['commit'] ?? '';
  const name = own.metadata['ref'] ?? '';
  return {
    ref: { name: name === '' ? 'HEAD' : name, oid: chain.at(-1)?.oid ?? commit },
    base: base?.metadata['commit'],
    items: [...items.values()],
  };
}

/** The commit and the tags before it, out of what a revision keeps: these, then its survey. */
function chainOf(store: Objects, own: SourceRevision): readonly Item[] {
  const commit = own.metadata['commit'] ?? '';
  const chain: Item[] = [];
  for (const digest of own.keep.slice(0, -1)) {
    const bytes = store.get(digest);
    const type: ObjectType = chain.length === 0 ? 'commit' : 'tag';
    const oid = objectId(type, bytes);
    if (type === 'commit' ? oid !== commit : parseTag(bytes, oid).object !== chain.at(-1)?.oid)
      throw new Fault('cache-damaged', `${own.revision}: what is kept of it does not lead to its commit`);
    chain.push({ type, oid, digest });
  }
  if (chain.length === 0) throw new Fault('cache-damaged', `${own.revision}: its commit is not kept`);
  return chain;
}

function treeOf(store: Objects, revision: SourceRevision): string {
  const [commit] = chainOf(store, ownRevision(revision));
  return commit === undefined ? '' : parseCommit(store.get(commit.digest), commit.oid).tree;
}

/** Trees and blobs below a stored folder, each once, in the order of a walk; those that are known, and below, are not. */
function* below(store: Objects, root: Digest, tree: string, known: ReadonlySet<string> = new Set()): Generator<Item> {
  const seen = new Set<string>();
  const todo: Item[] = [{ type: 'tree', oid: tree, digest: root }];
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    if (seen.has(item.oid) || known.has(item.oid)) continue;
    seen.add(item.oid);
    yield item;
    if (item.type !== 'tree') continue;
    const entries = store.folder(item.digest).filter(({ mode }) => mode !== 'module');
    for (const { mode, alias, digest, name } of [...entries].reverse()) {
      if (digest === undefined || !store.has(digest))
        throw new Fault('cache-damaged', `'${name}' (${alias}) of the revision is not on this disk: fetch it whole`);
      todo.push({ type: mode === 'dir' ? 'tree' : 'blob', oid: alias, digest });
    }
  }
}

/** A Git bundle of this content, in parts; equal content gives equal bytes with one version of zlib. */
export function* writeGitBundle(store: Objects, { ref, base, items }: GitContent): Generator<Uint8Array> {
  yield writeGitHead(base === undefined ? [] : [{ oid: base, name: '' }], [ref]);
  const sum = createHash('sha1');
  const head = Buffer.alloc(12);
  head.write('PACK', 'latin1');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(items.length, 8);
  sum.update(head);
  yield head;
  for (const { type, oid, digest } of items) {
    const bytes = type === 'tree' ? buildTree(store.folder(digest).map(asGit)) : store.get(digest);
    if (objectId(type, bytes) !== oid) throw new Fault('cache-damaged', `${type} ${oid} does not have its id any more`);
    for (const part of [entryHead(TYPES[type], bytes.length), deflateSync(bytes)]) {
      sum.update(part);
      yield part;
    }
  }
  yield sum.digest();
}

const asGit = ({ mode, name, alias }: StoredEntry): GitEntry => ({ mode, name, oid: alias });

/** Type and size of an object in a pack (gitformat-pack). */
function entryHead(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size % 16)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest % 128);
  }
  return Buffer.from(bytes);
}
