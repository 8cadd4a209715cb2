import { durationText, sourceKeyOf } from '../../src/flux/index.ts';
import { type Fault, type FaultCode, isBad, nextAction, type Receipt } from '../../src/model/index.ts';
import { noteHistory } from '../../src/report/index.ts';
import { backoff, jittered } from '../../src/schedule/index.ts';
import { explained } from './account.ts';
import { failed, merge, succeeded, type Wanted } from './conditions.ts';
import type { KustomizationRecord, LoopEnv } from './env.ts';
import {
  isReady,
  type KustomizationPorts,
  type KustomizationRun,
  keepRecord,
  noteRecord,
} from './kustomization-state.ts';
import { goDuration, rfc3339 } from './time.ts';
import { type Standing, standing } from './trouble.ts';

/** How a run ended, or stands. Without a fault and without waiting it went well. */
export interface Ending {
  readonly fault?: Fault;
  /** What is not healthy, where the fault tells more. */
  readonly unhealthy?: string;
  readonly receipts?: readonly Receipt[];
  readonly waiting?: string;
  readonly healthyAfter?: number;
}

/** Puts the ending of a run into its conditions, on disk where they changed, and tells those who wait for it. */
export async function reportRun(run: KustomizationRun, ending: Ending, ports: KustomizationPorts): Promise<void> {
  const { env } = ports;
  if (ending.receipts !== undefined) run.held = ending.receipts.filter(isBad);
  if (ending.fault !== undefined)
    return reportFault(run, await explained(run, ending.fault, ports), { ...ending, ports });
  if (ending.waiting !== undefined) {
    const revision = run.waiting?.revision ?? '';
    await setConditions(run, waitingFor(run, revision, ending.waiting), ['Stalled'], ports);
    return;
  }
  const wasReady = isReady(run);
  run.confirmed = true;
  if (run.standing !== undefined)
    env.log.info('recovered', { kustomization: run.key, failures: run.standing.failures });
  run.standing = undefined;
  const { target, good } = run.record;
  const revision = target?.revision ?? '';
  const moved = target !== undefined && (good?.revision !== target.revision || good.rendered !== target.rendered);
  const healthy = ending.healthyAfter === undefined ? [] : healthyFor(run, ending.healthyAfter, moved);
  const without = ['Stalled', 'Reconciling', ...(ending.healthyAfter === undefined ? ['Healthy'] : [])];
  const wanted = [...succeeded('ReconciliationSucceeded', `Applied revision: ${revision}`), ...healthy];
  const news = moved || !wasReady;
  // Where only the name of the revision moved there is nothing to tell: its status says all.
  const worked = !wasReady || (moved && good?.rendered !== target.rendered);
  const changes = {
    conditions: conditions(run, wanted, without, ports),
    observedGeneration: run.generation,
    takenOver: '',
    ...history(run, 'ReconciliationSucceeded', news, ports),
    ...(moved ? { good: target } : {}),
  };
  if (moved && good?.rendered === target.rendered) saveSoon(run, changes, ports);
  else await keepRecord(run, changes, env);
  if (moved) env.log.info('revision applied', { kustomization: run.key, revision });
  if (worked || isAsked(run)) tellFinished(run, revision, ports);
  if (news) ports.onReady(run.key);
  if (news) ports.onStatus(run.key);
}

function tellFinished(run: KustomizationRun, revision: string, { env }: KustomizationPorts): void {
  const took = goDuration(env.clock.monotonic() - run.began);
  const next = durationText(run.object.spec.interval);
  const message = `Reconciliation finished in ${took}, next run in ${next}`;
  const { origin } = run.record.target ?? {};
  const event = { type: 'Normal', reason: 'ReconciliationSucceeded', message, revision, origin } as const;
  // By this annotation notification-controller knows whose commit status to set.
  env.news.event({ key: run.key, ...event, more: { commit_status: 'update' } });
}

/** Healthy as before says so in the words of before: a look that found nothing new is no news. */
function healthyFor(run: KustomizationRun, after: number, moved: boolean): readonly Wanted[] {
  const before = run.record.conditions.find((one) => one.type === 'Healthy');
  const message = before?.status === 'True' && !moved ? before.message : `Health check passed in ${goDuration(after)}`;
  return [{ type: 'Healthy', status: 'True', reason: 'Succeeded', message }];
}

/** Somebody asked for this run. Who takes the annotation away asks for nothing, and what was answered stays answered. */
export const isAsked = ({ object: { meta }, record }: KustomizationRun): boolean =>
  meta.requestedAt !== '' && meta.requestedAt !== record.handledRequest;

