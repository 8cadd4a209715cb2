import type { Digest } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import { digestAt } from './bytes.ts';
import type { Marks } from './mark.ts';
import {
  aliasRow,
  CODEC,
  ENTRY_BYTES,
  encodeIndex,
  entryAt,
  KIND,
  type NewEntry,
  PACK_HEADER,
  PACK_TARGET_BYTES,
  type PackIndex,
} from './pack.ts';
import { PACK_FOLDER, type Pack, type Packs } from './packs.ts';
import { openSpool, type Spool } from './spool.ts';

/** Packs below this size are small: every change of a site makes one. */
export const SMALL_PACK_BYTES = 4 * 1024 * 1024;
/** Small packs are merged when there are more than this. */
export const SMALL_PACKS = 8;
/** A pack is written anew when less than this share of it is live. */
const LIVE_SHARE = 0.5;
const DRAIN_BYTES = 1024 * 1024;

export interface SweepOptions {
  readonly disk: Disk;
  readonly packs: Packs;
  /** The packs that were there when marking began. */
  readonly candidates: readonly Pack[];
  readonly marks: Marks;
  readonly pause: () => Promise<void>;
  /** Packs that must stay files of their own. */
  readonly pinned: ReadonlySet<string>;
}

export interface Swept {
  readonly deleted: number;
  readonly rewritten: number;
}

/** Deletes dead packs, then writes sparse and small ones anew: the new pack is durable before an old one goes. */
export async function sweep(options: SweepOptions): Promise<Swept> {
  const { packs, marks, pinned } = options;
  const movable: Pack[] = [];
  const small: Pack[] = [];
  let deleted = 0;
  for (const pack of options.candidates) {
    await options.pause();
    const index = packs.indexOf(pack);
    if (pinned.has(pack.file)) continue;
    const use = index === undefined ? undefined : useOf(options, pack, index);
    // What an unreadable index named is unknown; it goes only when nothing that is named is missing.
    const dead = use === undefined ? marks.missing === 0 : use.bytes === 0 && !use.aliases;
    if (dead) {
      await packs.remove(pack);
      deleted++;
    } else if (use !== undefined && use.bytes < LIVE_SHARE * pack.size) movable.push(pack);
    else if (use !== undefined && pack.size < SMALL_PACK_BYTES) small.push(pack);
  }
  if (small.length + movable.length > SMALL_PACKS) movable.push(...mergeable(small));
  const rewritten = movable.length === 0 ? 0 : await rewrite(options, movable);
  return { deleted, rewritten };
}

/**
 * The smallest packs, up to where the next one is far larger than all of them together: each byte is then moved only a
 * few times in its life, and a large first fetch is not written again for a dozen small changes.
 */
function mergeable(small: readonly Pack[]): readonly Pack[] {
  const sorted = [...small].sort((a, b) => a.size - b.size);
  let count = 0;
  let sum = 0;
  for (const pack of sorted) {
    if (count > 0 && pack.size > 2 * sum) break;
    sum += pack.size;
    count++;
  }
  return count < 2 ? [] : sorted.slice(0, count);
}

/** Live bytes of a pack, and whether an alias of something live is in it. */
function useOf({ packs, marks }: SweepOptions, pack: Pack, index: PackIndex): { bytes: number; aliases: boolean } {
  let bytes = 0;
  for (let i = 0; i < index.contents; i++) if (marks.isLive(pack, i)) bytes += entryAt(index, i).stored + ENTRY_BYTES;
  let aliases = false;
  for (let row = 0; row < index.aliases && !aliases; row++)
    aliases = liveTarget(packs, marks, index, aliasRow(index, row).position) !== undefined;
  return { bytes, aliases };
}

function liveTarget(packs: Packs, marks: Marks, index: PackIndex, position: number): Digest | undefined {
  if (position >= index.contents) return undefined;
  const digest = digestAt(index.bytes, position * ENTRY_BYTES);
  const found = packs.find(digest);
  return found !== undefined && marks.isLive(found.pack, found.position) ? digest : undefined;
}

interface Output {
  readonly spool: Spool;
  readonly entries: Map<Digest, NewEntry>;
  readonly aliases: Map<string, Digest>;
}

async function rewrite(options: SweepOptions, old: readonly Pack[]): Promise<number> {
  const { disk, packs } = options;
  const outputs: Output[] = [];
  const current = (): Output => {
    const last = outputs.at(-1);
    if (last !== undefined && last.spool.size() < PACK_TARGET_BYTES) return last;
    const made: Output = { spool: openSpool(disk, PACK_FOLDER), entries: new Map(), aliases: new Map() };
    made.spool.add(PACK_HEADER);
    outputs.push(made);
    return made;
  };
  const moved: Pack[] = [];
  try {
    for (const pack of old) if (await copyPack(options, pack, current)) moved.push(pack);
    for (const { spool, entries, aliases } of outputs) {
      spool.add(encodeIndex([...entries.values()], aliases, spool.size()));
      await spool.publish(packs.nextFile());
      packs.rescan();
    }
  } catch (error) {
    for (const { spool } of outputs) await spool.discard();
    throw error;
  }
  for (const pack of moved) {
    await options.pause();
    await packs.remove(pack);
  }
  return moved.length;
}

/** Copies what is live of a pack; false when a part of it turned out damaged, so that the pack must stay. */
async function copyPack(options: SweepOptions, pack: Pack, output: () => Output): Promise<boolean> {
  const { packs, marks } = options;
  let sinceDrain = 0;
  for (const position of liveByOffset(options, pack)) {
    const index = packs.indexOf(pack);
    if (index === undefined) return false;
    const entry = entryAt(index, position);
    const digest = digestAt(index.bytes, position * ENTRY_BYTES);
    const found = { pack, position, entry };
    if (packs.readCopy(found, digest) === undefined) return false;
    const to = output();
    to.entries.set(digest, { ...entry, digest, offset: to.spool.add(packs.readStored(found)) });
    sinceDrain += entry.stored;
    if (sinceDrain < DRAIN_BYTES) continue;
    sinceDrain = 0;
    await to.spool.drain();
    await options.pause();
  }
  const index = packs.indexOf(pack);
  if (index === undefined) return false;
  for (let row = 0; row < index.aliases; row++) {
    const alias = aliasRow(index, row);
    const digest = liveTarget(packs, marks, index, alias.position);
    if (digest === undefined) continue;
    const to = output();
    // The newest pack's word counts, and packs are copied newest first.
    if (!to.aliases.has(alias.key)) to.aliases.set(alias.key, digest);
    if (!to.entries.has(digest))
      to.entries.set(digest, { digest, offset: 0, stored: 0, size: 0, codec: CODEC.elsewhere, kind: KIND.blob });
  }
  return true;
}

/** Positions of live contents in the order in which they lie in the file. */
function liveByOffset({ packs, marks }: SweepOptions, pack: Pack): readonly number[] {
  const index = packs.indexOf(pack);
  const live: number[] = [];
  for (let i = 0; index !== undefined && i < index.contents; i++) if (marks.isLive(pack, i)) live.push(i);
  const offset = (position: number): number => (index === undefined ? 0 : entryAt(index, position).offset);
  return live.sort((a, b) => offset(a) - offset(b));
}
