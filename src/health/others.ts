import { type Health, type KubeObject, listAt, textAt } from '../model/index.ts';
import { conditionsOf, conditionText, current, failed, inProgress } from './values.ts';

/** A Pod that found no node is given this long before it counts as failed. */
const SCHEDULE_WINDOW_MS = 15_000;

/** `now` is the wall clock; without it a Pod that finds no node stays in progress. */
export function podHealth(object: KubeObject, now: number | undefined): Health {
  const conditions = conditionsOf(object);
  switch (textAt(object, 'status', 'phase') ?? '') {
    case 'Succeeded':
      return current('Pod has completed successfully');
    case 'Failed':
      return current('Pod has completed, but not successfully');
    case 'Running':
      return conditions.some((c) => c.type === 'Ready' && c.status === 'True')
        ? current('Pod is Ready')
        : runningNotReady(object);
    case 'Pending': {
      const scheduled = conditions.find((c) => c.type === 'PodScheduled' && c.status === 'False');
      if (scheduled?.reason !== 'Unschedulable') return inProgress('Pod is in the Pending phase');
      const created = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '');
      const late = now !== undefined && now - created > SCHEDULE_WINDOW_MS;
      return late ? failed('Pod could not be scheduled') : inProgress('Pod has not been scheduled');
    }
    case '':
      return inProgress('Pod phase not available');
    default:
      return { status: 'Unknown', message: `unknown phase ${textAt(object, 'status', 'phase') ?? ''}` };
  }
}

function runningNotReady(object: KubeObject): Health {
  const looping = listAt(object, 'status', 'containerStatuses').flatMap((container) =>
    textAt(container, 'state', 'waiting', 'reason') === 'CrashLoopBackOff' ? [textAt(container, 'name') ?? '?'] : [],
  );
  return looping.length > 0
    ? failed(`Containers in CrashLoop state: ${looping.join(',')}`)
    : inProgress('Pod is running but is not Ready');
}

export function claimHealth(object: KubeObject): Health {
  const phase = textAt(object, 'status', 'phase') ?? 'unknown';
  return phase === 'Bound' ? current('PVC is Bound') : inProgress(`PVC is not Bound. phase: ${phase}`);
}

export function serviceHealth(object: KubeObject): Health {
  const waits = textAt(object, 'spec', 'type') === 'LoadBalancer' && (textAt(object, 'spec', 'clusterIP') ?? '') === '';
  return waits ? inProgress('ClusterIP not set. Service type: LoadBalancer') : current('Service is ready');
}

export function definitionHealth(object: KubeObject): Health {
  for (const condition of conditionsOf(object)) {
    if (condition.type === 'NamesAccepted' && condition.status === 'False') return failed(conditionText(condition));
    if (condition.type !== 'Established') continue;
    if (condition.status === 'True') return current('CRD is established');
    if (condition.status === 'False' && condition.reason !== 'Installing') return failed(conditionText(condition));
  }
  return inProgress('Install in progress');
}
