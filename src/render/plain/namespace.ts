import {
  isClusterScoped,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  parseApiVersion,
  textAt,
} from '../../model/index.ts';
import { changeAt, withKey } from '../finish/edit.ts';
import type { BuiltObject } from '../finish/index.ts';

const RBAC = 'rbac.authorization.k8s.io';

/**
 * kustomize's namespace transformer for a tree without kustomization files (targetNamespace): every object that is not
 * certainly cluster-scoped moves; a Namespace itself is renamed; the service of APIServices and CRD conversions,
 * subjects named `default`, and the references by name and namespace to `movables` of the whole set follow.
 */
export function moveToNamespace(
  built: readonly BuiltObject[],
  target: string,
  movables: readonly Movable[],
): BuiltObject[] {
  const moved = new Map<string, Set<string>>();
  for (const { kind, name, namespace } of movables) {
    const key = `${kind}/${name}`;
    moved.set(key, (moved.get(key) ?? new Set()).add(namespace));
  }
  return built.map(({ object, origin }) => ({ object: moveOne(object, target, moved), origin }));
}

/** An object that references by name and namespace can mean, and the namespace it had. */
export interface Movable {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** The objects among these that references by name and namespace can mean. */
export function movablesOf(built: readonly BuiltObject[]): Movable[] {
  return built
    .filter(
      ({ object: { apiVersion, kind } }) => apiVersion === 'v1' && (kind === 'ServiceAccount' || kind === 'Service'),
    )
    .map(({ object: { kind, metadata } }) => ({
      kind,
      name: metadata.name,
      namespace: textAt(metadata, 'namespace') ?? '',
    }));
}

/** True for objects whose text may change because of other objects of the set: they cannot be moved alone. */
export function looksAtOthers(object: KubeObject): boolean {
  return /^(?:RoleBinding|ClusterRoleBinding|MutatingWebhookConfiguration|ValidatingWebhookConfiguration)$/.test(
    object.kind,
  );
}

type Moved = ReadonlyMap<string, ReadonlySet<string>>;

function moveOne(object: KubeObject, target: string, moved: Moved): KubeObject {
  const { group } = parseApiVersion(object.apiVersion);
  let result = object;
  if (!isClusterScoped(group, object.kind)) {
    result = withKey(result, 'metadata', withKey(result.metadata, 'namespace', target)) as KubeObject;
  }
  const set = (path: readonly string[]): void => {
    result = changeAt(result, path, (holder) =>
      isObject(holder) ? withKey(holder, 'namespace', target) : holder,
    ) as KubeObject;
  };
  if (group === '' && object.kind === 'Namespace') {
    result = withKey(result, 'metadata', withKey(result.metadata, 'name', target)) as KubeObject;
  } else if (group === 'apiregistration.k8s.io' && object.kind === 'APIService') {
    // kustomize would add a service to an APIService without one, which the API server refuses.
    set(['spec', 'service']);
  } else if (group === 'apiextensions.k8s.io' && object.kind === 'CustomResourceDefinition') {
    result = changeAt(result, ['spec', 'conversion', 'webhook', 'clientConfig', 'service'], (holder) =>
      isObject(holder) && Object.hasOwn(holder, 'namespace') ? withKey(holder, 'namespace', target) : holder,
    ) as KubeObject;
  } else if (group === RBAC && /^(?:Cluster)?RoleBinding$/.test(object.kind)) {
    result = changeAt(result, ['subjects', '*'], (subject) => moveSubject(subject, target, moved)) as KubeObject;
  } else if (group === 'admissionregistration.k8s.io') {
    result = changeAt(result, ['webhooks', '*', 'clientConfig', 'service'], (service) =>
      isObject(service) ? follow(service, 'Service', target, moved) : service,
    ) as KubeObject;
  }
  return result;
}

function moveSubject(subject: Json, target: string, moved: Moved): Json {
  if (!isObject(subject)) return subject;
  if (subject['name'] === 'default') return withKey(subject, 'namespace', target);
  // Users and groups of that name too: kustomize does not look at the kind of a subject.
  return follow(subject, 'ServiceAccount', target, moved);
}

/** Points a reference to where its object went, when it meant an object of this set. */
function follow(reference: JsonObject, kind: string, target: string, moved: Moved): JsonObject {
  const from = moved.get(`${kind}/${String(reference['name'])}`);
  if (from === undefined) return reference;
  const namespace = textAt(reference, 'namespace');
  const meant = namespace === undefined || from.has(namespace) || (namespace === 'default' && from.has(''));
  return meant ? withKey(reference, 'namespace', target) : reference;
}
