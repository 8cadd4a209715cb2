import type { SourceObject } from '../../src/flux/index.ts';
import type { Condition, Reachability, WireCount } from '../../src/model/index.ts';
import type { Cancel } from '../../src/ports/index.ts';
import type { CronTimes } from './cron.ts';
import type { DataFor, FetchWork, LoopEnv } from './env.ts';
import type { Scope } from './fetch-scope.ts';
import { rfc3339 } from './time.ts';
import type { Standing } from './trouble.ts';

/** All that is remembered of one source while the process lives. */
export interface SourceRun {
  readonly key: string;
  object: SourceObject;
  /** Of the object as the last run began with it: what is said of a run says nothing of a spec that came meanwhile. */
  generation: number;
  /** Monotonic time of the last wake of that run: what is read for it must not be older. */
  woken: number;
  round: number;
  standing: Standing | undefined;
  /** The last attempt failed, and yet the next is to go on from what it brought. */
  progressed: boolean;
  /** A newer revision that is known, and whose content could not be had, and for which wish it was found. */
  newest: { readonly revision: string; readonly wish: string } | undefined;
  /** The object as it was when the content that is here was last confirmed; undefined without content. */
  observed: SourceObject | undefined;
  link: Reachability;
  /** Wall clock of the last answer that said which revision is the newest; 0 before. */
  confirmedAt: number;
  nextAt: number;
  handledRequest: string;
  conditions: readonly Condition[];
  /** Generation of the spec that was last brought to an end; -1 before any. */
  observedGeneration: number;
  count: WireCount;
  /** Bytes that the fetch under way has announced; 0 when none is, or its size is not known. */
  expected: number;
  timer: Cancel | undefined;
  /** Why the whole was fetched where a part is asked for, as it was last told; '' for nothing. */
  whole: string;
}

export function newSourceRun(key: string, object: SourceObject, env: LoopEnv): SourceRun {
  const record = env.records.source(key);
  const now = rfc3339(env.clock.now());
  return {
    key,
    object,
    generation: object.meta.generation,
    woken: 0,
    round: 0,
    standing: undefined,
    progressed: false,
    newest: undefined,
    observed: record === undefined ? undefined : object,
    link: { state: 'unknown', since: now, message: 'not tried yet' },
    confirmedAt: record?.fetchedAt ?? 0,
    nextAt: 0,
    handledRequest: '',
    conditions: [],
    observedGeneration: -1,
    count: env.records.traffic(key),
    expected: 0,
    timer: undefined,
    whole: '',
  };
}

export interface SourcePorts {
  readonly env: LoopEnv;
  readonly data: DataFor;
  /** This agent works for it: it may let it go once somebody has deleted it. */
  readonly leads: (run: SourceRun) => boolean;
  /** What it includes, as it is on this disk; throws when something of it is not. */
  readonly includes: (run: SourceRun) => FetchWork['includes'];
  /** How much of it is to be fetched. */
  readonly scope: (run: SourceRun) => Scope;
  readonly cron: CronTimes;
  /** Why the wall clock is not trusted; '' when it is. */
  readonly clockDoubt: () => string;
  readonly signal: AbortSignal;
  /** A new revision is on disk. */
  readonly onRevision: (key: string) => void;
  readonly wake: (key: string, cause: string) => void;
}

/** Only ExternalArtifact has no such field. */
export const isSuspended = ({ spec }: SourceObject): boolean => 'suspend' in spec && spec.suspend === true;