/** The history with this run in it, where that says something new or somebody asked for the run. */
function history(
  run: KustomizationRun,
  status: string,
  news: boolean,
  { env }: KustomizationPorts,
): Partial<KustomizationRecord> {
  const { target, history: before } = run.record;
  if (target === undefined) return {};
  const asked = isAsked(run);
  const digest = target.built ?? target.rendered;
  const same = before[0]?.digest === digest && before[0].lastReconciledStatus === status;
  if (same && !news && !asked) return {};
  return {
    history: noteHistory(before, {
      digest,
      lastReconciled: rfc3339(env.clock.now()),
      lastReconciledDuration: goDuration(env.clock.monotonic() - run.began),
      lastReconciledStatus: status,
      metadata: {
        revision: target.revision,
        ...(target.origin === undefined ? {} : { originRevision: target.origin }),
      },
    }),
  };
}

/** Only the name of the revision moved: written a little later, so that the disk first serves those that change. */
function saveSoon(run: KustomizationRun, changes: Parameters<typeof noteRecord>[1], ports: KustomizationPorts): void {
  noteRecord(run, changes);
  run.timers.save?.();
  run.timers.save = ports.env.clock.after(SAVE_AFTER_MS, () => ports.wake(run.key, 'save'));
}

const SAVE_AFTER_MS = 3_000;

async function reportFault(
  run: KustomizationRun,
  fault: Fault,
  { unhealthy: what = fault.message, ports }: Pick<Ending, 'unhealthy'> & { readonly ports: KustomizationPorts },
): Promise<void> {
  const { env } = ports;
  const now = standing(run.standing, fault, { now: env.clock.now(), log: env.log.with({ kustomization: run.key }) });
  const stalled = nextAction(fault.code) === 'stall';
  const unhealthy: readonly Wanted[] =
    fault.code === 'health-failed' ? [{ type: 'Healthy', status: 'False', reason: fault.reason, message: what }] : [];
  const told = NOT_BEGUN.has(fault.code)
    ? notBegun(run, fault)
    : failed(fault.reason, fault.message, stalled ? undefined : phaseOf(run, fault));
  const wanted = [...told, ...unhealthy];
  const toldOf = revisionOf(run, fault, env);
  const fresh = isNews(run.standing, now, toldOf);
  try {
    const changes = {
      conditions: conditions(run, wanted, [stalled ? 'Reconciling' : 'Stalled'], ports),
      ...(stalled ? { observedGeneration: run.generation } : {}),
      ...(wasBuilt(fault) ? history(run, fault.reason, false, ports) : {}),
    };
    const before = run.record.conditions;
    // A commit makes all that hangs on others wait for a moment; after a crash that is found out again.
    if (waits(fault)) saveSoon(run, changes, ports);
    else await keepRecord(run, changes, env);
    if (run.record.conditions !== before) ports.onStatus(run.key);
  } finally {
    run.standing = { ...now, toldOf };
  }
  if (fresh) tellFault(run, fault, toldOf, ports);
}

/** What Flux looks for before it begins a run. */
const NOT_BEGUN: ReadonlySet<FaultCode> = new Set(['source-missing', 'source-not-ready', 'dependency-not-ready']);

/** Nothing is in progress then; what was, by a run before, stays as one that is tried again. */
function notBegun({ record }: KustomizationRun, { reason, message }: Fault): readonly Wanted[] {
  const before = record.conditions.filter((one) => one.type === 'Reconciling');
  return [
    { type: 'Ready', status: 'False', reason, message },
    ...before.map(({ type, status, message }) => ({ type, status, message, reason: 'ProgressingWithRetry' })),
  ];
}

/** What Flux is at where it fails for these reasons. */
const PHASES: Readonly<Record<string, string>> = {
  ArtifactFailed: 'Fetching manifests',
  BuildFailed: 'Building manifests',
  ReconciliationFailed: 'Detecting drift',
  PruneFailed: 'Detecting drift',
  HealthCheckFailed: 'Running health checks',
};

/** What is tried again, in Flux's words; what Flux does not know of says itself. */
function phaseOf({ object, record }: KustomizationRun, { code, reason, message, revision }: Fault): string {
  const phase = code === 'kubeconfig-refused' ? PHASES['BuildFailed'] : PHASES[reason];
  const of = revision || record.attempted;
  if (phase === undefined || of === '') return message;
  return `${phase} for revision ${of} with a timeout of ${durationText(object.spec.timeout)}`;
}

