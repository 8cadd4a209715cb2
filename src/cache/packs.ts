import { type Digest, Fault } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import { digestAt, rawDigest } from './bytes.ts';
import type { DamageBook } from './damage.ts';
import {
  aliasKey,
  CODEC,
  ENTRY_BYTES,
  entryAt,
  expand,
  findAlias,
  findEntry,
  mayHave,
  type PackEntry,
  type PackIndex,
  readIndex,
} from './pack.ts';

export const PACK_FOLDER = 'packs';
const PACK_NAME = /^([0-9a-f]{8,12})\.pack$/;

/** One pack file. Its index is read when first needed, and again after `rest`. */
export interface Pack {
  readonly sequence: number;
  readonly file: string;
  readonly size: number;
  index: PackIndex | undefined;
  /** Its index cannot be read: nothing in it can be found. */
  unreadable: boolean;
  /** Positions of contents that were found damaged. */
  readonly damaged: Set<number>;
}

export interface Found {
  readonly pack: Pack;
  readonly position: number;
  readonly entry: PackEntry;
}

/** All packs of a cache. Of several copies of a content the newest whole one counts. */
export interface Packs {
  /** Newest first. */
  all(): readonly Pack[];
  indexOf(pack: Pack): PackIndex | undefined;
  /** A copy that is not known to be damaged. */
  find(digest: Digest): Found | undefined;
  findAlias(alias: string): Digest | undefined;
  /** Verified bytes. Fault `cache-damaged` when there is no whole copy. */
  read(digest: Digest): Buffer;
  /** Verified bytes of one copy, or undefined, after which it counts as damaged. */
  readCopy(found: Found, digest: Digest): Buffer | undefined;
  /** Bytes as they are in the file. */
  readStored(found: Found): Uint8Array;
  /** The path of the next pack to be published. */
  nextFile(): string;
  /** Sets names aside for another process that writes packs beside this one; answers the first of them. */
  reserve(count: number): number;
  /** A pack of this process is in its place: it becomes readable. */
  published(file: string, size: number): void;
  /** Looks at the folder again: what another process has published becomes readable. */
  rescan(): void;
  /** Files that another process has published since the last call. */
  takeForeign(): readonly string[];
  remove(pack: Pack): Promise<void>;
  bytes(): number;
  /** Drops the indexes from memory. */
  rest(): void;
}

