import { fail, overLimit } from '../errors.ts';
import type { Build } from '../options.ts';
import { copyNode } from '../yaml/node.ts';
import { effectiveNamespace, type Gvk, idEquals, idKey, idText, type ResId } from './ident.ts';
import {
  apiVersionOfNode,
  BUILD_ANNOTATIONS,
  kindOf,
  NOTE,
  nameOf,
  namespaceOf,
  setApiVersion,
  setKind,
  setName,
  setNamespace,
  setTextMap,
  textMap,
} from './meta.ts';
import { compileAnchored, type Pattern, parseLabelSelector } from './patterns.ts';
import {
  copyResource,
  curId,
  isEnabled,
  isGone,
  nodeOf,
  orgId,
  prevIds,
  type Resource,
  storePreviousId,
} from './resource.ts';

/** The resources of a build, in order, with the index that keeps appending linear. */
export interface ResMap {
  list: Resource[];
  /** Keys of current ids; undefined after anything that may have changed one. */
  index: Set<string> | undefined;
  readonly build: Build;
}

export function makeResMap(build: Build, list: Resource[] = []): ResMap {
  return { list, index: undefined, build };
}

/** A map of resources of which no two have one id. */
export function resMapOf(build: Build, list: readonly Resource[]): ResMap {
  const map = makeResMap(build);
  appendAll(map, list);
  return map;
}

/** Forgets the index: call it before resources are changed. */
export function touch(map: ResMap): void {
  map.index = undefined;
}

/** Adds resources; none may have the current id of another. */
export function appendAll(map: ResMap, list: readonly Resource[]): void {
  map.index ??= new Set(map.list.map((res) => idKey(curId(res))));
  for (const res of list) {
    const id = curId(res);
    const key = idKey(id);
    if (map.index.has(key)) fail(`may not add resource with an already registered id: ${idText(id)}`);
    map.index.add(key);
    map.list.push(res);
  }
  const limit = map.build.limits.renderObjects;
  if (map.list.length > limit) overLimit('renderObjects', limit, 'the build has too many objects');
}

/** Takes out what a patch has emptied. */
export function dropEmpties(map: ResMap): void {
  map.list = map.list.filter((res) => !isGone(res));
}

/** Resources one of whose ids, current or previous, is accepted. */
export function matchingAnyId(map: ResMap, accepts: (id: ResId) => boolean): Resource[] {
  return map.list.filter((res) => !isGone(res) && (prevIds(res).some(accepts) || accepts(curId(res))));
}

/** The one resource that has an id, current or previous (GetById). */
export function getById(map: ResMap, id: ResId): Resource {
  const found = matchingAnyId(map, (other) => idEquals(id, other));
  const [first] = found;
  if (found.length === 1 && first !== undefined) return first;
  const what = found.length > 1 ? 'multiple matches' : 'no matches';
  return fail(`${what} for Id ${idText(id)}; failed to find unique target for patch ${idText(id)}`);
}

