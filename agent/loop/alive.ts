import { attemptMs, keyOf } from '../../src/flux/index.ts';
import { applyWidth, type Limits } from '../../src/model/index.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { Workshop } from './env.ts';
import type { KustomizationRun } from './kustomization-state.ts';
import type { Runner } from './runner.ts';
import type { SourceRun } from './source-state.ts';

/** A run that goes on for longer than what it does may take, and this, is stuck. */
const STUCK_MS = 30 * 60_000;
/** An object is asked for, dry-run and applied, or deleted. */
const REQUESTS = 3;

/** Tells runs that are stuck from those that wait for work which ends by itself. */
export interface Stints {
  /** The same workshop; what its work may take does not count for the run that waits for it. */
  around(workshop: Workshop): Workshop;
  /** False when one of these runs has been going on for longer than it may. */
  alive(
    running: ReturnType<Runner['running']>,
    runOf: (key: string) => SourceRun | KustomizationRun | undefined,
  ): boolean;
}

interface Stint {
  /** Milliseconds that the work itself may take. */
  readonly boundMs: number;
  /** Monotonic time at which it must have ended. */
  readonly until: number;
}

/** `touch`: a run goes on with something else from now on. */
export function createStints(clock: Pick<Clock, 'monotonic'>, limits: Limits, touch: (key: string) => void): Stints {
  const open = new Map<string, Stint>();
  const during = async <T>(key: string, boundMs: number, work: () => Promise<T>): Promise<T> => {
    // It may wait for its turn behind all that is under way.
    const before = [...open.values()].reduce((sum, one) => sum + one.boundMs, 0);
    const stint: Stint = { boundMs, until: clock.monotonic() + before + boundMs + STUCK_MS };
    open.set(key, stint);
    try {
      return await work();
    } finally {
      if (open.get(key) === stint) open.delete(key);
      touch(key);
    }
  };
  return {
    around: (workshop) => ({
      ...workshop,
      fetch: (work, signal, onSize) =>
        during(keyOf(work.source), fetchMs(work.source), () => workshop.fetch(work, signal, onSize)),
      take: (work, part, signal) =>
        during(keyOf(work.source), limits.bundleMs, () => workshop.take(work, part, signal)),
      render: (job, signal) =>
        during(keyOf(job.kustomization), 2 * limits.renderMs, () => workshop.render(job, signal)),
      archive: (of, signal, source) => during(source, limits.artifactMs, () => workshop.archive(of, signal, source)),
    }),
    alive: (running, runOf) => {
      const now = clock.monotonic();
      return [...running].every(([key, since]) => {
        const stint = open.get(key);
        return now < (stint?.until ?? since + STUCK_MS + mayTake(runOf(key), limits));
      });
    },
  };
}

/** A login, the fetch, and that once more. */
const fetchMs = (source: SourceRun['object']): number => 3 * attemptMs(source);

/** Milliseconds that a run may take beside the work of the workshop: its requests, each in its time, and what it waits for. */
function mayTake(run: SourceRun | KustomizationRun | undefined, limits: Limits): number {
  if (run === undefined || !('record' in run)) return 0;
  const { record, desired, object } = run;
  const objects = Math.max(record.inventory.length, desired?.set.objects.length ?? 0);
  const width = applyWidth(limits);
  const waits = object.meta.deleting === true ? object.spec.timeout : 0;
  return Math.ceil((REQUESTS * objects) / width) * limits.requestMs + waits;
}
