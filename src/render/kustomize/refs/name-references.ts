import { fail, withPrefix } from '../errors.ts';
import type { NameReference } from '../load/config.ts';
import type { FieldSpec } from '../load/types.ts';
import { fieldOf, getField, setField, setScalar } from '../node/fields.ts';
import { lookup } from '../node/path.ts';
import { type Gvk, idText, isSelected, splitApiVersion } from '../resource/ident.ts';
import { kindOf, NOTE, nameOf, namespaceOf } from '../resource/meta.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import {
  addNote,
  curId,
  isGone,
  nodeOf,
  orgId,
  prefixesSuffixesEqual,
  prevIds,
  type Resource,
  textOfResource,
} from '../resource/resource.ts';
import { applyFieldSpec } from '../transform/fieldspec.ts';
import { decodeNode } from '../yaml/decode.ts';
import { emitYaml } from '../yaml/emit.ts';
import { isMissing, MAPPING, type Node, SCALAR, SEQUENCE, scalar, textOf } from '../yaml/node.ts';
import { type ByOldName, indexByOldName, inNamespace, inReach, type Scope, scopeOf } from './candidates.ts';

interface Rule {
  readonly spec: FieldSpec;
  readonly target: Partial<Gvk>;
}

/** What the search for one name needs. */
interface Search {
  readonly scope: Scope;
  readonly byName: ByOldName;
  readonly rule: Rule;
  readonly map: ResMap;
}

/** Rewrites fields that name other objects to the names those have now (nameReferenceTransformer). */
export function fixNameReferences(map: ResMap, references: readonly NameReference[]): void {
  touch(map);
  const rules = references.flatMap((reference) =>
    (reference.fieldSpecs ?? []).map((spec): Rule => ({ spec, target: reference })),
  );
  const byName = indexByOldName(map);
  const cache = new Map<string, readonly Rule[]>();
  for (const res of map.list) {
    if (isGone(res)) continue;
    const org = orgId(res);
    const key = `${org.group}\n${org.version}\n${org.kind}`;
    let own = cache.get(key);
    if (own === undefined) {
      own = rules.filter((rule) => isSelected(org, rule.spec));
      cache.set(key, own);
    }
    if (own.length === 0) continue;
    checkApiVersion(nodeOf(res));
    const scope = scopeOf(res);
    for (const rule of own) fixOne({ scope, byName, rule, map });
  }
}

/** kustomize puts the version together again from its parts, and holds it against the field: null and `/v1` fail there. */
function checkApiVersion(node: Node): void {
  const found = fieldOf(node, 'apiVersion');
  const { group, version } = splitApiVersion(found?.value ?? '');
  const [has, wants] = [textOf(found), group === '' ? version : `${group}/${version}`];
  if (has !== wants) fail(`node-referrerOriginal 'APIVersion' mismatch '${has}' != '${wants}'`);
}

/** The field of a rule in one referrer. */
function fixOne(search: Search): void {
  const { scope, rule } = search;
  const node = nodeOf(scope.referrer);
  const spec: FieldSpec = { path: rule.spec.path ?? '', create: rule.spec.create ?? false };
  const first = (spec.path ?? '').split('/', 1)[0] ?? '';
  // Most rules are about fields that an object does not have.
  if (
    /^[A-Za-z]+(?:\[\])?$/.test(first) &&
    node.kind === MAPPING &&
    getField(node, first.replace(/\[\]$/, '')) === undefined
  )
    return;
  withPrefix(
    () => `updating name reference in '${rule.spec.path ?? ''}' field of '${idText(curId(scope.referrer))}'`,
    () => applyFieldSpec(node, spec, { set: (found) => setReference(found, search), createKind: 0, createTag: '' }),
  );
}

function setReference(node: Node, search: Search): void {
  if (isMissing(node)) return;
  if (node.kind === SCALAR) {
    setName(node, search);
    return;
  }
  if (node.kind === MAPPING) {
    setNameAndNamespace(node, search);
    return;
  }
  if (node.kind !== SEQUENCE) fail('node must be a scalar, sequence or map');
  for (const item of node.content) {
    if (isMissing(item)) continue;
    if (item.kind === SCALAR) setName(item, search);
    else if (item.kind === MAPPING) setNameAndNamespace(item, search);
    else fail('a list of references is expected to hold strings or maps of strings');
  }
}