/** Failures of something that was built: without a cluster nothing is. */
const wasBuilt = ({ code, reason }: Fault): boolean => IN_HISTORY.has(reason) && code !== 'kubeconfig-refused';

const IN_HISTORY: ReadonlySet<string> = new Set(['ReconciliationFailed', 'PruneFailed', 'HealthCheckFailed']);

const waits = ({ code }: Pick<Fault, 'code'>): boolean => code === 'dependency-not-ready';

/** What waits is told of once a revision, as in Flux, whatever it waits for in turn: its condition says that. */
function isNews(before: Standing | undefined, now: Standing, revision: string): boolean {
  if (waits(now)) return before === undefined || !waits(before) || before.toldOf !== revision;
  return before?.since !== now.since || before.message !== now.message;
}

/** What a fault is told of; of what waits, the revision that waits. */
function revisionOf({ object, record }: KustomizationRun, fault: Fault, { records }: LoopEnv): string {
  const newest = waits(fault) ? records.source(sourceKeyOf(object))?.current.revision : undefined;
  return fault.revision || (newest ?? record.attempted);
}

function tellFault(run: KustomizationRun, fault: Fault, revision: string, { env }: KustomizationPorts): void {
  // What waits is no failure; Flux says so in these words.
  const [type, message] = waits(fault)
    ? (['Normal', `Dependencies do not meet ready condition: ${fault.message}`] as const)
    : (['Warning', fault.message] as const);
  env.news.event({ key: run.key, type, reason: fault.reason, message, revision });
}

function waitingFor(run: KustomizationRun, revision: string, what: string): readonly Wanted[] {
  const timeout = durationText(run.object.spec.timeout);
  const message = `Running health checks for revision ${revision} with a timeout of ${timeout}: ${what}`;
  return [
    { type: 'Ready', status: 'Unknown', reason: 'Progressing', message: 'Reconciliation in progress' },
    { type: 'Reconciling', status: 'True', reason: 'Progressing', message },
    { type: 'Healthy', status: 'Unknown', reason: 'Progressing', message },
  ];
}

function conditions(
  run: KustomizationRun,
  wanted: readonly Wanted[],
  without: readonly string[],
  ports: KustomizationPorts,
) {
  return merge(run.record.conditions, wanted, {
    without,
    now: ports.env.clock.now(),
    generation: run.generation,
  });
}

async function setConditions(
  run: KustomizationRun,
  wanted: readonly Wanted[],
  without: readonly string[],
  ports: KustomizationPorts,
): Promise<void> {
  const before = run.record.conditions;
  await keepRecord(run, { conditions: conditions(run, wanted, without, ports) }, ports.env);
  if (run.record.conditions !== before) ports.onStatus(run.key);
}

/**
 * Sets the timer of the next full run: the interval after a success, the retry interval or a backoff after a failure; the
 * backoff, whatever stands in its way, for one that was deleted. With `sooner` an earlier one that is set stays.
 */
export function scheduleRun(
  run: KustomizationRun,
  ports: KustomizationPorts,
  options: { readonly sooner?: boolean } = {},
): void {
  const { clock, settings } = ports.env;
  const leaves = run.object.meta.deleting === true;
  if (ports.signal.aborted || (run.object.spec.suspend && !leaves)) return;
  const seed = `${settings.clusterName}/${run.key}`;
  const { spec } = run.object;
  const action = run.standing === undefined ? undefined : nextAction(run.standing.code);
  const clear = (): void => {
    run.timers.run?.();
    run.timers.run = undefined;
    run.nextAt = 0;
  };
  if (action === 'stall' && !leaves) {
    clear();
    return;
  }
  const failures = run.standing?.failures ?? 0;
  const plain = leaves
    ? backoff(failures, settings.limits.backoffMs, seed)
    : action === undefined || action === 'hold'
      ? jittered(spec.interval, seed, run.round)
      : action === 'retry'
        ? spec.retryInterval
        : backoff(failures, Math.min(spec.interval, settings.limits.backoffMs), seed);
  const delay = Math.max(plain, run.standing?.retryAfterMs ?? 0);
  if (options.sooner === true && run.nextAt > 0 && run.nextAt <= clock.now() + delay) return;
  clear();
  run.nextAt = clock.now() + delay;
  run.timers.run = clock.after(delay, () => ports.wake(run.key, 'interval'));
}
