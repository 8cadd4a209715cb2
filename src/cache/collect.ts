import { type Digest, Fault, type Limits } from '../model/index.ts';
import type { Disk, Log } from '../ports/index.ts';
import type { KustomizationStates } from './kustomizations.ts';
import { type Marks, mark } from './mark.ts';
import type { Packs } from './packs.ts';
import type { PartStates } from './parts.ts';
import type { SourceStates } from './sources.ts';
import { SMALL_PACK_BYTES, SMALL_PACKS, sweep } from './sweep.ts';
import type { Committed, StagedContent, WriterRoom } from './writer.ts';

/** What became of a garbage collection. */
export interface GcResult {
  /** '' when it ran; else why nothing was freed. */
  readonly held: string;
  readonly deleted: number;
  readonly rewritten: number;
  readonly freedBytes: number;
}

export interface Collector {
  collect(): Promise<GcResult>;
  due(): boolean;
  /** Reads and verifies everything that is reachable. */
  walk(): Promise<Marks>;
  /** A pointer that names this has been written. */
  pointed(digest: Digest): void;
  /** Makes room for bytes below the limit, giving up previous revisions. False when there is not enough. */
  relieve(bytes: number): Promise<boolean>;
  /** Nothing is freed until the answer is called. */
  hold(): Promise<() => void>;
  /** Waited for before a writer opens: none may open while content is being freed. */
  begin(): Promise<void>;
  readonly room: Pick<WriterRoom, 'makeRoom' | 'checkSpooled' | 'ended'>;
}

export interface CollectorOptions {
  readonly disk: Disk;
  readonly packs: Packs;
  readonly limits: Pick<Limits, 'cacheBytes'>;
  readonly sources: SourceStates;
  readonly kustomizations: KustomizationStates;
  readonly parts: PartStates;
  readonly pause: () => Promise<void>;
  readonly log: Log | undefined;
  /** False in a process that only writes beside the owner of the folder: it frees nothing. */
  readonly owner: boolean;
}

/** Content that no pointer names survives this many collections after its commit. */
const GRACE = 2;
/** Pointers written since the last collection that make the next one worth while. */
const DUE_POINTERS = 16;

interface Young {
  readonly committed: Committed;
  age: number;
}

interface Run {
  readonly staged?: StagedContent;
  /** Keep also what the older twin of each record names. */
  readonly twins: boolean;
}

/** Garbage collection and the size limit, for one cache. */
export function collector(options: CollectorOptions): Collector {
  const { disk, packs, limits, sources, kustomizations, parts, pause } = options;
  let young: Young[] = [];
  let writers = 0;
  let pointers = 0;
  let running: Promise<unknown> | undefined;

  /** What another process committed is young here. */
  const absorb = (): void => {
    const files = packs.takeForeign();
    if (files.length === 0) return;
    const has = (digest: Digest): boolean => files.includes(packs.find(digest)?.pack.file ?? '');
    young.push({ committed: { files, reused: new Set(), has }, age: 0 });
  };
  const run = async ({ staged, twins }: Run): Promise<GcResult> => {
    if (sources.lost() || kustomizations.lost()) return held('a record cannot be read, so what it names is unknown');
    // A process beside this one may have ended without a word, and left a part of its transfer.
    packs.rescan();
    absorb();
    // Packs that appear while this runs have no marks, and are left alone.
    const candidates = packs.all();
    const committed = young.map((one) => one.committed);
    const roots = {
      revisions: sources.named(twins),
      renders: kustomizations.named(twins),
      parts: parts.heads(),
      committed,
    };
    const marks = await mark(packs, staged === undefined ? roots : { ...roots, staged }, { pause, readAll: false });
    if (!marks.whole) return held('a listing is damaged, so what it names is unknown');
    const before = packs.bytes();
    const pinned = new Set(committed.flatMap((one) => one.files));
    const swept = await sweep({ disk, packs, candidates, marks, pause, pinned });
    for (const one of young) one.age++;
    young = young.filter((one) => one.age < GRACE);
    pointers = 0;
    const result = { held: '', ...swept, freedBytes: before - packs.bytes() };
    if (swept.deleted + swept.rewritten > 0) options.log?.info('cache-collected', { ...result });
    return result;
  };
  /** Runs alone: one at a time, and writers wait for its end. */
  const alone = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = (running ?? Promise.resolve()).then(task, task);
    const tail = mine.then(
      () => undefined,
      () => undefined,
    );
    running = tail;
    void tail.then(() => {
      if (running === tail) running = undefined;
    });
    return mine;
  };
  const begin = async (): Promise<void> => {
    while (running !== undefined) await running;
    writers++;
  };
  /** Garbage first, then parts of transfers but the newest, then previous revisions, then the newest part. */
  const free = async (over: () => boolean, staged: StagedContent | undefined): Promise<void> => {
    const more = staged === undefined ? {} : { staged };
    await run({ ...more, twins: true });
    while (over() && (await parts.dropOldest(1))) await run({ ...more, twins: true });
    while (over() && (await sources.dropOldest())) await run({ ...more, twins: false });
    if (over() && (await parts.dropOldest(0))) await run({ ...more, twins: false });
  };
  const makeRoom = async (bytes: number, staged: StagedContent): Promise<void> => {
    const over = (): boolean => packs.bytes() + bytes > limits.cacheBytes;
    if (!over()) return;
    // Another open writer may rely on anything: nothing is freed then.
    if (options.owner && bytes <= limits.cacheBytes)
      await alone(async () => {
        if (writers > 1) return;
        await free(over, staged);
        if (over()) await run({ staged, twins: false });
      });
    if (over()) throw fullFault(packs.bytes() + bytes, limits.cacheBytes);
  };
  return {
    relieve: (bytes) =>
      alone(async () => {
        if (!options.owner || writers > 0) return false;
        const over = (): boolean => packs.bytes() + bytes > limits.cacheBytes;
        await free(over, undefined);
        return !over();
      }),
    hold: async () => {
      let held = true;
      await begin();
      return () => {
        if (held) writers--;
        held = false;
      };
    },
    collect: () =>
      alone(async () => (writers > 0 || !options.owner ? held('content is being written') : run({ twins: true }))),
    due: () => {
      const small = packs.all().filter((pack) => pack.size < SMALL_PACK_BYTES).length;
      return pointers >= DUE_POINTERS || small > 2 * SMALL_PACKS || packs.bytes() > 0.9 * limits.cacheBytes;
    },
    walk: () =>
      alone(() => {
        const revisions = sources.named(false);
        return mark(
          packs,
          { revisions, renders: kustomizations.named(false), parts: [], committed: [] },
          { pause, readAll: true },
        );
      }),
    pointed: (digest) => {
      absorb();
      pointers++;
      young = young.filter((one) => !one.committed.has(digest));
    },
    begin,
    room: {
      makeRoom,
      checkSpooled: (bytes) => {
        if (bytes > limits.cacheBytes) throw fullFault(bytes, limits.cacheBytes);
      },
      ended: (committed) => {
        writers--;
        if (committed !== undefined) young.push({ committed, age: 0 });
      },
    },
  };
}

function held(why: string): GcResult {
  return { held: why, deleted: 0, rewritten: 0, freedBytes: 0 };
}

function fullFault(bytes: number, limit: number): Fault {
  const mib = (n: number): string => `${Math.ceil(n / 1024 / 1024)} MiB`;
  return new Fault('cache-full', `the cache needs ${mib(bytes)}, limits.cacheBytes allows ${mib(limit)}`);
}