function setName(node: Node, search: Search): void {
  const list = (search.byName.get(node.value) ?? []).filter((res) => inReach(search.scope, res));
  const found = choose(list, search, sameNames);
  if (found === undefined) return;
  record(found, search);
  const name = nameOf(found.node);
  if (name !== node.value) setScalar(node, scalar(name));
}

function setNameAndNamespace(node: Node, search: Search): void {
  const nameNode = getField(node, 'name') ?? fail("path config error; no 'name' field in node");
  let list: readonly Resource[] = (search.byName.get(nameNode.value) ?? []).filter((res) => inReach(search.scope, res));
  const namespaceNode = getField(node, 'namespace');
  if (namespaceNode !== undefined && list.length > 0) {
    const all = search.map.list.filter((res) => inReach(search.scope, res));
    list = inNamespace(all, list, namespaceNode.value);
  }
  const found = choose(list, search, (some) => sameNames(some) && sameNamespaces(some));
  if (found === undefined) return;
  record(found, search);
  const [name, namespace] = [nameOf(found.node), namespaceOf(found.node)];
  if (name === nameNode.value && namespace === '') return;
  setField(node, 'name', scalar(name));
  if (namespace !== '') setField(node, 'namespace', scalar(namespace));
}

function record(found: Resource, search: Search): void {
  addNote(found, NOTE.refBy, idText(curId(search.scope.referrer)));
}

function sameNames(list: readonly Resource[]): boolean {
  return list.every((res) => nameOf(res.node) === nameOf(list[0]?.node));
}

function sameNamespaces(list: readonly Resource[]): boolean {
  return list.every((res) => namespaceOf(res.node) === namespaceOf(list[0]?.node));
}

/** The group and kind that the roleRef of a binding names, where the field is its name. */
function roleRefOf(search: Search): Partial<Gvk> | undefined {
  if (!(search.rule.spec.path ?? '').endsWith('roleRef/name')) return undefined;
  const roleRef = lookup(nodeOf(search.scope.referrer), ['roleRef']);
  if (roleRef?.kind !== MAPPING) return undefined;
  const [group, kind] = [getField(roleRef, 'apiGroup'), getField(roleRef, 'kind')];
  return group === undefined || kind === undefined ? undefined : { group: group.value, kind: kind.value };
}

/** Sieves the candidates: of the right kind, in the same namespace, then by prefixes and suffixes. */
function choose(
  candidates: readonly Resource[],
  search: Search,
  identical: (list: readonly Resource[]) => boolean,
): Resource | undefined {
  if (candidates.length === 0) return undefined;
  const { scope, rule } = search;
  const role = roleRefOf(search);
  let list = candidates.filter(
    (res) =>
      prevIds(res).some((id) => isSelected(id, rule.target)) &&
      (role === undefined || prevIds(res).some((id) => isSelected(id, role))) &&
      sharesNamespace(scope, res),
  );
  if (list.length === 1) return list[0];
  list = list.filter((res) => prefixesSuffixesEqual(res, scope.referrer, true));
  if (list.length > 1) list = list.filter((res) => prefixesSuffixesEqual(res, scope.referrer, false));
  if (list.length <= 1 || identical(list)) return list[0];
  return ambiguous(list, search);
}

function sharesNamespace(scope: Scope, res: Resource): boolean {
  if (scope.id.clusterScoped) return true;
  const id = curId(res);
  if (id.clusterScoped || kindOf(res.node) === 'ServiceAccount') return true;
  const of = (namespace: string): string => namespace || 'default';
  return of(id.namespace) === of(scope.id.namespace);
}

function ambiguous(list: readonly Resource[], search: Search): never {
  const text = (res: Resource): string => {
    if (kindOf(res.node) === 'Secret') return `${idText(curId(res))} (content not shown)`;
    try {
      return emitYaml(decodeNode(nodeOf(res), search.map.build.limits));
    } catch {
      return textOfResource(res);
    }
  };
  const shown = list.map((res, i) => `--- possible referral ${i}:\n${text(res)}\n`).join('');
  const head = `\n**** Too many possible referral targets to referrer:\n${text(search.scope.referrer)}\n`;
  return fail(
    `found multiple possible referrals: ${list.map((res) => idText(curId(res))).join(', ')}\n${head}${shown}`,
  );
}
