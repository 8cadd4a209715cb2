/** Names one Kubernetes object without its version: what an inventory, a plan and a report speak of. */
export interface ObjectRef {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** An object together with the version it is written in. */
export interface VersionedRef extends ObjectRef {
  readonly version: string;
}

/** One kind in one version. */
export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Flux's inventory id: `<namespace>_<name>_<group>_<kind>`. */
export type ObjectId = string;

const RBAC = 'rbac.authorization.k8s.io';

/**
 * The inventory id of an object, as Flux writes it. Names of RBAC kinds may hold colons, which are written as two
 * underscores (cli-utils ObjMetadata).
 */
export function objectId(ref: ObjectRef): ObjectId {
  const name = ref.group === RBAC ? ref.name.replaceAll(':', '__') : ref.name;
  return `${ref.namespace}_${name}_${ref.group}_${ref.kind}`;
}

/** Reads an inventory id back; undefined when it is not one. */
export function parseObjectId(id: ObjectId): ObjectRef | undefined {
  const first = id.indexOf('_');
  const last = id.lastIndexOf('_');
  const middle = last < 0 ? -1 : id.lastIndexOf('_', last - 1);
  if (first < 0 || middle <= first) return undefined;
  const group = id.slice(middle + 1, last);
  const raw = id.slice(first + 1, middle);
  const name = group === RBAC ? raw.replaceAll('__', ':') : raw;
  if (name === '' || last === id.length - 1) return undefined;
  return { namespace: id.slice(0, first), name, group, kind: id.slice(last + 1) };
}

/** `Kind/namespace/name`, the form that Flux prints in messages and events. */
export function refText(ref: Pick<ObjectRef, 'kind' | 'namespace' | 'name'>): string {
  return ref.namespace === '' ? `${ref.kind}/${ref.name}` : `${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** The same form for an inventory id; the id itself where it is none. */
export function idText(id: ObjectId): string {
  const ref = parseObjectId(id);
  return ref === undefined ? id : refText(ref);
}

/** `group/version`, or the version alone for the core group. */
export function apiVersionOf(gvk: { readonly group: string; readonly version: string }): string {
  return gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`;
}

/** Splits an apiVersion; the core group gives an empty group. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Compares by UTF-16 code unit: the one text order used where output must not depend on a locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
