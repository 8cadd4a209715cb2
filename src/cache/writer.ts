import { type Digest, Fault, type StoredEntry, sha256 } from '../model/index.ts';
import type { ContentWriter, Disk } from '../ports/index.ts';
import { bufferOf, rawDigest } from './bytes.ts';
import type { DamageBook } from './damage.ts';
import { decodeFolder, encodeFolder } from './folder.ts';
import {
  aliasKey,
  CODEC,
  type ContentKind,
  compress,
  encodeIndex,
  expand,
  KIND,
  type NewEntry,
  PACK_HEADER,
  PACK_TARGET_BYTES,
} from './pack.ts';
import { PACK_FOLDER, type Packs } from './packs.ts';
import { openSpool, type Spool } from './spool.ts';

/** What a writer has made durable, or found there already: garbage collection keeps it until a pointer names it. */
export interface Committed {
  readonly files: readonly string[];
  readonly reused: ReadonlySet<Digest>;
  has(digest: Digest): boolean;
}

export interface WriterRoom {
  readonly disk: Disk;
  readonly packs: Packs;
  readonly damage: DamageBook;
  /** Makes room for bytes below the limit, or throws Fault `cache-full`. `writer` tells what is not to be freed. */
  makeRoom(bytes: number, writer: StagedContent): Promise<void>;
  /** Throws Fault `cache-full` when one writer's bytes alone break the limit. */
  checkSpooled(bytes: number): void;
  /** Called once, at the end; undefined when nothing was published. */
  ended(committed: Committed | undefined): void;
}

/** The contents of a writer that is not committed yet, for garbage collection. */
export interface StagedContent {
  readonly reused: ReadonlySet<Digest>;
  folders(): Iterable<readonly StoredEntry[]>;
}

/** One pack in the making. */
interface Part {
  readonly spool: Spool;
  readonly entries: Map<Digest, NewEntry>;
  /** Hex alias key to content. */
  readonly aliases: Map<string, Digest>;
}

export interface KindWriter extends ContentWriter {
  putKind(bytes: Uint8Array, kind: ContentKind, alias?: string): Digest;
}

