import { BuildError, fail, withPrefix } from '../errors.ts';
import type { FieldSpec } from '../load/types.ts';
import { elementsOf, expectKind, getField } from '../node/fields.ts';
import { lookup } from '../node/path.ts';
import { idKey, idText } from '../resource/ident.ts';
import { annotationOf, apiVersionOfNode, kindOf } from '../resource/meta.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import { curId, isGone, nodeOf, type Resource, storePreviousId } from '../resource/resource.ts';
import { isMissing, type Node, SCALAR, TAG_STR } from '../yaml/node.ts';
import { applyFieldSpec, applyFieldSpecs, entrySetter, hasNoValue } from './fieldspec.ts';

/** Which subjects of role bindings follow the namespace. */
export type SubjectMode = 'defaultOnly' | 'allServiceAccounts' | 'none';

export interface NamespaceOptions {
  readonly namespace: string;
  readonly specs: readonly FieldSpec[];
  readonly unsetOnly: boolean;
  readonly subjects: SubjectMode;
}

/** Sets the namespace of every object that is not known to be cluster-scoped (NamespaceTransformer). */
export function namespaceTransformer(options: NamespaceOptions): (map: ResMap) => void {
  return (map) => {
    if (options.namespace === '') return;
    touch(map);
    const counts = new Map<string, number>();
    const add = (key: string, n: number): number => {
      const sum = (counts.get(key) ?? 0) + n;
      counts.set(key, sum);
      return sum;
    };
    for (const res of map.list) add(idKey(curId(res)), 1);
    for (const res of map.list) {
      if (isGone(res) || annotationOf(res.node, 'internal.config.kubernetes.io/helm-generated') === 'true') continue;
      add(idKey(curId(res)), -1);
      storePreviousId(res);
      setNamespaceOf(res, options);
      const key = idKey(curId(res));
      if (add(key, 1) !== 1) {
        const same = map.list.filter((other) => idKey(curId(other)) === key);
        fail(`namespace transformation produces ID conflict: [${same.map((other) => idText(curId(other))).join(' ')}]`);
      }
    }
  };
}

/** Sets the namespace in one object (filters/namespace). */
export function setNamespaceOf(res: Resource, options: NamespaceOptions): void {
  const node = nodeOf(res);
  const kind = kindOf(node);
  const set = setterOf(options);
  const action = { set, createKind: SCALAR, createTag: '' };
  if (!res.scopes.isClusterScoped(apiVersionOfNode(node), kind))
    applyFieldSpec(node, { path: 'metadata/namespace', create: true }, action);
  const binding = isBinding(kind);
  if (binding) setSubjects(node, options, set);
  const specs = options.specs.filter((spec) => keepsSpec(spec, apiVersionOfNode(node), binding));
  try {
    withPrefix(
      () => 'namespace transformation failed',
      () => applyFieldSpecs(node, specs, { ...action, createTag: TAG_STR }),
    );
  } catch (error) {
    if (error instanceof BuildError && /wrong node kind: .* but got (?!ScalarNode)/.test(error.message))
      fail(
        `namespace field specs must target scalar nodes: ${error.message.replace('namespace transformation failed: ', '')}`,
      );
    throw error;
  }
}

function setterOf(options: NamespaceOptions): (node: Node) => void {
  const set = entrySetter('', options.namespace, TAG_STR);
  return options.unsetOnly ? (node) => (hasNoValue(node) ? set(node) : undefined) : set;
}

function isBinding(kind: string | undefined): boolean {
  return kind === 'RoleBinding' || kind === 'ClusterRoleBinding';
}

/** Leaves out the specs for what is set by rule here. */
function keepsSpec(spec: FieldSpec, apiVersion: string, binding: boolean): boolean {
  if (spec.path === 'metadata/namespace') return false;
  if (apiVersion !== 'v1' && spec.path === 'metadata/name') return false;
  return !(binding && isBinding(spec.kind) && spec.path === 'subjects/namespace');
}

function setSubjects(node: Node, options: NamespaceOptions, set: (node: Node) => void): void {
  if (options.subjects === 'none') return;
  const subjects = lookup(node, ['subjects']);
  if (isMissing(subjects)) return;
  const [field, wanted] = options.subjects === 'defaultOnly' ? ['name', 'default'] : ['kind', 'ServiceAccount'];
  withPrefix(
    () => 'setting namespace on (cluster)role binding subjects',
    () => {
      for (const subject of elementsOf(subjects)) {
        const found = getField(subject, field);
        expectKind(found, SCALAR);
        if (found === undefined || found.value !== wanted) continue;
        const target = lookup(subject, ['namespace'], SCALAR);
        if (target !== undefined) set(target);
      }
    },
  );
}
