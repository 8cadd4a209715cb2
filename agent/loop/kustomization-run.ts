import { type SyncResult, troubleOf } from '../../src/cycle/index.ts';
import { sourceKeyOf } from '../../src/flux/index.ts';
import { asFault, Fault, type FaultCode, isBad } from '../../src/model/index.ts';
import { settleDrift } from './drift.ts';
import { cancelSuspended, tellCanceled } from './health-canceled.ts';
import { deleteKustomization } from './kustomization-delete.ts';
import { judgeHealth } from './kustomization-health.ts';
import { isAsked, reportRun, scheduleRun } from './kustomization-report.ts';
import { type Chosen, newestRevision } from './kustomization-revision.ts';
import {
  desiredOf,
  judgeOf,
  type KustomizationPorts,
  type KustomizationRun,
  keepRecord,
  noteRecord,
  placeOf,
  saveRecord,
  saysReady,
} from './kustomization-state.ts';
import { syncNow } from './kustomization-sync.ts';
import type { Place } from './place.ts';
import { rivalWait } from './rivals.ts';
import { readRules, rulesKey } from './rules.ts';

/** Causes that look at drifted objects only, or at health only. */
const LIGHT = new Set(['drift', 'health', 'late', 'save']);

/** A Namespace or definition that is being deleted is given so long before it is told of, milliseconds. */
const GROUND_MS = 10_000;

/** A watch that is behind is given so long before drift is looked at again, milliseconds. */
const LATE_MS = 500;

/** One run of a Kustomization. Never throws; what stands in the way is in its conditions afterwards. */
export async function runKustomization(
  run: KustomizationRun,
  causes: ReadonlySet<string>,
  ports: KustomizationPorts,
): Promise<void> {
  run.generation = run.object.meta.generation;
  if (run.object.meta.deleting === true) return deleteKustomization(run, ports);
  if (run.object.spec.suspend) return rest(run, ports);
  // Before the API server, or the source, was asked for the first time nothing is wrong; the answer wakes this again.
  if (!ports.leads(run) || ports.awaitsSource(run)) return;
  const light = [...causes].every((cause) => LIGHT.has(cause));
  const before = run.standing;
  const { requestedAt } = run.object.meta;
  try {
    const place = await ports.place(run);
    if (place.presence.state().state === 'unknown') return;
    await refreshRules(run, place, ports);
    if (light) await keepUp(run, causes, ports);
    else await bringUp(run, causes, ports);
  } catch (error) {
    if (ports.over(run)) return;
    // Whoever asked is answered by a run that did not come to its first step, too.
    if (!light && isAsked(run)) noteRecord(run, { handledRequest: requestedAt });
    if (asFault(error).code === 'kubeconfig-refused') noteAttempt(run, ports);
    await reportRun(run, { fault: asFault(error) }, ports).catch((e: unknown) =>
      ports.env.log.error('state not written', { kustomization: run.key, error: String(e) }),
    );
    if (asFault(error).code === 'cluster-unreachable') (run.place ?? ports).presence.suspect(asFault(error).message);
  }
  if (run.standing?.code === 'cache-damaged' || run.standing?.code === 'source-incomplete') askAgain(run, ports);
  if (!light || run.nextAt === 0) scheduleRun(run, ports);
  else if (run.standing !== before) scheduleRun(run, ports, { sooner: true });
}

/** Flux looks for the other cluster once it has the revision. */
function noteAttempt(run: KustomizationRun, { env }: KustomizationPorts): void {
  const attempted = env.records.source(sourceKeyOf(run.object))?.current.revision ?? run.record.attempted;
  if (attempted !== run.record.attempted) noteRecord(run, { attempted });
}

/** Reads expressions and patterns that are new; objects that they judge are looked at again. */
async function refreshRules(
  run: KustomizationRun,
  { observer }: Pick<Place, 'observer'>,
  { env }: KustomizationPorts,
): Promise<void> {
  if (run.rules?.key === rulesKey(run.object.spec) && run.rules.observer === observer) return;
  const before = judgeOf(run);
  run.rules = { ...(await readRules(run.object.spec, env.settings.limits)), observer };
  const { judge } = run.rules;
  observer.judgeAnew((kind) => before.ruleOf(kind) !== undefined || judge.ruleOf(kind) !== undefined);
}

