import { fail } from '../errors.ts';
import { elementsOf, fieldOf } from '../node/fields.ts';
import { effectiveNamespace, idText, NOT_A_NAMESPACE, type ResId } from '../resource/ident.ts';
import { kindOf, namespaceOf } from '../resource/meta.ts';
import type { ResMap } from '../resource/resmap.ts';
import { curId, isGone, orgId, prevIds, type Resource } from '../resource/resource.ts';
import { scalarValue } from '../yaml/decode.ts';
import { MAPPING, SCALAR, SEQUENCE } from '../yaml/node.ts';

/** All resources by the names they had before they were renamed: only those can be meant by an old name. */
export type ByOldName = ReadonlyMap<string, readonly Resource[]>;

/** Makes the index; a resource that never was renamed is not in it. */
export function indexByOldName(map: ResMap): ByOldName {
  const out = new Map<string, Resource[]>();
  for (const res of map.list) {
    const names = new Set(prevIds(res).map((id) => id.name));
    for (const name of names) {
      const list = out.get(name);
      if (list === undefined) out.set(name, [res]);
      else list.push(res);
    }
  }
  return out;
}

/** What one referrer may refer to. */
export interface Scope {
  readonly referrer: Resource;
  readonly id: ResId;
  /** Namespaces that the subjects of a role binding name. */
  readonly subjects: ReadonlySet<string>;
}

export function scopeOf(referrer: Resource): Scope {
  const id = curId(referrer);
  return { referrer, id, subjects: id.clusterScoped ? new Set() : subjectNamespaces(referrer) };
}

function subjectNamespaces(res: Resource): Set<string> {
  const out = new Set<string>();
  const subjects = fieldOf(res.node, 'subjects');
  if (kindOf(res.node) !== 'RoleBinding' || subjects === undefined || subjects.kind !== SEQUENCE) return out;
  for (const subject of elementsOf(subjects)) {
    // kustomize dies of it (a panic).
    if (subject.kind !== MAPPING)
      fail(`the subjects of ${idText(curId(res))} must be maps with a kind and a name, and one is not`);
    const namespace = fieldOf(subject, 'namespace');
    const kind = fieldOf(subject, 'kind');
    if (namespace === undefined || kind === undefined) continue;
    if (kind.kind !== SCALAR || typeof scalarValue(kind) !== 'string')
      fail(`the subjects of ${idText(curId(res))} must have kinds that are text, and one has not`);
    if (kind.value !== 'ServiceAccount') continue;
    if (namespace.kind !== SCALAR || typeof scalarValue(namespace) !== 'string')
      fail(`Invalid Input: namespace is blank for resource ${JSON.stringify(idText(curId(res)))}\n`);
    out.add(namespace.value);
  }
  return out;
}

/** Everything is in reach of a cluster-scoped object; else what has no namespace, its own namespace, and its subjects'. */
export function inReach(scope: Scope, res: Resource): boolean {
  if (isGone(res) || scope.id.clusterScoped) return !isGone(res);
  const id = curId(res);
  if (id.clusterScoped || effectiveNamespace(id) === effectiveNamespace(scope.id)) return true;
  return scope.subjects.has(namespaceOf(res.node));
}

/** Keeps those whose original namespace is this one; where there is none at all in reach, those whose current one is. */
export function inNamespace(
  all: readonly Resource[],
  list: readonly Resource[],
  namespace: string,
): readonly Resource[] {
  if (namespace === NOT_A_NAMESPACE) return [];
  const original = (res: Resource): boolean => effectiveNamespace(orgId(res)) === namespace;
  if (all.some(original)) return list.filter(original);
  return list.filter((res) => effectiveNamespace(curId(res)) === namespace);
}
