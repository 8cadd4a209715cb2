import type { Digest, JsonObject } from '../model/index.ts';
import type { Disk, KeptPart, PartKeeper } from '../ports/index.ts';
import type { DamageBook } from './damage.ts';
import { fileNameOf } from './names.ts';
import { digestOf, numberOf, stringOf } from './parse.ts';
import { keyedQueue, type StateFile, stateBases, stateFile } from './state.ts';

const FOLDER = 'parts';
/** Without progress for so long nobody wants it any more: the source is gone, or moved elsewhere. */
const STALE_MS = 14 * 86_400_000;

/** The parts of a cache, and what garbage collection asks of them. */
export interface PartStates extends PartKeeper {
  /** What is to be kept for their sake. */
  heads(): readonly Digest[];
  /** Gives up the part with the oldest progress; false when no more than `spare` are left. */
  dropOldest(spare: number): Promise<boolean>;
  /** A pointer names these roots now: the parts that became them go, and those that are too old. `now` in milliseconds. */
  named(roots: readonly Digest[], now: number): Promise<void>;
}

interface PartRecord extends KeptPart {
  readonly name: string;
}

interface Filed {
  readonly record: PartRecord;
  readonly file: StateFile<PartRecord>;
}

/** The records of parts, `parts/<name>`. One that cannot be read is removed: it costs a download and nothing else. */
export function partStates(options: {
  readonly disk: Disk;
  readonly damage: DamageBook;
  /** `limits.keptParts`. */
  readonly most: number;
}): PartStates {
  const { disk, damage, most } = options;
  const queue = keyedQueue();
  const fileAt = (base: string): StateFile<PartRecord> => stateFile({ disk, damage, base, parse: parseRecord });
  const fileOf = (name: string): StateFile<PartRecord> => fileAt(`${FOLDER}/${fileNameOf(name)}`);
  const all = (): readonly Filed[] =>
    stateBases(disk, FOLDER)
      .flatMap((base) => {
        const file = fileAt(base);
        const { value } = file.load();
        return value === undefined ? [] : [{ record: value, file }];
      })
      .sort((a, b) => b.record.at - a.record.at);
  const tidy = async (now: number): Promise<void> => {
    for (const base of stateBases(disk, FOLDER)) if (fileAt(base).load().lost) await fileAt(base).remove();
    const found = all();
    for (const [i, { record, file }] of found.entries())
      if (i >= most || Math.abs(now - record.at) > STALE_MS) await file.remove();
  };
  return {
    get: (name) => {
      const { value } = fileOf(name).load();
      return value?.name === name ? value : undefined;
    },
    put: (name, part) =>
      queue('', async () => {
        await fileOf(name).save({ ...plain(part), name });
        await tidy(part.at);
      }),
    named: (roots, now) =>
      queue('', async () => {
        for (const { record, file } of all())
          if (record.root !== undefined && roots.includes(record.root)) await file.remove();
        await tidy(now);
      }),
    drop: (name) => queue('', () => fileOf(name).remove()),
    heads: () => all().map(({ record }) => record.head),
    dropOldest: (spare) =>
      queue('', async () => {
        const found = all();
        const oldest = found.at(-1);
        if (oldest === undefined || found.length <= spare) return false;
        await oldest.file.remove();
        return true;
      }),
  };
}

function plain({ head, bytes, at, root }: KeptPart): JsonObject {
  return { head, bytes, at, ...(root === undefined ? {} : { root }) };
}

function parseRecord(data: JsonObject): PartRecord | undefined {
  const [name, head] = [stringOf(data, 'name'), digestOf(data, 'head')];
  const [bytes, at] = [numberOf(data, 'bytes'), numberOf(data, 'at')];
  if (name === undefined || head === undefined || bytes === undefined || at === undefined) return undefined;
  const root = digestOf(data, 'root');
  return { name, head, bytes, at, ...(root === undefined ? {} : { root }) };
}
