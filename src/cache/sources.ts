import {
  type ArtifactNote,
  addTraffic,
  contentOf,
  type Digest,
  isObject,
  type Json,
  type JsonObject,
  NO_TRAFFIC,
  type SourceKey,
  type SourceRevision,
  type WireCount,
} from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import { encodeNote, parseNotes } from './artifacts.ts';
import type { DamageBook } from './damage.ts';
import { kindFileNameOf } from './names.ts';
import { listOf, numberOf, stringOf } from './parse.ts';
import { encodeRevision, parseRevision } from './revisions.ts';
import { keyedQueue, type StateFile, stateBases, stateFile } from './state.ts';

const FOLDER = 'sources';
/** A fetch that found nothing new is written down at most this often: flash wears, and the memory has it exactly. */
const CHECK_WRITE_MS = 3_600_000;

/** What the disk knows of one source. */
export interface SourceRecord {
  readonly key: SourceKey;
  readonly current: SourceRevision;
  /** Earlier revisions that are still whole on the disk, newest first. */
  readonly previous: readonly SourceRevision[];
  /** Wall clock, milliseconds since 1970, of the last fetch that succeeded, also one that found nothing new. */
  readonly fetchedAt: number;
  /** Digest of what was asked for (URL and reference): another one means that `current` answers another question. */
  readonly request: string;
  /** Bytes and requests of all fetches so far; exact at each new revision. */
  readonly total: WireCount;
  /** Archives that were told of, newest first; of roots that `current` and `previous` name. */
  readonly artifacts: readonly ArtifactNote[];
}

export interface Fetched {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly request: string;
  readonly count: WireCount;
}

export interface SourceStates {
  get(key: SourceKey): SourceRecord | undefined;
  /**
   * Makes a revision the current one; the one before becomes the newest of the previous, of which
   * `limits.cacheRevisions` are kept. Everything that the revision names must be in the store: Fault `cache-damaged` else.
   */
  admit(key: SourceKey, revision: SourceRevision, fetched: Fetched): Promise<void>;
  /** Notes a fetch that found nothing new. */
  checked(key: SourceKey, fetched: Fetched): Promise<void>;
  /** Counts what a fetch that failed has moved; `at` as in Fetched. */
  spent(key: SourceKey, attempt: Omit<Fetched, 'request'>): Promise<void>;
  /** Writes down what is only in memory. */
  settle(): Promise<void>;
  /** Writes down which archives are told of, newest first; nothing when the source is not known. */
  noteArtifacts(key: SourceKey, notes: readonly ArtifactNote[]): Promise<void>;
  /** Forgets a source; its content is freed by the next garbage collection. */
  remove(key: SourceKey): Promise<void>;
  /** All records, sorted by file name. */
  all(): readonly SourceRecord[];
  /** Every revision that a record names; with `twins` also the version of each record before the last write. */
  named(twins: boolean): readonly SourceRevision[];
  /** True when a record exists that cannot be read. */
  lost(): boolean;
  /** Forgets the oldest of all previous revisions. False when there was none. */
  dropOldest(): Promise<boolean>;
}

export interface SourceOptions {
  readonly disk: Disk;
  readonly damage: DamageBook;
  /** Previous revisions to keep. */
  readonly keep: number;
  /** Throws when something that the revision names is not whole in the store. `before`: known to be whole. */
  readonly prove: (revision: SourceRevision, before: SourceRevision | undefined) => Promise<void>;
  /** Called when a pointer has been written. */
  readonly pointed: (root: Digest) => void;
  /** Told then, and now and then without any roots, what is named since: what was kept for its sake may go. */
  readonly named: (roots: readonly Digest[], now: number) => Promise<void>;
}

/** What is known only in memory: the last fetch that succeeded, what all since have moved, and since when. */
interface Check {
  readonly at: number | undefined;
  readonly count: WireCount;
  readonly since: number;
}