/** Opens the packs of a folder: lists the names, reads nothing else. `first`: new packs are numbered from here. */
export function openPacks(disk: Disk, damage: DamageBook, first?: number): Packs {
  let packs: Pack[] = scan(disk, []);
  let highest = first === undefined ? (packs[0]?.sequence ?? 0) : first - 1;

  const own = new Set<string>();
  let foreign: string[] = [];
  const rescan = (): void => {
    const known = new Set(packs);
    packs = scan(disk, packs);
    const fresh = packs.filter((pack) => !known.has(pack) && !own.has(pack.file));
    foreign.push(...fresh.map((pack) => pack.file));
    if (fresh.length === 0) return;
    // What the other process has written again is whole again.
    for (const { digest } of damage.list())
      if (digest !== undefined && find(digest) !== undefined) damage.healed(digest);
  };
  const indexOf = (pack: Pack): PackIndex | undefined => {
    if (pack.index === undefined && !pack.unreadable) load(disk, damage, pack);
    return pack.index;
  };
  const locate = <T>(look: (pack: Pack, index: PackIndex) => T | undefined): T | undefined => {
    for (const pack of packs) {
      const index = indexOf(pack);
      const found = index === undefined ? undefined : look(pack, index);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const find = (digest: Digest): Found | undefined => {
    const raw = rawDigest(digest);
    const head = raw[0] ?? 0;
    return locate((pack, index) => {
      if (!mayHave(index, head)) return undefined;
      const position = findEntry(index, raw);
      if (position < 0 || pack.damaged.has(position)) return undefined;
      const entry = entryAt(index, position);
      return entry.codec === CODEC.elsewhere ? undefined : { pack, position, entry };
    });
  };
  const self: Packs = {
    all: () => packs,
    indexOf,
    find,
    findAlias: (alias) => {
      const key = aliasKey(alias);
      return locate((_pack, index) => {
        const position = findAlias(index, key);
        if (position < 0 || position >= index.contents) return undefined;
        const digest = digestAt(index.bytes, position * ENTRY_BYTES);
        return find(digest) === undefined ? undefined : digest;
      });
    },
    read: (digest) => {
      for (let found = find(digest); found !== undefined; found = find(digest)) {
        const bytes = self.readCopy(found, digest);
        if (bytes !== undefined) return bytes;
        // Beside a running agent its garbage collection may have moved the content to another pack.
        if (disk.size(found.pack.file) === undefined) rescan();
      }
      const known = damage.list().find((one) => one.digest === digest);
      const message = known?.message ?? `${PACK_FOLDER}: no pack holds ${digest}`;
      if (known === undefined) damage.report({ file: PACK_FOLDER, digest, message });
      throw new Fault('cache-damaged', message);
    },
    readCopy: (found, digest) => readCopy(disk, damage, found, digest),
    readStored: ({ pack, entry }) => disk.readAt(pack.file, entry.offset, entry.stored),
    nextFile: () => {
      highest = first === undefined ? Math.max(highest, packs[0]?.sequence ?? 0) + 1 : highest + 1;
      const file = `${PACK_FOLDER}/${highest.toString(16).padStart(8, '0')}.pack`;
      own.add(file);
      return file;
    },
    reserve: (count) => {
      const from = Math.max(highest, packs[0]?.sequence ?? 0) + 1;
      highest = from + count - 1;
      return from;
    },
    published: (file, size) => {
      const sequence = sequenceOf(file.slice(PACK_FOLDER.length + 1));
      if (sequence === undefined || packs.some((pack) => pack.sequence === sequence)) return rescan();
      packs = [newPack(sequence, file, size), ...packs].sort((a, b) => b.sequence - a.sequence);
    },
    rescan,
    takeForeign: () => {
      const taken = foreign;
      foreign = [];
      return taken;
    },
    remove: async (pack) => {
      packs = packs.filter((other) => other !== pack);
      await disk.remove(pack.file);
      own.delete(pack.file);
      damage.fileGone(pack.file);
    },
    bytes: () => packs.reduce((sum, pack) => sum + pack.size, 0),
    rest: () => {
      for (const pack of packs) pack.index = undefined;
    },
  };
  return self;
}

function sequenceOf(name: string): number | undefined {
  const match = PACK_NAME.exec(name);
  return match === null ? undefined : Number.parseInt(match[1] ?? '', 16);
}

function newPack(sequence: number, file: string, size: number): Pack {
  return { sequence, file, size, index: undefined, unreadable: false, damaged: new Set() };
}

/** Lists the folder; packs that are known already keep what is known of them. */
function scan(disk: Disk, known: readonly Pack[]): Pack[] {
  const packs: Pack[] = [];
  const bySequence = new Map(known.map((pack) => [pack.sequence, pack]));
  for (const name of disk.list(PACK_FOLDER)) {
    const sequence = sequenceOf(name);
    const file = `${PACK_FOLDER}/${name}`;
    const size = sequence === undefined ? undefined : disk.size(file);
    if (sequence === undefined || size === undefined) continue;
    const before = bySequence.get(sequence);
    packs.push(before?.size === size ? before : newPack(sequence, file, size));
  }
  return packs.sort((a, b) => b.sequence - a.sequence);
}

function load(disk: Disk, damage: DamageBook, pack: Pack): void {
  try {
    pack.index = readIndex(pack.file, pack.size, (offset, length) => disk.readAt(pack.file, offset, length));
  } catch (error) {
    if (!isDamage(error)) throw error;
    pack.unreadable = true;
    if (disk.size(pack.file) !== undefined)
      damage.report({ file: pack.file, digest: undefined, message: error.message });
  }
}

function readCopy(disk: Disk, damage: DamageBook, found: Found, digest: Digest): Buffer | undefined {
  const { pack, position, entry } = found;
  let message = `${pack.file}: ${digest} does not have its digest any more`;
  try {
    const stored = disk.readAt(pack.file, entry.offset, entry.stored);
    const bytes = expand(stored, entry, rawDigest(digest));
    if (bytes !== undefined) return bytes;
  } catch (error) {
    if (disk.size(pack.file) === undefined) return undefined;
    if (!isDamage(error)) throw error;
    message = `${pack.file}: ${digest} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  pack.damaged.add(position);
  damage.report({ file: pack.file, digest, message });
  return undefined;
}

/** Damage that a refetch heals: wrong bytes, or a sector that the disk cannot read. Other errors may pass by themselves. */
function isDamage(error: unknown): error is Fault {
  if (!(error instanceof Fault)) return false;
  if (error.code === 'cache-damaged') return true;
  const cause = error.cause;
  return cause instanceof Error && 'code' in cause && (cause.code === 'EIO' || cause.code === 'ENOENT');
}
