import { fromJson, isObject, type Json, type JsonObject, sha256, toJson } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import type { DamageBook } from './damage.ts';

const SCHEMA_VERSION = 1;
const HEAD = /^\{"schemaVersion":([0-9]{1,9}),"sequence":([0-9]{1,15}),"sha256":"([0-9a-f]{64})","data":/;
const TAIL = '}\n';
const SLOTS = ['a', 'b'] as const;

/** One version of a state, as found in one of its two files. */
interface Slot {
  readonly file: string;
  readonly sequence: number;
  readonly text: string;
}

export interface Loaded<T> {
  readonly value: T | undefined;
  /** Neither file can be read, though one exists: what it said is unknown, so nothing may be freed on its account. */
  readonly lost: boolean;
}

/**
 * A small JSON value in two files, written in turn: a write replaces the older one, so the version before is always kept,
 * for one fsync of a file and one of its folder. A file that is torn, flipped or of another schema is reported as damage
 * and the other one counts (docs/cache.md, "State files").
 */
export interface StateFile<T> {
  load(): Loaded<T>;
  /** The values of both files as far as they can be read, newest first: what a pointer may come to be after damage. */
  versions(): readonly T[];
  /** Writes, unless the same value is there already. True when it wrote. */
  save(value: JsonObject): Promise<boolean>;
  remove(): Promise<void>;
}

export interface StateOptions<T> {
  readonly disk: Disk;
  readonly damage: DamageBook;
  /** Path without `.a.json`. */
  readonly base: string;
  /** Undefined when the value has not the form it should have. */
  readonly parse: (data: JsonObject) => T | undefined;
}

/** The state file at a base path. Saves of one file must not overlap (`keyedQueue`). */
export function stateFile<T>(options: StateOptions<T>): StateFile<T> {
  const { disk, damage, base, parse } = options;
  const files = SLOTS.map((slot) => `${base}.${slot}.json`);
  const readSlots = (): { good: (Slot & { value: T })[]; bad: string[] } => {
    const good: (Slot & { value: T })[] = [];
    const bad: string[] = [];
    for (const file of files) {
      const bytes = readOr(disk, damage, file);
      if (bytes === undefined) continue;
      const slot = bytes === 'unreadable' ? undefined : decodeSlot(file, bytes);
      const value = slot === undefined ? undefined : parseData(slot.text, parse);
      if (slot === undefined || value === undefined) {
        bad.push(file);
        damage.report({
          file,
          digest: undefined,
          message: `${file}: it is damaged; its twin is used, if there is one`,
        });
      } else good.push({ ...slot, value });
    }
    good.sort((x, y) => y.sequence - x.sequence);
    return { good, bad };
  };
  return {
    load: () => {
      const { good, bad } = readSlots();
      return { value: good[0]?.value, lost: good.length === 0 && bad.length > 0 };
    },
    versions: () => readSlots().good.map((slot) => slot.value),
    save: async (value) => {
      const { good, bad } = readSlots();
      const newest = good[0];
      const text = toJson(value);
      if (newest?.text === text && bad.length === 0) return false;
      const target = bad[0] ?? files.find((file) => !good.some((slot) => slot.file === file)) ?? good[1]?.file ?? base;
      await disk.writeAtomic(target, encodeSlot((newest?.sequence ?? 0) + 1, text));
      damage.fileGone(target);
      return true;
    },
    remove: async () => {
      const { good } = readSlots();
      // The older first: a crash in between must not bring it back.
      const order = [...files].sort((x, y) => rank(good, y) - rank(good, x));
      for (const file of order) {
        await disk.remove(file);
        damage.fileGone(file);
      }
    },
  };
}

/** Position among the readable slots, newest 0; damaged ones count as oldest. */
function rank(good: readonly Slot[], file: string): number {
  const found = good.findIndex((slot) => slot.file === file);
  return found < 0 ? SLOTS.length : found;
}

function readOr(disk: Disk, damage: DamageBook, file: string): Uint8Array | 'unreadable' | undefined {
  try {
    return disk.read(file);
  } catch (error) {
    const message = `${file}: ${error instanceof Error ? error.message : String(error)}`;
    damage.report({ file, digest: undefined, message });
    return 'unreadable';
  }
}

function encodeSlot(sequence: number, data: string): Buffer {
  const sum = sumOf(SCHEMA_VERSION, sequence, data);
  return Buffer.from(
    `{"schemaVersion":${SCHEMA_VERSION},"sequence":${sequence},"sha256":"${sum}","data":${data}${TAIL}`,
    'utf8',
  );
}

function sumOf(version: number, sequence: number, data: string): string {
  return sha256(`${version}\n${sequence}\n${data}`).slice(7);
}

function decodeSlot(file: string, bytes: Uint8Array): Slot | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const head = HEAD.exec(text);
  if (head === null || !text.endsWith(TAIL)) return undefined;
  const [version, sequence] = [Number(head[1]), Number(head[2])];
  const data = text.slice(head[0].length, -TAIL.length);
  // The canonical form is compared as well, so that no byte of the file may differ unseen.
  if (version !== SCHEMA_VERSION || sumOf(version, sequence, data) !== head[3]) return undefined;
  return encodeSlot(sequence, data).equals(bytes) ? { file, sequence, text: data } : undefined;
}

function parseData<T>(text: string, parse: (data: JsonObject) => T | undefined): T | undefined {
  try {
    const data: Json = fromJson(text);
    return isObject(data) ? parse(data) : undefined;
  } catch {
    return undefined;
  }
}

/** The base paths of the state files in a folder, sorted. */
export function stateBases(disk: Disk, folder: string): readonly string[] {
  const bases = new Set<string>();
  for (const name of disk.list(folder)) {
    const match = /^(.+)\.[ab]\.json$/.exec(name);
    if (match !== null) bases.add(`${folder}/${match[1]}`);
  }
  return [...bases];
}

export type KeyedQueue = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Runs tasks of one key one after another, of different keys side by side. */
export function keyedQueue(): KeyedQueue {
  const tails = new Map<string, Promise<unknown>>();
  return (key, task) => {
    const before = tails.get(key) ?? Promise.resolve();
    const run = before.then(task, task);
    const tail = run.then(
      () => undefined,
      () => undefined,
    );
    tails.set(key, tail);
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return run;
  };
}
