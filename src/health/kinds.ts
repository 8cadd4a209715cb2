import type { Gvk } from '../model/index.ts';

/**
 * Kinds that are Current as soon as they exist: their status says nothing that kstatus reads. `*` stands for every kind
 * of the group.
 */
const ALWAYS_CURRENT: Readonly<Record<string, readonly string[]>> = {
  '': ['ConfigMap', 'Secret', 'ServiceAccount', 'Endpoints', 'Event', 'LimitRange', 'PodTemplate', 'ResourceQuota'],
  'admissionregistration.k8s.io': [
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'ValidatingAdmissionPolicyBinding',
  ],
  apps: ['ControllerRevision'],
  batch: ['CronJob'],
  'coordination.k8s.io': ['*'],
  'discovery.k8s.io': ['*'],
  'events.k8s.io': ['*'],
  'networking.k8s.io': ['Ingress', 'IngressClass', 'IPAddress', 'NetworkPolicy'],
  'node.k8s.io': ['*'],
  'rbac.authorization.k8s.io': ['*'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['CSIDriver', 'CSINode', 'CSIStorageCapacity', 'StorageClass', 'VolumeAttributesClass'],
};

/** False for kinds that are always Current, so that only their metadata is worth watching. */
export function hasHealth(gvk: Pick<Gvk, 'group' | 'kind'>): boolean {
  if (!Object.hasOwn(ALWAYS_CURRENT, gvk.group)) return true;
  const kinds = ALWAYS_CURRENT[gvk.group] ?? [];
  return !kinds.includes('*') && !kinds.includes(gvk.kind);
}