/** Collects contents in staged packs (docs/cache.md, "Write order"). */
export function openWriter(room: WriterRoom): KindWriter {
  const { packs } = room;
  let parts: Part[] = [];
  let ended = false;
  const reused = new Set<Digest>();

  const staged = (digest: Digest): { part: Part; entry: NewEntry } | undefined => {
    for (const part of parts) {
      const entry = part.entries.get(digest);
      if (entry !== undefined && entry.codec !== CODEC.elsewhere) return { part, entry };
    }
    return undefined;
  };
  const currentPart = (): Part => {
    const last = parts.at(-1);
    if (last !== undefined && last.spool.size() < PACK_TARGET_BYTES) return last;
    const part: Part = { spool: openSpool(room.disk, PACK_FOLDER), entries: new Map(), aliases: new Map() };
    part.spool.add(PACK_HEADER);
    parts.push(part);
    return part;
  };
  /** True when a copy is there that garbage collection will treat as this kind. */
  const present = (digest: Digest, kind: ContentKind): boolean => {
    const own = staged(digest)?.entry ?? packs.find(digest)?.entry;
    return own !== undefined && (own.kind === kind || kind === KIND.blob);
  };
  const byAlias = (alias: string): Digest | undefined => {
    const key = aliasKey(alias).toString('hex');
    for (const part of parts) {
      const digest = part.aliases.get(key);
      if (digest !== undefined) return digest;
    }
    const found = packs.findAlias(alias);
    if (found !== undefined) reused.add(found);
    return found;
  };
  const addAlias = (alias: string, digest: Digest): void => {
    if (byAlias(alias) === digest) return;
    const part = currentPart();
    part.aliases.set(aliasKey(alias).toString('hex'), digest);
    if (part.entries.has(digest)) return;
    part.entries.set(digest, { digest, offset: 0, stored: 0, size: 0, codec: CODEC.elsewhere, kind: KIND.blob });
  };
  const putKind = (bytes: Uint8Array, kind: ContentKind, alias?: string): Digest => {
    if (ended) throw new Fault('internal', 'put into a writer that is committed or discarded');
    const digest = sha256(bytes);
    if (present(digest, kind)) {
      if (staged(digest) === undefined) reused.add(digest);
    } else {
      const part = currentPart();
      const packed = compress(bytes);
      // What was deflated is nobody else's.
      const offset = part.spool.add(packed.bytes, packed.codec === CODEC.deflate);
      part.entries.set(digest, {
        digest,
        offset,
        stored: packed.bytes.length,
        size: bytes.length,
        codec: packed.codec,
        kind,
      });
    }
    if (alias !== undefined && alias !== '') addAlias(alias, digest);
    return digest;
  };
  const get = (digest: Digest): Uint8Array => {
    const own = staged(digest);
    if (own === undefined) {
      reused.add(digest);
      return packs.read(digest);
    }
    const bytes = expand(
      bufferOf(own.part.spool.read(own.entry.offset, own.entry.stored)),
      own.entry,
      rawDigest(digest),
    );
    if (bytes === undefined)
      throw new Fault('cache-damaged', `the disk gives back other bytes than were just written (${digest})`);
    return bytes;
  };
  const end = (committed: Committed | undefined): void => {
    if (ended) return;
    ended = true;
    parts = [];
    room.ended(committed);
  };
  const discard = async (): Promise<void> => {
    const spools = parts.map((part) => part.spool);
    end(undefined);
    for (const spool of spools) await spool.discard();
  };
  const content: StagedContent = {
    reused,
    folders: function* () {
      for (const part of parts)
        for (const entry of part.entries.values())
          if (entry.kind === KIND.folder) yield folderOf(get(entry.digest), entry.digest);
    },
  };
  return {
    put: (bytes, alias) => putKind(bytes, KIND.blob, alias),
    putFolder: (entries, alias) => putKind(encodeFolder(entries), KIND.folder, alias),
    putKind,
    get,
    has: (digest) => {
      if (staged(digest) !== undefined) return true;
      if (packs.find(digest) === undefined) return false;
      reused.add(digest);
      return true;
    },
    byAlias,
    folder: (digest) => folderOf(get(digest), digest),
    drain: async () => {
      room.checkSpooled(parts.reduce((sum, part) => sum + part.spool.size(), 0));
      for (const part of parts) await part.spool.drain();
    },
    commit: async () => {
      if (ended) throw new Fault('internal', 'commit of a writer that is committed or discarded');
      try {
        const files = await publish(room, parts, content);
        end(committedOf(files, reused, parts));
      } catch (error) {
        await discard().catch(() => undefined);
        throw error;
      }
    },
    discard,
  };
}

/** Publishes the parts in order; a crash between two leaves content that nothing names. */
async function publish(room: WriterRoom, parts: readonly Part[], content: StagedContent): Promise<readonly string[]> {
  for (const part of parts) part.spool.add(encodeIndex([...part.entries.values()], part.aliases, part.spool.size()));
  if (parts.length > 0)
    await room.makeRoom(
      parts.reduce((sum, part) => sum + part.spool.size(), 0),
      content,
    );
  const files: string[] = [];
  for (const part of parts) {
    const file = room.packs.nextFile();
    await part.spool.publish(file);
    room.packs.published(file, part.spool.size());
    files.push(file);
    for (const entry of part.entries.values()) if (entry.codec !== CODEC.elsewhere) room.damage.healed(entry.digest);
  }
  return files;
}

function committedOf(files: readonly string[], reused: ReadonlySet<Digest>, parts: readonly Part[]): Committed {
  const written = parts.map((part) => part.entries);
  return { files, reused, has: (digest) => reused.has(digest) || written.some((entries) => entries.has(digest)) };
}

/** Decodes a folder's listing, or Fault `cache-damaged`. */
export function folderOf(bytes: Uint8Array, digest: Digest): readonly StoredEntry[] {
  const entries = decodeFolder(bytes);
  if (entries === undefined) throw new Fault('cache-damaged', `${digest} is not the listing of a folder`);
  return entries;
}
