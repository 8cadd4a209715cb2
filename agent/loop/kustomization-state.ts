import type { Kustomization } from '../../src/flux/index.ts';
import { BUILT_IN, type Judge } from '../../src/health/index.ts';
import {
  type Condition,
  type Digest,
  Fault,
  type ObjectId,
  type Receipt,
  type RenderedSet,
} from '../../src/model/index.ts';
import type { Observer } from '../../src/observe/index.ts';
import type { Cancel } from '../../src/ports/index.ts';
import type { Corrections } from '../../src/schedule/index.ts';
import type { DataFor, FactJournal, KustomizationRecord, LoopEnv } from './env.ts';
import type { Area, Place } from './place.ts';
import type { Presence } from './presence.ts';
import type { Rules } from './rules.ts';
import { inScopes, learnScopes, NO_SCOPES, type Scopes } from './scopes.ts';
import type { Standing } from './trouble.ts';

/** What the runs of a Kustomization reach outside of themselves. */
export interface KustomizationPorts {
  readonly env: LoopEnv;
  /** Of the agent's own cluster. */
  readonly presence: Presence;
  /** Where it is applied, from now on. Throws `kubeconfig-refused`. */
  readonly place: (run: KustomizationRun) => Promise<Place>;
  /** Its source has no revision yet and is being asked for the first time. */
  readonly awaitsSource: (run: KustomizationRun) => boolean;
  /** Why nothing of a source is on this disk; it is asked again after `retryMs` at the latest. */
  readonly noSource: (key: string, retryMs: number) => Fault;
  readonly data: DataFor;
  /** Whether another Kustomization (`namespace/name`) keeps this object applied, too. */
  readonly declares: (owner: string, id: ObjectId) => boolean;
  /** This agent is the one that applies. */
  readonly leads: (run: KustomizationRun) => boolean;
  readonly signal: AbortSignal;
  /** The agent ends, or the object of this run is not declared any more: nothing new is begun, and nobody is told. */
  readonly over: (run: KustomizationRun) => boolean;
  /** How objects that a Kustomization (`namespace/name`) has in an area are judged. */
  readonly judgeOf: (owner: string, area: Area['key']) => Judge;
  /** Throws when something that `dependsOn` names is not ready. */
  readonly dependencies: (run: KustomizationRun) => void;
  readonly wake: (key: string, cause: string) => void;
  /** Its status shows something else now: a `readyExpr` may look at it. */
  readonly onStatus: (key: string) => void;
  /** It is ready now: those that depend on it may go on. */
  readonly onReady: (key: string) => void;
}

/** All that is remembered of one Kustomization while the process lives. */
export interface KustomizationRun {
  readonly key: string;
  object: Kustomization;
  /** Of the object as the last run began with it: what is said of a run says nothing of a spec that came meanwhile. */
  generation: number;
  /** Monotonic time of the last wake of that run: what is read for it must not be older. */
  woken: number;
  /** Where it is applied; undefined before its first run. */
  place: Place | undefined;
  record: KustomizationRecord;
  /** Something in `record` is not on disk yet; the next write takes it along. */
  unsaved: boolean;
  /** The set that the cluster is kept at, loaded from disk when first needed. */
  desired:
    | {
        readonly rendered: Digest;
        /** As it was rendered. */
        readonly plain: RenderedSet;
        /** As the cluster has it that serves the kinds of `bare` without namespaces. */
        readonly set: RenderedSet;
        readonly bare: Scopes['bare'];
      }
    | undefined;
  /** How its cluster serves the kinds of its objects, as far as that is known. */
  scopes: Scopes;
  facts: FactJournal | undefined;
  round: number;
  /** Monotonic time at which the last full run began. */
  began: number;
  /** The status on the API server has been looked at. */
  seeded: boolean;
  standing: Standing | undefined;
  /** Paths of the source that its renders asked for and that were away; of this spec. */
  readonly reached: Set<string>;
  /** Refused and held objects of the last run. */
  held: readonly Receipt[];
  /** What its spec says in expressions and patterns, and who judges by them; undefined before they are read. */
  rules: (Rules & { readonly observer: Observer }) | undefined;
  /** What watches have shown to differ since the last run. */
  drift: Set<ObjectId>;
  readonly corrections: Map<ObjectId, Corrections>;
  healed: { count: number; lastAt: number; lastObject: string };
  /** A health check that is going on. */
  waiting:
    | {
        readonly revision: string;
        readonly since: number;
        readonly deadline: number;
        /** When Pods were looked at last. */
        readonly podsAt?: number;
      }
    | undefined;
  /** resourceVersion with which somebody asked for the last run, where health counts; undefined where nobody did. */
  asked: string | undefined;
  /** The cluster was found, or brought, to `target` by this process. */
  confirmed: boolean;
  /** Monotonic time of the last apply of everything; 0 before. */
  fullCheckAt: number;
  lastAppliedAt: number;
  nextAt: number;
  timers: Record<'run' | 'health' | 'save' | 'late' | 'ground', Cancel | undefined>;
}

