import { type HealthVerdict, verdictOf } from '../../src/cycle/index.ts';
import {
  asFault,
  at,
  Fault,
  fromJson,
  groupKind,
  type Health,
  type KubeObject,
  type ObjectId,
  objectId,
  parseApiVersion,
  type VersionedRef,
} from '../../src/model/index.ts';
import { failedPods, runsPods } from './failed-pods.ts';
import { reportRun } from './kustomization-report.ts';
import {
  asksForHealth,
  desiredOf,
  isReady,
  judgeOf,
  type KustomizationPorts,
  type KustomizationRun,
  placeOf,
} from './kustomization-state.ts';
import { goDuration } from './time.ts';

/** Objects of others are not watched: they are looked at so often while somebody waits for them. */
const LOOK_MS = 2_000;

/** While a controller is in progress its Pods are looked at so often, as Flux does. */
const PODS_MS = 5_000;

/** Goes on with a health check that is under way, or looks whether a failed one has healed; else nothing to do. */
export async function judgeHealth(run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  const { waiting } = run;
  if (!asksForHealth(run)) return;
  const { clock } = ports.env;
  const now = clock.monotonic();
  const asked = askedFor(run, ports);
  const late = waiting !== undefined && now >= waiting.deadline;
  // A watch tells soon after it begins; where none may begin, somebody has to look.
  const patient = waiting !== undefined && !late && now - waiting.since < LOOK_MS;
  const pods = waiting !== undefined && !late && now - (waiting.podsAt ?? waiting.since) >= PODS_MS;
  if (pods) run.waiting = { ...waiting, podsAt: now };
  const { verdict, looked, open } = await verdictNow(run, asked, { late, patient, pods }, ports);
  run.timers.health?.();
  run.timers.health = undefined;
  if (verdict.state === 'healthy') {
    run.waiting = undefined;
    // Of nothing there is no health to tell of.
    if (asked.length === 0) return reportRun(run, {}, ports);
    const healthyAfter = now - (waiting?.since ?? now);
    tellHealthy(run, healthyAfter, ports);
    return reportRun(run, { healthyAfter }, ports);
  }
  if (waiting === undefined) return;
  if (verdict.state === 'failed') {
    run.waiting = undefined;
    const after = goDuration(now - waiting.since);
    return reportRun(
      run,
      {
        fault: new Fault('health-failed', `health check failed after ${after}: ${verdict.message}`),
        // Only `Ready` says how long it took.
        unhealthy: verdict.message,
      },
      ports,
    );
  }
  // What a watch is about to tell takes nothing back that was said before.
  if (open || !isReady(run)) await reportRun(run, { waiting: verdict.message }, ports);
  const left = waiting.deadline - now + 1;
  run.timers.health = clock.after(looked ? Math.min(left, LOOK_MS) : left, () => ports.wake(run.key, 'health'));
}

function tellHealthy(run: KustomizationRun, after: number, { env }: KustomizationPorts): void {
  const { conditions, target, good } = run.record;
  const was = conditions.find((one) => one.type === 'Healthy')?.status === 'True';
  if (was && good?.rendered === target?.rendered) return;
  const message = `Health check passed in ${goDuration(after)}`;
  env.news.event({ key: run.key, type: 'Normal', reason: 'Progressing', message, revision: target?.revision ?? '' });
}

/** The objects whose health counts: with `wait` all that are reconciled, else those that are listed. */
function askedFor(run: KustomizationRun, ports: KustomizationPorts): readonly VersionedRef[] {
  // One that waits for itself would wait for ever.
  return listed(run, ports).filter((ref) => !isItself(ref, run));
}

function isItself({ group, kind, namespace, name }: VersionedRef, { object: { meta } }: KustomizationRun): boolean {
  return (
    group === 'kustomize.toolkit.fluxcd.io' &&
    kind === 'Kustomization' &&
    namespace === meta.namespace &&
    name === meta.name
  );
}

function listed(run: KustomizationRun, ports: KustomizationPorts): readonly VersionedRef[] {
  const { spec } = run.object;
  if (!spec.wait)
    return spec.healthChecks.map(({ kind, namespace, name, apiVersion }) => ({
      kind,
      namespace,
      name,
      // Without an apiVersion apps/v1 is meant, as Flux has it.
      ...parseApiVersion(apiVersion ?? 'apps/v1'),
    }));
  const { seen } = placeOf(run).observer;
  const objects = desiredOf(run, ports.env)?.objects ?? [];
  return objects
    .filter(({ id, settings }) => {
      const live = seen.get(id)?.settings;
      return settings.reconcile && settings.ssa !== 'Ignore' && live?.reconcile !== false && live?.ignore !== true;
    })
    .map((object) => object.ref);
}

