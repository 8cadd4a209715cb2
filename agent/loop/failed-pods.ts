import { health } from '../../src/health/index.ts';
import {
  at,
  isObject,
  type Json,
  type KubeObject,
  listAt,
  parseApiVersion,
  textAt,
  type VersionedRef,
} from '../../src/model/index.ts';
import type { Cluster } from '../../src/ports/index.ts';

const CONTROLLERS: ReadonlySet<string> = new Set(['Deployment', 'ReplicaSet', 'StatefulSet']);
const POD = { ...parseApiVersion('v1'), kind: 'Pod' };

/** Whether an object runs Pods that tell of its failure before it does itself. */
export function runsPods({ group, kind }: Pick<VersionedRef, 'group' | 'kind'>): boolean {
  return group === 'apps' && CONTROLLERS.has(kind);
}

/**
 * How many Pods of a controller have failed for good (they crash again and again). Those that go, or find no node yet, do
 * not count, as in Flux. What cannot be asked for counts as none.
 */
export async function failedPods(ref: VersionedRef, cluster: Cluster, signal: AbortSignal): Promise<number> {
  try {
    const object = await cluster.read(ref, { signal });
    const labelSelector = selectorText(at(object, 'spec', 'selector'));
    if (labelSelector === '') return 0;
    let failed = 0;
    const each = (pod: KubeObject): void => {
      if (health({ ...pod, apiVersion: 'v1', kind: 'Pod' }).status === 'Failed') failed += 1;
    };
    await cluster.list(POD, { namespace: ref.namespace, labelSelector, metadataOnly: false, signal }, each);
    return failed;
  } catch (error) {
    if (signal.aborted) throw error;
    return 0;
  }
}

/** A `LabelSelector` in the form of a query; '' when it selects nothing, or is none. */
export function selectorText(selector: Json | undefined): string {
  const labels = at(selector, 'matchLabels');
  const equal = isObject(labels) ? Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`) : [];
  const others = listAt(selector, 'matchExpressions').map((one) => {
    const key = textAt(one, 'key') ?? '';
    const values = listAt(one, 'values').map(String).join(',');
    const operator = textAt(one, 'operator');
    if (operator === 'In' || operator === 'NotIn') return `${key} ${operator.toLowerCase()} (${values})`;
    return operator === 'DoesNotExist' ? `!${key}` : key;
  });
  return [...equal, ...others].join(',');
}
