import { treeView } from '../../src/cache/tree.ts';
import { byCodeUnit, type Digest, Fault, type StoredEntry, sha256 } from '../../src/model/index.ts';
import type { ContentStore, ContentWriter, KeptPart, PartKeeper } from '../../src/ports/index.ts';

interface Contents {
  readonly blobs: Map<Digest, Uint8Array>;
  readonly folders: Map<Digest, readonly StoredEntry[]>;
  readonly aliases: Map<string, Digest>;
}

/** A ContentStore in memory, with means to lose and break content. */
export interface MemoryStore extends ContentStore {
  readonly parts: PartKeeper;
  /** Forgets content, as garbage collection does; aliases to it stay. */
  forget(digest: Digest): void;
  /** Changes a byte of content: reading it throws `cache-damaged`, and from then on it is not there. */
  damage(digest: Digest): void;
  /** Contents of files and of folders. */
  sizes(): { readonly blobs: number; readonly folders: number; readonly bytes: number };
  /** Writers that are neither committed nor discarded. */
  open(): number;
}

const empty = (): Contents => ({ blobs: new Map(), folders: new Map(), aliases: new Map() });

/** An empty store. Everything is gone with the process. */
export function memoryStore(): MemoryStore {
  const kept = empty();
  const damaged = new Set<Digest>();
  const parts = new Map<string, KeptPart>();
  const found = new Set<Digest>();
  let writers = 0;
  const check = (digest: Digest): void => {
    if (!damaged.has(digest)) return;
    found.add(digest);
    throw new Fault('cache-damaged', `${digest} is damaged`);
  };
  const get = (digest: Digest, own: Contents = kept): Uint8Array => {
    const staged = own === kept ? undefined : own.blobs.get(digest);
    if (staged !== undefined) return staged;
    check(digest);
    const bytes = kept.blobs.get(digest);
    if (bytes === undefined) throw new Fault('cache-damaged', `${digest} is not in the store`);
    return bytes;
  };
  const folder = (digest: Digest, own: Contents = kept): readonly StoredEntry[] => {
    const staged = own === kept ? undefined : own.folders.get(digest);
    if (staged !== undefined) return staged;
    check(digest);
    const entries = kept.folders.get(digest);
    if (entries === undefined) throw new Fault('cache-damaged', `${digest} is not the listing of a folder`);
    return entries;
  };
  const has = (digest: Digest, own: Contents = kept): boolean =>
    (own !== kept && (own.blobs.has(digest) || own.folders.has(digest))) ||
    (!found.has(digest) && (kept.blobs.has(digest) || kept.folders.has(digest)));
  const writer = (): ContentWriter => {
    const own = empty();
    let ended = false;
    writers += 1;
    const end = (): void => {
      if (!ended) writers -= 1;
      ended = true;
    };
    const take = (digest: Digest, alias: string | undefined): Digest => {
      if (ended) throw new Fault('internal', 'put into a writer that is committed or discarded');
      if (alias !== undefined && alias !== '') own.aliases.set(alias, digest);
      return digest;
    };
    return {
      put(bytes, alias) {
        const digest = sha256(bytes);
        if (!has(digest, own)) own.blobs.set(digest, Uint8Array.from(bytes));
        return take(digest, alias);
      },
      putFolder(entries, alias) {
        const sorted = [...entries].sort((a, b) => byCodeUnit(a.name, b.name));
        const digest = sha256(JSON.stringify(sorted.map((e) => [e.name, e.mode, e.digest ?? null, e.hidden, e.alias])));
        if (!has(digest, own)) own.folders.set(digest, sorted);
        return take(digest, alias);
      },
      get: (digest) => get(digest, own),
      has: (digest) => has(digest, own),
      byAlias: (alias) => own.aliases.get(alias) ?? kept.aliases.get(alias),
      folder: (digest) => folder(digest, own),
      drain: () => Promise.resolve(),
      async commit() {
        if (ended) throw new Fault('internal', 'commit of a writer that is committed or discarded');
        for (const digest of [...own.blobs.keys(), ...own.folders.keys()]) {
          damaged.delete(digest);
          found.delete(digest);
        }
        for (const [k, v] of own.blobs) kept.blobs.set(k, v);
        for (const [k, v] of own.folders) kept.folders.set(k, v);
        for (const [k, v] of own.aliases) kept.aliases.set(k, v);
        end();
      },
      async discard() {
        end();
      },
    };
  };
  return {
    has: (digest) => has(digest),
    get: (digest) => get(digest),
    byAlias: (alias) => kept.aliases.get(alias),
    folder: (digest) => folder(digest),
    tree: (root) => treeView({ folder: (digest) => folder(digest), get: (digest) => get(digest) }, root),
    writer: () => Promise.resolve(writer()),
    parts: {
      get: (name) => parts.get(name),
      put: async (name, part) => void parts.set(name, part),
      drop: async (name) => void parts.delete(name),
    },
    forget(digest) {
      kept.blobs.delete(digest);
      kept.folders.delete(digest);
    },
    damage: (digest) => void damaged.add(digest),
    sizes: () => ({
      blobs: kept.blobs.size,
      folders: kept.folders.size,
      bytes: [...kept.blobs.values()].reduce((sum, b) => sum + b.length, 0),
    }),
    open: () => writers,
  };
}