interface How {
  readonly late: boolean;
  readonly patient: boolean;
  readonly pods: boolean;
}

interface Judged {
  readonly verdict: HealthVerdict;
  /** Something was asked for, or is to be: the answer may be another one soon, and no watch may tell. */
  readonly looked: boolean;
  /** An object is known to be not well (yet), not merely unknown because a watch is about to tell. */
  readonly open: boolean;
}

async function verdictNow(
  run: KustomizationRun,
  asked: readonly VersionedRef[],
  how: How,
  ports: KustomizationPorts,
): Promise<Judged> {
  const { signal } = ports;
  const { observer, cluster } = placeOf(run);
  const judge = judgeOf(run);
  const known = new Map<ObjectId, Health>();
  const untold = new Set<ObjectId>();
  let looked = false;
  for (const ref of asked) {
    const id = objectId(ref);
    const { alike, shown } = shownOf(run, ref, ports);
    if (shown !== undefined) known.set(id, shown);
    const synced = observer.synced(groupKind(ref));
    // Not watched (yet), what was seen last may be out of date; a watch that begins tells soon.
    if (synced ? shown !== undefined : shown?.status === 'Current') continue;
    looked = true;
    if (alike && !synced && observer.wants(groupKind(ref)) && how.patient) {
      untold.add(id);
      continue;
    }
    const object = await cluster.read(ref, { signal }).catch(denial);
    known.set(id, object instanceof Fault ? unseen(object) : healthNow(object, id, run, ports));
  }
  const running = asked.filter(
    (ref) => runsPods(ref) && judge.ruleOf(ref) === undefined && known.get(objectId(ref))?.status === 'InProgress',
  );
  for (const ref of how.pods ? running : []) {
    const failed = await failedPods(ref, cluster, signal);
    if (failed > 0) known.set(objectId(ref), { status: 'Failed', message: `${failed} pods have failed` });
  }
  const ids = asked.map(objectId);
  const verdict = verdictOf(ids, (id) => known.get(id), how.late);
  const open = ids.some((id) => !untold.has(id) && known.get(id)?.status !== 'Current');
  return { verdict, looked: looked || running.length > 0, open };
}

/** What an account may not see, or no API serves, may become visible until the time is over: it is waited for, as in Flux. */
function denial(error: unknown): Fault {
  const fault = asFault(error);
  if (fault.code === 'cluster-denied' || fault.code === 'kind-unknown' || fault.code === 'apply-refused') return fault;
  throw error;
}

/** A check without the namespace that its kind needs will never see anything. */
const unseen = ({ code, message }: Fault): Health => ({
  status: code === 'apply-refused' ? 'Failed' : 'Unknown',
  message,
});

function healthNow(
  object: KubeObject | undefined,
  id: ObjectId,
  run: KustomizationRun,
  ports: KustomizationPorts,
): Health {
  return object === undefined ? missing(run, id, ports) : judgeOf(run).health(object, ports.env.clock.now());
}

/** What the watches show of an object. Objects of others are judged by the rules of whoever has them: those may not be ours. */
function shownOf(
  run: KustomizationRun,
  ref: VersionedRef,
  ports: KustomizationPorts,
): { readonly alike: boolean; readonly shown: Health | undefined } {
  const { observer, area, account } = placeOf(run);
  const judge = judgeOf(run);
  const id = objectId(ref);
  const seen = observer.seen.get(id);
  // What the agent sees of others' objects is not for an account to know.
  if (account !== '' && run.facts?.map.has(id) !== true) return { alike: true, shown: undefined };
  const alike = ports.judgeOf(seen?.owner ?? '', area.key).ruleOf(ref) === judge.ruleOf(ref);
  const there = seen?.deleting === true ? TERMINATING : CURRENT;
  const always = seen !== undefined && !judge.hasHealth(ref) ? there : undefined;
  return { alike, shown: alike ? (observer.health.get(id) ?? always) : undefined };
}

/** A Job that removes itself once it is done has been done. */
function missing(run: KustomizationRun, id: ObjectId, { env }: KustomizationPorts): Health {
  const job = desiredOf(run, env)?.objects.find((object) => object.id === id && object.ref.kind === 'Job');
  if (job === undefined) return NOT_FOUND;
  const body = fromJson(Buffer.from(env.records.body(job.digest)).toString('utf8'));
  return at(body, 'spec', 'ttlSecondsAfterFinished') === undefined ? NOT_FOUND : CURRENT;
}

const CURRENT: Health = { status: 'Current', message: '' };
const TERMINATING: Health = { status: 'Terminating', message: 'is being deleted' };
const NOT_FOUND: Health = { status: 'NotFound', message: 'is not there' };
