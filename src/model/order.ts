import { apiVersionOf, byCodeUnit, type ObjectRef, type VersionedRef } from './ref.ts';

/** Kinds that go first, in this order (Flux's, from the ssa package), and those that go last. */
const FIRST = [
  'CustomResourceDefinition',
  'Namespace',
  'ClusterRole',
  'ClusterClass',
  'RuntimeClass',
  'PriorityClass',
  'StorageClass',
  'VolumeSnapshotClass',
  'IngressClass',
  'GatewayClass',
  'ClusterRoleBinding',
  'ResourceQuota',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
  'LimitRange',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
] as const;
const LAST = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const;

const RANK: ReadonlyMap<string, number> = new Map<string, number>([
  ...FIRST.map((kind, index): [string, number] => [kind, index - FIRST.length]),
  ...LAST.map((kind, index): [string, number] => [kind, index + 1]),
]);

/** The stage an object is applied in; stages run one after another. */
export type StageName = 'definitions' | 'classes' | 'main';

/** Definitions are CRDs, namespaces and cluster roles; classes are all kinds whose name ends in `Class` (Flux's rule). */
export function stageOf(ref: ObjectRef): StageName {
  const kind = ref.kind.toLowerCase();
  if (kind === 'customresourcedefinition' && ref.group === 'apiextensions.k8s.io') return 'definitions';
  if (kind === 'namespace' && ref.group === '') return 'definitions';
  if (kind === 'clusterrole' && ref.group === 'rbac.authorization.k8s.io') return 'definitions';
  return ref.kind.endsWith('Class') ? 'classes' : 'main';
}

const STAGE_RANK = { definitions: 0, classes: 1, main: 2 } as const;

/** Stage and kind as one number: what the order looks at first. Between -99 and 299. */
export function applyRank(ref: ObjectRef): number {
  return STAGE_RANK[stageOf(ref)] * 100 + (RANK.get(ref.kind) ?? 0);
}

/** The order of objects of one rank. */
export function withinRank(a: ObjectRef, b: ObjectRef): number {
  return (
    byCodeUnit(a.group, b.group) ||
    byCodeUnit(a.kind, b.kind) ||
    byCodeUnit(a.namespace, b.namespace) ||
    byCodeUnit(a.name, b.name)
  );
}

/** The total order in which objects are applied: stage, kind, group, kind name, namespace, name. Deletion is its reverse. */
export function byApplyOrder(a: ObjectRef, b: ObjectRef): number {
  // Neighbours are nearly always of one kind: their ranks need not be found out.
  if (a.kind === b.kind && a.group === b.group) return withinRank(a, b);
  return applyRank(a) - applyRank(b) || withinRank(a, b);
}

/** `apiVersion/Kind` of a reference, for messages. */
export function gvkText(ref: VersionedRef): string {
  return `${apiVersionOf(ref)}/${ref.kind}`;
}

/** `group/kind`: how kinds are keyed where the version does not matter. */
export function groupKind(ref: { readonly group: string; readonly kind: string }): string {
  return `${ref.group}/${ref.kind}`;
}

/** What others live in, or are defined by: while it is being deleted nothing of theirs can be made. */
export const isGround = (ref: Pick<ObjectRef, 'group' | 'kind'>): boolean =>
  (ref.kind === 'Namespace' && ref.group === '') ||
  (ref.kind === 'CustomResourceDefinition' && ref.group === 'apiextensions.k8s.io');