/** The source has what the disk has lost, or was never given: it is asked now, not when its interval is over. */
function askAgain(run: KustomizationRun, ports: KustomizationPorts): void {
  ports.wake(sourceKeyOf(run.object), 'incomplete');
}

/**
 * Suspended: nothing is due, and nothing is waited for. Who asked for a run is told that this is all. One that is ready
 * stays so, as in Flux: its generation is observed, and those that depend on it go on.
 */
async function rest(run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  for (const cancel of Object.values(run.timers)) cancel?.();
  run.nextAt = 0;
  cancelSuspended(run, ports);
  const { requestedAt } = run.object.meta;
  if (isAsked(run)) noteRecord(run, { handledRequest: requestedAt });
  const { generation } = run;
  const observes = saysReady(run) && run.record.observedGeneration !== generation;
  if (observes) noteRecord(run, { observedGeneration: generation });
  await saveRecord(run, ports.env).catch((error: unknown) =>
    ports.env.log.error('state not written', { kustomization: run.key, error: String(error) }),
  );
  if (observes) ports.onReady(run.key);
}

/** Brings the cluster to the newest revision of the source. */
async function bringUp(run: KustomizationRun, causes: ReadonlySet<string>, ports: KustomizationPorts): Promise<void> {
  tellCanceled(run, causes, ports);
  // It says itself what is held.
  run.timers.ground?.();
  run.timers.ground = undefined;
  run.round += 1;
  run.began = ports.env.clock.monotonic();
  const { requestedAt, resourceVersion } = run.object.meta;
  const asked = isAsked(run);
  run.asked = asked && countsHealth(run) ? resourceVersion : undefined;
  try {
    // Which kinds are served is found out while the revision is rendered.
    if (run.facts === undefined)
      void placeOf(run)
        .cluster.surface({ signal: ports.signal })
        .catch(() => undefined);
    const chosen = await newestRevision(run, ports);
    const result = await syncNow(run, { chosen, only: undefined, causes }, ports);
    await conclude(run, result, ports);
  } catch (error) {
    if (!ports.over(run)) await keepLast(run, asFault(error), ports);
    throw error;
  } finally {
    if (asked && !ports.signal.aborted) await keepRecord(run, { handledRequest: requestedAt }, ports.env);
  }
}

/** What is applied is kept applied, whatever is wrong with the new revision. Nothing is pruned. */
async function keepLast(run: KustomizationRun, fault: Fault, ports: KustomizationPorts): Promise<void> {
  const chosen = chosenBefore(run);
  const desired = desiredOf(run, ports.env);
  if (chosen === undefined || desired === undefined || fault.code.startsWith('cluster-')) return;
  // Which fields are left to others cannot be read: nothing is set back.
  if (fault === run.rules?.fault && fault.code !== 'expression-invalid') return;
  // Who waits for a dependency waits in a cluster that lost everything, too.
  const only = fault.code === 'dependency-not-ready' ? run.drift : new Set(desired.objects.map((object) => object.id));
  await syncNow(run, { chosen, only, causes: new Set() }, ports);
}

function chosenBefore(run: KustomizationRun): Chosen | undefined {
  const { target, renderKey, memo } = run.record;
  return target === undefined ? undefined : { target, renderKey, memo };
}

