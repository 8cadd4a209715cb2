import { asFault, at, Fault, type Gvk, type KubeObject, listAt, type Step, textAt } from '../model/index.ts';
import type { Cluster } from '../ports/index.ts';

/** Objects of these kinds in a Namespace are what people mind; controllers' own leavings are not counted. */
const COUNTED = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Service',
  'ConfigMap',
  'Secret',
  'PersistentVolumeClaim',
  'Job',
  'CronJob',
];
const VERSIONS: Readonly<Record<string, { group: string; version: string }>> = {
  Deployment: { group: 'apps', version: 'v1' },
  StatefulSet: { group: 'apps', version: 'v1' },
  DaemonSet: { group: 'apps', version: 'v1' },
  Job: { group: 'batch', version: 'v1' },
  CronJob: { group: 'batch', version: 'v1' },
};

/** How many objects would go along with each Namespace or CRD that a plan deletes. What may not be counted counts as none. */
export async function countAlong(
  steps: readonly Step[],
  ports: { readonly cluster: Cluster },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const step of steps) {
    if (step.do !== 'delete') continue;
    const count =
      step.ref.kind === 'Namespace'
        ? inNamespace(step.ref.name, ports.cluster, signal)
        : ofDefinition(step.ref.name, ports.cluster, signal);
    counts.set(step.id, await count);
  }
  return counts;
}

async function inNamespace(namespace: string, cluster: Cluster, signal: AbortSignal): Promise<number> {
  let count = 0;
  for (const kind of COUNTED) {
    const gvk = { kind, ...(VERSIONS[kind] ?? { group: '', version: 'v1' }) };
    const each = (object: KubeObject): void => {
      if (object.metadata.name !== 'kube-root-ca.crt') count += 1;
    };
    await cluster.list(gvk, { namespace, metadataOnly: true, signal }, each).catch(ignoreMissing);
  }
  return count;
}

/** Of a kind that is served, but cannot be listed yet, nobody knows how many there are: Fault `prune-failed`. */
async function ofDefinition(name: string, cluster: Cluster, signal: AbortSignal): Promise<number> {
  const ref = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', namespace: '', name };
  const kind = servedBy(await cluster.read(ref, { signal }).catch(ignoreMissing));
  if (kind === undefined) return 0;
  let count = 0;
  const each = (): void => {
    count += 1;
  };
  await cluster.list(kind, { metadataOnly: true, signal }, each).catch((error: unknown) => {
    const { code, message } = asFault(error);
    if (code !== 'kind-unknown') return ignoreDenied(error);
    throw new Fault(
      'prune-failed',
      `cannot count what would go along with CustomResourceDefinition/${name}: ${message}; nothing was changed`,
    );
  });
  return count;
}

/** The kind of an established definition, in a version that it serves. Discovery may not know it yet. */
function servedBy(definition: KubeObject | undefined): Gvk | undefined {
  const [group, kind] = [textAt(definition, 'spec', 'group'), textAt(definition, 'spec', 'names', 'kind')];
  const served = listAt(at(definition, 'spec'), 'versions').find((one) => at(one, 'served') === true);
  const version = textAt(served, 'name');
  const established = listAt(at(definition, 'status'), 'conditions').some(
    (one) => textAt(one, 'type') === 'Established' && textAt(one, 'status') === 'True',
  );
  if (group === undefined || kind === undefined || version === undefined || !established) return undefined;
  return { group, version, kind };
}

function ignoreMissing(error: unknown): undefined {
  if (asFault(error).code === 'kind-unknown') return undefined;
  return ignoreDenied(error);
}

/** An account that may not look is not kept from deleting what it may delete. */
function ignoreDenied(error: unknown): undefined {
  if (asFault(error).code === 'cluster-denied') return undefined;
  throw error;
}