export const EMPTY: KustomizationRecord = {
  attempted: '',
  renderKey: '',
  memo: '',
  inventory: [],
  clusterUid: '',
  conditions: [],
  handledRequest: '',
  observedGeneration: -1,
  history: [],
  takenOver: '',
  account: '',
};

export function newKustomizationRun(key: string, object: Kustomization, env: LoopEnv): KustomizationRun {
  const record = env.records.kustomization(key) ?? EMPTY;
  return {
    key,
    object,
    generation: object.meta.generation,
    woken: 0,
    place: undefined,
    record,
    unsaved: false,
    desired: undefined,
    scopes: NO_SCOPES,
    facts: undefined,
    round: 0,
    began: 0,
    seeded: false,
    reached: new Set(),
    standing: undefined,
    held: [],
    rules: undefined,
    drift: new Set(),
    corrections: new Map(),
    healed: { count: 0, lastAt: 0, lastObject: '' },
    waiting: undefined,
    asked: undefined,
    confirmed: false,
    fullCheckAt: 0,
    lastAppliedAt: record.target?.at ?? 0,
    nextAt: 0,
    timers: { run: undefined, health: undefined, save: undefined, late: undefined, ground: undefined },
  };
}

/** Where the run that is under way applies. */
export function placeOf(run: KustomizationRun): Place {
  if (run.place === undefined) throw new Fault('internal', `${run.key} has no place yet`);
  return run.place;
}

/** Before its first run a Kustomization counts as one of the agent's own cluster. */
export function isIn(run: KustomizationRun, key: Area['key']): boolean {
  return (run.place?.area.key ?? '') === key;
}

/** What was known of the objects of a Kustomization is of another cluster, or of another life of it. */
export function forget(run: KustomizationRun): void {
  run.facts = undefined;
  run.confirmed = false;
  run.scopes = NO_SCOPES;
  run.drift.clear();
}

/** The set that the cluster is kept at; undefined before the first render. */
export function desiredOf(run: KustomizationRun, env: LoopEnv): RenderedSet | undefined {
  const { target } = run.record;
  return target === undefined ? undefined : renderedOf(run, target.rendered, env);
}

/** A stored render; the last one asked for is kept in memory. */
export function renderedOf(run: KustomizationRun, rendered: Digest, env: LoopEnv): RenderedSet {
  const { scopes, desired } = run;
  const { bare } = scopes;
  if (desired?.rendered === rendered && desired.bare === bare) return desired.set;
  const plain = desired?.rendered === rendered ? desired.plain : env.records.loadRender(rendered);
  const set = inScopes(plain, scopes);
  run.desired = { rendered, plain, set, bare };
  return set;
}

/** Finds out how the cluster serves the kinds of a stored render. */
export async function lookUpScopes(run: KustomizationRun, rendered: Digest, ports: KustomizationPorts): Promise<void> {
  run.scopes = await learnScopes(run.scopes, renderedOf(run, rendered, ports.env), placeOf(run).cluster, ports.signal);
}

/** Replaces the stored record where something in it differs; nothing is written when nothing does. */
export async function keepRecord(
  run: KustomizationRun,
  changes: Partial<KustomizationRecord>,
  env: LoopEnv,
): Promise<void> {
  const next: KustomizationRecord = { ...run.record, ...changes };
  const differs = (Object.keys(changes) as (keyof KustomizationRecord)[]).some((key) => run.record[key] !== next[key]);
  if (!differs && !run.unsaved) return;
  // On disk first: a write that fails is tried again by the next run.
  await env.records.writeKustomization(run.key, next);
  run.record = next;
  run.unsaved = false;
}

/** Writes what has been noted only; nothing when all is on disk. */
export const saveRecord = (run: KustomizationRun, env: LoopEnv): Promise<void> => keepRecord(run, {}, env);

/**
 * Changes what is remembered, to be written with the next write: for what a crash may lose, because a restart finds it
 * out again. Each write costs two syncs, and a commit moves the revision of hundreds of Kustomizations.
 */
export function noteRecord(run: KustomizationRun, changes: Partial<KustomizationRecord>): void {
  run.record = { ...run.record, ...changes };
  run.unsaved = true;
}

export function conditionsOf(run: KustomizationRun): readonly Condition[] {
  return run.record.conditions;
}

/** Somebody waits for the health of its objects, or for a failed one to heal. */
export function asksForHealth(run: KustomizationRun): boolean {
  return run.waiting !== undefined || run.standing?.code === 'health-failed';
}

/** How the objects of a Kustomization are judged. */
export function judgeOf(run: KustomizationRun | undefined): Judge {
  return run?.rules?.judge ?? BUILT_IN;
}

export function isReady(run: KustomizationRun): boolean {
  return run.record.conditions.some(
    (one) => one.type === 'Ready' && one.status === 'True' && one.observedGeneration === run.object.meta.generation,
  );
}

/** Ready for those that depend on it: in the words of its status, which follow the spec of one that is suspended, too. */
export function isReadyForOthers(run: KustomizationRun): boolean {
  return saysReady(run) && run.record.observedGeneration === run.object.meta.generation;
}

/** Ready, for this spec or the one before. */
export function saysReady(run: KustomizationRun): boolean {
  return run.record.conditions.some((one) => one.type === 'Ready' && one.status === 'True');
}
