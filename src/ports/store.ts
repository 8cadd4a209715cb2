import type { Digest, SourceRevision, StoredEntry, Tree } from '../model/index.ts';

/** Reads content by digest. Every read is verified: damage throws Fault `cache-damaged` and is remembered for healing. */
export interface ContentReader {
  has(digest: Digest): boolean;
  get(digest: Digest): Uint8Array;
  /** Digest of the content that a source knows under an id of its own, such as a Git object id. */
  byAlias(alias: string): Digest | undefined;
  /** The stored listing of a folder. */
  folder(digest: Digest): readonly StoredEntry[];
  /** A view of the folder with this digest, hidden entries, links and submodules left out. */
  tree(root: Digest): Tree;
}

/** Collects content; nothing of it can be read by others, or survives, before `commit`. */
export interface ContentWriter {
  /** Bytes of a file or any other content. Returns at once; the digest is the content's. */
  put(bytes: Uint8Array, alias?: string): Digest;
  /** A folder's listing; entries in any order, names unique. Its digest covers names, modes, digests and `hidden`. */
  putFolder(entries: readonly StoredEntry[], alias?: string): Digest;
  /** Content put into this writer or already in the store. */
  get(digest: Digest): Uint8Array;
  has(digest: Digest): boolean;
  byAlias(alias: string): Digest | undefined;
  folder(digest: Digest): readonly StoredEntry[];
  /** Waits for what `put` has buffered to be on its way to disk; call it now and then when writing much. */
  drain(): Promise<void>;
  /** Makes everything durable and readable, payload before index before name. Nothing happens when nothing was put. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** What has come of a transfer that has not ended, so that the next attempt asks only for the rest. */
export interface KeptPart {
  /** A folder's listing that names what came, and below an entry of mode `dir` the listing before it. */
  readonly head: Digest;
  /** Bytes of all that it names. */
  readonly bytes: number;
  /** Wall clock of the last progress, milliseconds since 1970. */
  readonly at: number;
  /** Root of the own content that it became, once the transfer has ended: it goes when a pointer names that. */
  readonly root?: Digest;
}

/**
 * Parts of transfers, kept from being freed until they are dropped, grow old, or room is needed; at most
 * `limits.keptParts`. They are never a revision.
 */
export interface PartKeeper {
  get(name: string): KeptPart | undefined;
  /** Durable on return; takes the place of an earlier part of this name. */
  put(name: string, part: KeptPart): Promise<void>;
  drop(name: string): Promise<void>;
}

/** The content store, as rooms other than the cache see it. */
export interface ContentStore extends ContentReader {
  writer(): Promise<ContentWriter>;
  /** Without it nothing is kept of a transfer that is cut. */
  readonly parts?: PartKeeper;
}

/** What a source may know of its last revision when it fetches the next. */
export type Have = SourceRevision | undefined;
