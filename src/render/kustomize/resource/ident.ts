/** Group, version and kind; empty parts of a selector match everything. */
export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** What kustomize tells resources apart by (resid.ResId). */
export interface ResId extends Gvk {
  readonly name: string;
  readonly namespace: string;
  /** Known to be cluster-scoped; kinds that are not known count as namespaced. */
  readonly clusterScoped: boolean;
}

/** Splits at the first slash; the core group is empty. */
export function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `group/version`, or the version alone. */
export function apiVersionText(gvk: Gvk): string {
  return gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`;
}

/** `Deployment.v1.apps`, as messages print it. */
export function gvkText(gvk: Gvk): string {
  return `${gvk.kind || '[noKind]'}.${gvk.version || '[noVer]'}.${gvk.group || '[noGrp]'}`;
}

/** `Deployment.v1.apps/name.namespace`, as messages print it. */
export function idText(id: Gvk & { readonly name: string; readonly namespace: string }): string {
  return `${gvkText(id)}/${id.name || '[noName]'}.${id.namespace || '[noNs]'}`;
}

/** True when every part that the selector names is the same. */
export function isSelected(id: Partial<Gvk>, selector: Partial<Gvk>): boolean {
  return (
    (!selector.group || selector.group === id.group) &&
    (!selector.version || selector.version === id.version) &&
    (!selector.kind || selector.kind === id.kind)
  );
}

export function gvkEquals(a: Gvk, b: Gvk): boolean {
  return a.kind === b.kind && a.group === b.group && a.version === b.version;
}

/** Stands for the namespace of what has none. */
export const NOT_A_NAMESPACE = '_non_namespaceable_';

/** The namespace that ids are compared by: empty and `default` are one. */
export function effectiveNamespace(id: { readonly namespace: string; readonly clusterScoped: boolean }): string {
  if (id.clusterScoped) return NOT_A_NAMESPACE;
  return id.namespace === '' ? 'default' : id.namespace;
}

/** Equal ids have equal keys (ResId.Equals). */
export function idKey(id: ResId): string {
  return `${id.group}\n${id.version}\n${id.kind}\n${id.name}\n${effectiveNamespace(id)}`;
}

export function idEquals(a: ResId, b: ResId): boolean {
  return a.name === b.name && gvkEquals(a, b) && effectiveNamespace(a) === effectiveNamespace(b);
}

const ORDER_FIRST =
  'Namespace ResourceQuota StorageClass CustomResourceDefinition ServiceAccount PodSecurityPolicy Role ClusterRole RoleBinding ClusterRoleBinding ConfigMap Secret Endpoints Service LimitRange PriorityClass PersistentVolume PersistentVolumeClaim Deployment StatefulSet CronJob PodDisruptionBudget'.split(
    ' ',
  );
const ORDER_LAST = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

/** Rank of kinds; those that are not named have 0. */
export function kindRanks(
  first: readonly string[] = ORDER_FIRST,
  last: readonly string[] = ORDER_LAST,
): Map<string, number> {
  const ranks = new Map<string, number>();
  first.forEach((kind, i) => {
    ranks.set(kind, i - first.length);
  });
  last.forEach((kind, i) => {
    ranks.set(kind, i + 1);
  });
  return ranks;
}

/** Text by which kinds of one rank are ordered. */
export function gvkSortText(gvk: Partial<Gvk>): string {
  return `${gvk.group || '~G'}_${gvk.version || '~V'}_${gvk.kind || '~K'}`;
}
