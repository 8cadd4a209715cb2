import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { asFault, type Limits } from '../../src/model/index.ts';
import type { Disk, Medium, MediumFile } from '../../src/ports/index.ts';
import { type Wrapping, wrappingOf } from '../../src/source/bundle/index.ts';
import type { Unwrapper } from '../workshop/index.ts';
import type { Tried, Verdict } from './verdict.ts';

/** Where files that are compressed as a whole lie unpacked while they are tried. */
export interface Spool {
  /** Tries a file: as it lies there, or its content where it is compressed as a whole. Rejects with the Fault of why that cannot be read. */
  trying(one: Tried & Stamped, signal: AbortSignal, use: (of: Tried) => Promise<Verdict>): Promise<Verdict>;
  /** A look is over: removes what belongs to no file that is there, by path, at this stamp, and what there is no room for. */
  tidy(there: ReadonlyMap<string, Stamped>): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
}

interface Stamped {
  /** Size and time of a file. */
  readonly stamp: string;
}

export interface SpoolPorts {
  /** The state folder. */
  readonly disk: Disk;
  /** Where that is; absolute. */
  readonly stateDir: string;
  /** The folder in it for what is unpacked. */
  readonly folder: string;
  readonly medium: Pick<Medium, 'open'>;
  readonly unwrap: Unwrapper['unwrap'];
  readonly limits: Limits;
}

/** A held file whose content could not be kept is not unpacked again before: a card wears out by it. */
const AGAIN_MS = 3_600_000;
/** Room that a file needs for which there was too little: so much more than that, that a little more is no reason to begin. */
const moreThan = (bytes: number): number => bytes + Math.max(1024 * 1024, Math.ceil(bytes / 8));
const HEAD_BYTES = 4;

interface Copy extends Stamped {
  readonly name: string;
  readonly bytes: number;
}

/** Removes what a process that was killed has left behind. Loads nothing where that is nothing. */
export async function clearSpool({ disk, folder }: Pick<SpoolPorts, 'disk' | 'folder'>): Promise<void> {
  for (const name of disk.list(folder)) await disk.remove(`${folder}/${name}`);
}

/**
 * What is held keeps its content, so that it is not unpacked for each try: at most limits.bundleBytes of all files
 * together, and only while as much is free on the disk as that takes.
 */
export function createSpool({ disk, stateDir, folder, medium, unwrap, limits }: SpoolPorts): Spool {
  /** By the path of the file; the newest is the last. */
  const kept = new Map<string, Copy>();
  /** Room that files need for which there was too little. */
  const needs = new Map<string, Stamped & { readonly bytes: number }>();
  let used = false;
  const held = (): number => [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const sizeOf = (name: string): number => disk.size(`${folder}/${name}`) ?? 0;
  const drop = async (path: string): Promise<void> => {
    const copy = kept.get(path);
    kept.delete(path);
    if (copy !== undefined) await disk.remove(`${folder}/${copy.name}`).catch(() => undefined);
  };
  const dropOldest = async (until: () => boolean): Promise<void> => {
    for (const path of [...kept.keys()]) if (!until()) await drop(path);
  };
  const isRoomy = (): boolean => (disk.free() ?? Number.POSITIVE_INFINITY) >= held();

  const copyOf = async (
    { path, stamp, file }: Stamped & { readonly path: string; readonly file: MediumFile },
    { coding }: Wrapping,
    signal: AbortSignal,
  ): Promise<Copy> => {
    const have = kept.get(path);
    if (have?.stamp === stamp && sizeOf(have.name) === have.bytes) return have;
    await drop(path);
    await dropOldest(() => held() + file.size <= limits.bundleBytes);
    used = true;
    // A name of its own: a worker that is being ended may still write to that of the try before.
    const name = randomBytes(12).toString('hex');
    const known = needs.get(path);
    const room = known?.stamp === stamp ? known.bytes : 0;
    try {
      const { bytes } = await unwrap({ path, coding, folder: join(stateDir, folder), name, room }, signal);
      const copy = { stamp, name, bytes };
      kept.set(path, copy);
      return copy;
    } catch (error) {
      if (asFault(error).code === 'cache-full')
        needs.set(path, { stamp, bytes: Math.max(room, moreThan(sizeOf(name))) });
      await disk.remove(`${folder}/${name}`).catch(() => undefined);
      throw error;
    }
  };
  /** What is held for what only time brings keeps its content where there is room. */
  const settle = async (path: string, copy: Copy, verdict: Verdict): Promise<Verdict> => {
    const { state, code } = verdict;
    const again = state === 'held' && code !== 'bundle-damaged';
    if (again && code !== 'cache-full' && isRoomy()) return verdict;
    // With its content beside it the source has had so much, and it was too little.
    const room = copy.bytes + Math.max(0, (disk.free() ?? 0) - limits.diskRoomBytes);
    await drop(path);
    if (code === 'cache-full') needs.set(path, { stamp: copy.stamp, bytes: moreThan(room) });
    if (!again || code === 'cache-full') return verdict;
    const message = `${verdict.message}; its unpacked content is not kept for want of room, and made again in an hour, or by holdfast reconcile`;
    return { ...verdict, message, retryAfterMs: Math.max(verdict.retryAfterMs ?? 0, AGAIN_MS) };
  };

  return {
    trying: async (one, signal, use) => {
      const { file } = one;
      const isFolder = file.members !== undefined;
      const wrapping = isFolder ? undefined : wrappingOf(await file.read(0, Math.min(HEAD_BYTES, file.size)), one.name);
      if (wrapping === undefined) return use(one);
      const copy = await copyOf(one, wrapping, signal);
      const reads = join(stateDir, folder, copy.name);
      const content = await medium.open(reads, limits.bundleFiles);
      try {
        return await settle(one.path, copy, await use({ ...one, name: wrapping.name, file: content, reads }));
      } finally {
        await content.close();
      }
    },
    tidy: async (there) => {
      if (!used) return;
      const isThere = ([path, { stamp }]: readonly [string, Stamped]): boolean => there.get(path)?.stamp === stamp;
      for (const one of [...kept]) if (!isThere(one)) await drop(one[0]);
      for (const one of [...needs]) if (!isThere(one)) needs.delete(one[0]);
      await dropOldest(isRoomy);
      const names = new Set([...kept.values()].map(({ name }) => name));
      for (const name of disk.list(folder)) if (!names.has(name)) await disk.remove(`${folder}/${name}`);
    },
    clear: async () => {
      kept.clear();
      await clearSpool({ disk, folder });
    },
  };
}
