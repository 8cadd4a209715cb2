import { type Health, type KubeObject, parseApiVersion, textAt } from '../model/index.ts';
import { claimHealth, definitionHealth, podHealth, serviceHealth } from './others.ts';
import {
  conditionsOf,
  conditionText,
  current,
  failed,
  inProgress,
  intAt,
  unreadableConditions,
  unreadableGeneration,
  verdict,
} from './values.ts';
import { daemonSetHealth, deploymentHealth, jobHealth, replicaSetHealth, statefulSetHealth } from './workloads.ts';

type Rule = (object: KubeObject, now: number | undefined) => Health;

/** Kinds whose status kstatus reads in a way of its own, by `group/Kind` (cli-utils `legacyTypes`). */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['/Service', serviceHealth],
  ['/Pod', podHealth],
  ['/Secret', alwaysReady],
  ['/ConfigMap', alwaysReady],
  ['/PersistentVolumeClaim', claimHealth],
  ['apps/StatefulSet', statefulSetHealth],
  ['apps/DaemonSet', daemonSetHealth],
  ['apps/Deployment', deploymentHealth],
  ['apps/ReplicaSet', replicaSetHealth],
  ['policy/PodDisruptionBudget', () => current('AllowedDisruptions has been computed.')],
  ['batch/CronJob', alwaysReady],
  ['apiextensions.k8s.io/CustomResourceDefinition', definitionHealth],
]);

/**
 * Whether a live object is what it should be, by the rules of kstatus as Flux uses them: deletion, observedGeneration,
 * the conditions Reconciling and Stalled, the rule of its kind, the condition Ready; what says nothing is Current, and
 * what kstatus cannot read is Unknown. `now` is the wall clock in milliseconds, for Pods that find no node.
 */
export function health(object: KubeObject, now?: number): Health {
  const { group } = parseApiVersion(object.apiVersion);
  // Flux has a reader of its own for Jobs: it looks at nothing but the Job, also while that goes.
  if (group === 'batch' && object.kind === 'Job') return jobHealth(object);
  const general = generalHealth(object);
  if (general !== undefined) return general;
  const rule = RULES.get(`${group}/${object.kind}`);
  return rule === undefined ? readyHealth(object) : rule(object, now);
}

function alwaysReady(): Health {
  return current('Resource is always ready');
}

function generalHealth(object: KubeObject): Health | undefined {
  if ((textAt(object, 'metadata', 'deletionTimestamp') ?? '') !== '')
    return verdict('Terminating', 'Resource scheduled for deletion');
  const odd = unreadableGeneration(object);
  if (odd !== undefined) return odd;
  const generation = intAt(object, 'metadata', 'generation');
  const observed = intAt(object, 'status', 'observedGeneration');
  if (generation !== undefined && observed !== undefined && generation !== observed)
    return inProgress(`${object.kind} generation is ${generation}, but latest observed generation is ${observed}`);
  const unread = unreadableConditions(object);
  if (unread !== undefined) return unread;
  for (const condition of conditionsOf(object)) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Reconciling') return inProgress(conditionText(condition));
    if (condition.type === 'Stalled') return failed(conditionText(condition));
  }
  return undefined;
}

function readyHealth(object: KubeObject): Health {
  for (const condition of conditionsOf(object)) {
    if (condition.type !== 'Ready') continue;
    if (condition.status === 'True') return current('Resource is Ready');
    if (condition.status === 'False' || condition.status === 'Unknown') return inProgress(conditionText(condition));
  }
  return current('Resource is current');
}
