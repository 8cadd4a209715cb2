import { at, type Health, type KubeObject, textAt } from '../model/index.ts';
import { conditionsOf, current, failed, inProgress, intAt, unreadableConditions } from './values.ts';

/** The controller's word for "no deadline": it then sets no Progressing condition. */
const NO_DEADLINE = 2_147_483_647;

type Spec = Readonly<Record<string, number>>;

/** Integers of `status` by name, 0 where missing. */
function counts(object: KubeObject, ...names: readonly string[]): Spec {
  return Object.fromEntries(names.map((name) => [name, intAt(object, 'status', name) ?? 0]));
}

function count(from: Spec, name: string): number {
  return from[name] ?? 0;
}

/** The first of these that is not reached yet, as progress; undefined when all are. */
function shortOf(rows: readonly (readonly [label: string, has: number, wants: number])[]): Health | undefined {
  const short = rows.find(([, has, wants]) => wants > has);
  return short === undefined ? undefined : inProgress(`${short[0]}: ${short[1]}/${short[2]}`);
}

function surplus(has: number, wants: number): Health | undefined {
  return has > wants ? inProgress(`Pending termination: ${has - wants}`) : undefined;
}

export function deploymentHealth(object: KubeObject): Health {
  const conditions = conditionsOf(object);
  const progress = conditions.filter((c) => c.type === 'Progressing');
  if (progress.some((c) => c.reason === 'ProgressDeadlineExceeded')) return failed('Progress deadline exceeded');
  const wants = intAt(object, 'spec', 'replicas') ?? 1;
  const s = counts(object, 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas');
  const replicas = count(s, 'replicas');
  const updated = count(s, 'updatedReplicas');
  const short =
    shortOf([
      ['Replicas', replicas, wants],
      ['Updated', updated, wants],
    ]) ??
    surplus(replicas, wants) ??
    shortOf([
      ['Available', count(s, 'availableReplicas'), updated],
      ['Ready', count(s, 'readyReplicas'), wants],
    ]);
  if (short !== undefined) return short;
  const deadline = intAt(object, 'spec', 'progressDeadlineSeconds') ?? NO_DEADLINE;
  const rolledOut = progress.some((c) => c.status === 'True' && c.reason === 'NewReplicaSetAvailable');
  if (deadline !== NO_DEADLINE && !rolledOut) return inProgress('ReplicaSet not Available');
  if (!conditions.some((c) => c.type === 'Available' && c.status === 'True'))
    return inProgress('Deployment not Available');
  return current(`Deployment is available. Replicas: ${replicas}`);
}

export function statefulSetHealth(object: KubeObject): Health {
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete')
    return current('StatefulSet is using the OnDelete update strategy');
  const wants = intAt(object, 'spec', 'replicas') ?? 1;
  const s = counts(object, 'replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas');
  const replicas = count(s, 'replicas');
  const short =
    shortOf([
      ['Replicas', replicas, wants],
      ['Ready', count(s, 'readyReplicas'), wants],
    ]) ?? surplus(replicas, wants);
  if (short !== undefined) return short;
  const partition = intAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition');
  if (partition !== undefined && partition !== -1) {
    const updated = count(s, 'updatedReplicas');
    return (
      shortOf([['Updated', updated, wants - partition]]) ?? current(`Partition rollout complete. Updated: ${updated}`)
    );
  }
  const behind = shortOf([['Current', count(s, 'currentReplicas'), wants]]);
  if (behind !== undefined) return behind;
  if ((textAt(object, 'status', 'currentRevision') ?? '') !== (textAt(object, 'status', 'updateRevision') ?? ''))
    return inProgress('Waiting for updated revision to match current');
  return current(`All replicas scheduled as expected. Replicas: ${replicas}`);
}

export function daemonSetHealth(object: KubeObject): Health {
  if (intAt(object, 'metadata', 'generation') === undefined) return inProgress('metadata.generation not found');
  if (intAt(object, 'status', 'observedGeneration') === undefined)
    return inProgress('status.observedGeneration not found');
  const wants = intAt(object, 'status', 'desiredNumberScheduled');
  if (wants === undefined) return inProgress('Missing status.desiredNumberScheduled');
  const s = counts(object, 'currentNumberScheduled', 'updatedNumberScheduled', 'numberAvailable', 'numberReady');
  return (
    shortOf([
      ['Current', count(s, 'currentNumberScheduled'), wants],
      ['Updated', count(s, 'updatedNumberScheduled'), wants],
      ['Available', count(s, 'numberAvailable'), wants],
      ['Ready', count(s, 'numberReady'), wants],
    ]) ?? current(`All replicas scheduled as expected. Replicas: ${wants}`)
  );
}

export function replicaSetHealth(object: KubeObject): Health {
  if (conditionsOf(object).some((c) => c.type === 'ReplicaFailure' && c.status === 'True'))
    return inProgress('Replica Failure condition. Check Pods');
  const wants = intAt(object, 'spec', 'replicas') ?? 1;
  const s = counts(object, 'replicas', 'readyReplicas', 'availableReplicas', 'fullyLabeledReplicas');
  const replicas = count(s, 'replicas');
  return (
    shortOf([
      ['Labelled', count(s, 'fullyLabeledReplicas'), wants],
      ['Available', count(s, 'availableReplicas'), wants],
      ['Ready', count(s, 'readyReplicas'), wants],
    ]) ??
    surplus(replicas, wants) ??
    current(`ReplicaSet is available. Replicas: ${replicas}`)
  );
}

/** Flux's rule: a Job is Current when it is complete (or suspended), not already when it has started. */
export function jobHealth(object: KubeObject): Health {
  if (at(object, 'spec', 'suspend') === true) return current('Job is suspended');
  const odd = unreadableConditions(object);
  if (odd !== undefined) return odd;
  const parallelism = intAt(object, 'spec', 'parallelism') ?? 1;
  const completions = intAt(object, 'spec', 'completions') ?? parallelism;
  const s = counts(object, 'active', 'succeeded', 'failed');
  const end = conditionsOf(object).find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
  if (end?.type === 'Complete') return current(`Job Completed. succeeded: ${count(s, 'succeeded')}/${completions}`);
  if (end?.type === 'Failed') return failed(`Job Failed. failed: ${count(s, 'failed')}/${completions}`);
  if ((textAt(object, 'status', 'startTime') ?? '') === '')
    return inProgress(`Job not started. active: 0/${parallelism}`);
  return inProgress(
    `Job in progress. success: ${count(s, 'succeeded')}, active: ${count(s, 'active')}, failed: ${count(s, 'failed')}`,
  );
}