/** Corrects what watches have shown, and looks at health: no render, no source. */
async function keepUp(run: KustomizationRun, causes: ReadonlySet<string>, ports: KustomizationPorts): Promise<void> {
  const chosen = chosenBefore(run);
  if (chosen === undefined) return;
  settleDrift(run, placeOf(run).observer);
  if (run.drift.size > 0) {
    // Whoever suspends an object, and then changes by hand what it applied, has it kept: also where its watch tells meanwhile.
    if (!(await ports.env.news.isCurrent(run.key)) || isChanged(run)) return lookAgain(run, ports);
    const before = run.standing?.code;
    const behind = isBehind(run, ports);
    const result = await syncNow(run, { chosen, only: run.drift, causes: new Set() }, ports);
    if (waitsForGround(run, result, ports)) return saveRecord(run, ports.env);
    const fault = faultOf(run, result, ports);
    if (fault !== undefined) return reportRun(run, { fault, receipts: result.receipts }, ports);
    // A correction that went well ends only a fault of its own kind.
    if (before !== undefined && CORRECTED.has(before)) ports.wake(run.key, 'retry');
    else if (before === undefined && behind) ports.wake(run.key, 'behind');
  }
  // What was so before a run that somebody asked for, and was told of after it, counts for that run.
  if (causes.has('late') && run.standing === undefined) await awaitHealth(run, ports);
  else await judgeHealth(run, ports);
  await saveRecord(run, ports.env);
}

const CORRECTED: ReadonlySet<FaultCode> = new Set(['apply-conflict', 'apply-waits', 'cluster-unreachable']);

/**
 * A Namespace or definition goes, and its objects before it: the watch that tells of its end makes all of them anew. That it
 * is on its way is no trouble before a while is over; then a whole run says what is held.
 */
function waitsForGround(run: KustomizationRun, { receipts }: SyncResult, ports: KustomizationPorts): boolean {
  const { timers } = run;
  const bad = receipts.filter(isBad);
  if (bad.length === 0 || bad.some((one) => one.fault !== 'apply-waits')) {
    timers.ground?.();
    timers.ground = undefined;
    return false;
  }
  timers.ground ??= ports.env.clock.after(GROUND_MS, () => {
    timers.ground = undefined;
    if (run.drift.size > 0) ports.wake(run.key, 'retry');
  });
  return true;
}

/** Its spec is another one than that which the run began with. */
const isChanged = ({ object, generation }: KustomizationRun): boolean => object.meta.generation !== generation;

/** What the API server has of the object itself is on its way here. */
function lookAgain(run: KustomizationRun, ports: KustomizationPorts): void {
  run.timers.late?.();
  run.timers.late = ports.env.clock.after(LATE_MS, () => ports.wake(run.key, 'drift'));
}

/** Something that is corrected now was left out of a revision, by an annotation in the cluster: it may be let in again. */
function isBehind(run: KustomizationRun, ports: KustomizationPorts): boolean {
  const facts = run.facts?.map;
  const objects = desiredOf(run, ports.env)?.objects ?? [];
  return objects.some(({ id, digest }) => run.drift.has(id) && (facts?.get(id)?.digest ?? digest) !== digest);
}

function countsHealth({ object: { spec } }: KustomizationRun): boolean {
  return spec.wait || spec.healthChecks.length > 0;
}

function faultOf(run: KustomizationRun, result: SyncResult, ports: KustomizationPorts): Fault | undefined {
  const trouble = troubleOf(result.receipts);
  if (trouble === undefined) return undefined;
  const wait = trouble.code === 'apply-conflict' ? rivalWait(run, ports.env) : undefined;
  return new Fault(trouble.code, trouble.message, { retryAfterMs: wait });
}

async function conclude(run: KustomizationRun, result: SyncResult, ports: KustomizationPorts): Promise<void> {
  const fault = faultOf(run, result, ports);
  if (fault !== undefined) return reportRun(run, { fault, receipts: result.receipts }, ports);
  run.held = [];
  await awaitHealth(run, ports);
}

/** Waits for the objects whose health counts; ready at once where none does. */
async function awaitHealth(run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  const { spec } = run.object;
  if (!countsHealth(run)) return reportRun(run, {}, ports);
  const now = ports.env.clock.monotonic();
  const revision = run.record.target?.revision ?? '';
  if (run.waiting?.revision !== revision) run.waiting = { revision, since: now, deadline: now + spec.timeout };
  await judgeHealth(run, ports);
}
