import { asFault, type KubeObject, type Step } from '../model/index.ts';
import type { ApiResource, Cluster } from '../ports/index.ts';

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

/** How many objects would go along with each Namespace or CRD that a plan deletes. What can't be counted counts as none. */
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

async function ofDefinition(name: string, cluster: Cluster, signal: AbortSignal): Promise<number> {
  const ref = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', namespace: '', name };
  const object = await cluster.read(ref, { signal }).catch(ignoreMissing);
  const spec = object?.['spec'] as { group?: string; names?: { kind?: string } } | undefined;
  if (spec?.group === undefined || spec.names?.kind === undefined) return 0;
  const served: ApiResource | undefined = (await cluster.surface({ signal })).versions(spec.group, spec.names.kind)[0];
  if (served === undefined) return 0;
  let count = 0;
  const each = (): void => {
    count += 1;
  };
  await cluster.list(served.gvk, { metadataOnly: true, signal }, each).catch(ignoreMissing);
  return count;
}

function ignoreMissing(error: unknown): undefined {
  const { code } = asFault(error);
  if (code === 'kind-unknown' || code === 'cluster-denied') return undefined;
  throw error;
}