/** Which resources a patch or a replacement is for; patterns are anchored, empty ones match all. */
export interface Selector extends Partial<Gvk> {
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

/** A selector with its patterns compiled. */
export interface SelectorPatterns {
  gvk(id: Gvk): boolean;
  name(name: string): boolean;
  namespace(namespace: string): boolean;
}

export function compileSelector(selector: Selector): SelectorPatterns {
  const pattern = (text: string | undefined): Pattern => compileAnchored(text ?? '');
  const [group, version, kind] = [pattern(selector.group), pattern(selector.version), pattern(selector.kind)];
  const [name, namespace] = [pattern(selector.name), pattern(selector.namespace)];
  return {
    gvk: (id) => group.test(id.group) && version.test(id.version) && kind.test(id.kind),
    name: (text) => name.test(text),
    namespace: (text) => namespace.test(text),
  };
}

/** Resources that a selector selects, in order (ResMap.Select). */
export function select(map: ResMap, selector: Selector): Resource[] {
  const patterns = compileSelector(selector);
  const labels = parseLabelSelector(selector.labelSelector ?? '');
  const annotations = parseLabelSelector(selector.annotationSelector ?? '');
  return map.list.filter((res) => {
    const [cur, org] = [curId(res), orgId(res)];
    return (
      (patterns.namespace(effectiveNamespace(org)) || patterns.namespace(effectiveNamespace(cur))) &&
      (patterns.name(org.name) || patterns.name(cur.name)) &&
      patterns.gvk(cur) &&
      labels.matches(textMap(res.node, 'labels')) &&
      annotations.matches(textMap(res.node, 'annotations'))
    );
  });
}

/** Takes metadata of the resource that is replaced or merged into; the newer values win, its name and namespace stay. */
export function copyMergeMetadata(res: Resource, old: Resource): void {
  const node = nodeOf(res);
  setTextMap(node, 'labels', new Map([...textMap(old.node, 'labels'), ...textMap(node, 'labels')]));
  const own = textMap(node, 'annotations');
  const before = textMap(old.node, 'annotations');
  const merged = new Map([...before, ...own]);
  for (const note of BUILD_ANNOTATIONS) {
    const kept = before.get(note);
    if (kept === undefined) merged.delete(note);
    else merged.set(note, kept);
  }
  if (!own.has(NOTE.needsHash)) merged.delete(NOTE.needsHash);
  setTextMap(node, 'annotations', merged);
  setName(node, nameOf(old.node));
  setNamespace(node, namespaceOf(old.node));
  res.refVars = [...old.refVars];
}

/** How a strategic merge is done; given in, so that this file does not depend on it. */
export type Merge = (patch: Resource, into: Resource) => void;

/** Merges a patch into one resource; kind, name and namespace stay unless the patch may change them. */
export function applySmPatch(target: Resource, patch: Resource, merge: Merge): void {
  const node = nodeOf(target);
  const [name, namespace, kind] = [nameOf(node), namespaceOf(node), kindOf(node)];
  const mayRename = isEnabled(patch, NOTE.allowNameChange);
  const mayChangeKind = isEnabled(patch, NOTE.allowKindChange);
  if (mayRename || mayChangeKind) storePreviousId(target);
  merge(patch, target);
  if (isGone(target)) return;
  const merged = nodeOf(target);
  if (!mayChangeKind) setKind(merged, kind);
  if (!mayRename) setName(merged, name);
  setNamespace(merged, namespace);
}

/** Merges a patch into the selected resources (resWrangler.ApplySmPatch). */
export function applyToSelected(map: ResMap, selected: readonly Resource[], patch: Resource, merge: Merge): void {
  const ids = new Set(selected.map((res) => exactKey(curId(res))));
  const kept: Resource[] = [];
  touch(map);
  for (const res of map.list) {
    if (ids.has(exactKey(curId(res)))) {
      const copy = copyResource(patch);
      copyMergeMetadata(copy, patch);
      setKind(nodeOf(copy), kindOf(res.node));
      setApiVersion(nodeOf(copy), apiVersionOfNode(res.node));
      setKind(nodeOf(copy), kindOf(patch.node));
      applySmPatch(res, copy, merge);
    }
    if (!isGone(res)) kept.push(res);
  }
  map.list = [];
  appendAll(map, kept);
}

function exactKey(id: ResId): string {
  return `${idKey(id)}\n${id.namespace}`;
}

/** The namespace-aware candidates of a reference are taken by current ids, so a copy must keep order and identity. */
export function copyMap(map: ResMap): ResMap {
  return makeResMap(map.build, map.list.map(copyResource));
}

/** Equal content, for validators. */
export function sameNode(a: Resource, b: Resource): boolean {
  return JSON.stringify(a.node && copyNode(a.node)) === JSON.stringify(b.node && copyNode(b.node));
}