/** The records of sources, `sources/<kind>_<namespace>_<name>`. */
export function sourceStates(options: SourceOptions): SourceStates {
  const { disk, damage } = options;
  const queue = keyedQueue();
  const checks = new Map<SourceKey, Check>();
  const fileAt = (base: string): StateFile<SourceRecord> => stateFile({ disk, damage, base, parse: parseRecord });
  const baseOf = (key: SourceKey): string => `${FOLDER}/${kindFileNameOf(key)}`;
  const file = (key: SourceKey): StateFile<SourceRecord> => fileAt(baseOf(key));
  const load = (key: SourceKey): SourceRecord | undefined => {
    const found = file(key).load().value;
    return found?.key === key ? found : undefined;
  };
  const pending = (key: SourceKey): WireCount => checks.get(key)?.count ?? NO_TRAFFIC;
  const isDue = (key: SourceKey, now: number): boolean =>
    Math.abs(now - (checks.get(key)?.since ?? now)) >= CHECK_WRITE_MS;
  const write = async (key: SourceKey, record: SourceRecord): Promise<void> => {
    const fetchedAt = checks.get(key)?.at ?? record.fetchedAt;
    await file(key).save(encodeRecord({ ...record, fetchedAt, total: addTraffic(record.total, pending(key)) }));
    checks.delete(key);
  };
  return {
    get: (key) => {
      const found = load(key);
      const check = checks.get(key);
      if (found === undefined || check === undefined) return found;
      return { ...found, fetchedAt: check.at ?? found.fetchedAt, total: addTraffic(found.total, check.count) };
    },
    admit: (key, revision, fetched) =>
      queue(key, async () => {
        const before = load(key);
        await options.prove(revision, before?.current);
        const total = addTraffic(addTraffic(before?.total ?? NO_TRAFFIC, pending(key)), fetched.count);
        const record = {
          key,
          ...succeed(before, revision, options.keep),
          fetchedAt: fetched.at,
          request: fetched.request,
          total,
          artifacts: before?.artifacts ?? [],
        };
        await file(key).save(encodeRecord(record));
        checks.delete(key);
        options.pointed(revision.root);
        await options.named(contentOf(revision).folders, fetched.at);
      }),
    checked: (key, fetched) =>
      queue(key, async () => {
        const before = load(key);
        if (before === undefined) return;
        const count = addTraffic(pending(key), fetched.count);
        checks.set(key, { at: fetched.at, count, since: checks.get(key)?.since ?? before.fetchedAt });
        if (fetched.request === before.request && !isDue(key, fetched.at)) return;
        await write(key, { ...before, request: fetched.request });
        await options.named([], fetched.at);
      }),
    spent: (key, { at, count }) =>
      queue(key, async () => {
        const before = checks.get(key);
        checks.set(key, { at: before?.at, count: addTraffic(pending(key), count), since: before?.since ?? at });
        const record = load(key);
        if (record === undefined || !isDue(key, at)) return;
        await write(key, record);
        await options.named([], at);
      }),
    settle: async () => {
      for (const key of [...checks.keys()])
        await queue(key, async () => {
          const record = load(key);
          if (record !== undefined && checks.has(key)) await write(key, record);
        });
    },
    noteArtifacts: (key, artifacts) =>
      queue(key, async () => {
        const before = load(key);
        if (before !== undefined) await file(key).save(encodeRecord({ ...before, artifacts }));
      }),
    remove: (key) =>
      queue(key, async () => {
        checks.delete(key);
        await file(key).remove();
      }),
    all: () => stateBases(disk, FOLDER).flatMap((base) => fileAt(base).load().value ?? []),
    named: (twins) =>
      stateBases(disk, FOLDER)
        .flatMap((base) => (twins ? fileAt(base).versions() : fileAt(base).versions().slice(0, 1)))
        .flatMap((record) => [record.current, ...record.previous]),
    lost: () => stateBases(disk, FOLDER).some((base) => fileAt(base).load().lost),
    dropOldest: async () => {
      const records = stateBases(disk, FOLDER).flatMap((base) => fileAt(base).load().value ?? []);
      const most = records.reduce<SourceRecord | undefined>(
        (best, record) => (record.previous.length > (best?.previous.length ?? 0) ? record : best),
        undefined,
      );
      if (most === undefined) return false;
      return queue(most.key, async () => {
        const record = load(most.key);
        if (record === undefined || record.previous.length === 0) return false;
        return file(most.key).save(encodeRecord({ ...record, previous: record.previous.slice(0, -1) }));
      });
    },
  };
}

/** The new current revision and the previous ones, each content once. */
function succeed(
  before: SourceRecord | undefined,
  current: SourceRevision,
  keep: number,
): { current: SourceRevision; previous: readonly SourceRevision[] } {
  if (before === undefined) return { current, previous: [] };
  // The same content under other rules, or more of it, is no earlier revision.
  const same = (a: SourceRevision): boolean =>
    a.revision === current.revision && (a.root === current.root || madeOf(a) === madeOf(current));
  const earlier = [before.current, ...before.previous].filter((one) => !same(one));
  return { current, previous: earlier.slice(0, keep) };
}

function madeOf({ composed }: SourceRevision): string {
  return JSON.stringify((composed?.parts ?? []).map(({ toPath, revision }) => [toPath, revision]));
}

function encodeRecord(record: SourceRecord): JsonObject {
  const { key, current, previous, fetchedAt, request, total, artifacts } = record;
  const wire: JsonObject = { requests: total.requests, up: total.up, down: total.down };
  return {
    key,
    current: encodeRevision(current),
    previous: previous.map(encodeRevision),
    fetchedAt,
    request,
    total: wire,
    artifacts: artifacts.map(encodeNote),
  };
}

function parseRecord(data: JsonObject): SourceRecord | undefined {
  const key = stringOf(data, 'key');
  const current = parseRevision(data['current'] ?? null);
  const previous = listOf(data, 'previous', parseRevision);
  const fetchedAt = numberOf(data, 'fetchedAt');
  const request = stringOf(data, 'request');
  const total = parseCount(data['total'] ?? null);
  if (key === undefined || current === undefined || previous === undefined) return undefined;
  if (fetchedAt === undefined || request === undefined || total === undefined) return undefined;
  return { key, current, previous, fetchedAt, request, total, artifacts: parseNotes(data) };
}

function parseCount(value: Json): WireCount | undefined {
  if (!isObject(value)) return undefined;
  const [requests, up, down] = [numberOf(value, 'requests'), numberOf(value, 'up'), numberOf(value, 'down')];
  return requests === undefined || up === undefined || down === undefined ? undefined : { requests, up, down };
}
