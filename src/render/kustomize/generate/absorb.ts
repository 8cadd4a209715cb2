import { fail } from '../errors.ts';
import { addField, clearField, expectKind, fieldOf, placesOf } from '../node/fields.ts';
import { lookup } from '../node/path.ts';
import { idEquals, idText, type ResId } from '../resource/ident.ts';
import { annotationOf, NOTE } from '../resource/meta.ts';
import { originOf, setOrigin } from '../resource/origin.ts';
import { appendAll, copyMergeMetadata, matchingAnyId, type ResMap, touch } from '../resource/resmap.ts';
import { curId, isGone, nodeOf, type Resource } from '../resource/resource.ts';
import { MAPPING, makeNode, type Node, SCALAR, STYLE_LITERAL, TAG_STR, textOf } from '../yaml/node.ts';
import { base64Lines } from './generators.ts';

/** Adds generated resources: each is new, or replaces or is merged into the one that has its id (AbsorbAll). */
export function absorbAll(map: ResMap, list: readonly Resource[]): void {
  for (const res of list) absorb(map, res);
}

function goId(id: ResId): string {
  const text = (value: string): string => JSON.stringify(value);
  return `resid.ResId{Gvk:resid.Gvk{Group:${text(id.group)}, Version:${text(id.version)}, Kind:${text(id.kind)}, isClusterScoped:${id.clusterScoped}}, Name:${text(id.name)}, Namespace:${text(id.namespace)}}`;
}

function absorb(map: ResMap, res: Resource): void {
  const id = curId(res);
  const behavior = annotationOf(res.node, NOTE.behavior) ?? 'unspecified';
  const changes = behavior === 'merge' || behavior === 'replace';
  const found = matchingAnyId(map, (other) => idEquals(id, other));
  const [old] = found;
  if (old === undefined) {
    if (changes) fail(`id ${goId(id)} does not exist; cannot merge or replace`);
    appendAll(map, [res]);
    return;
  }
  if (found.length > 1) fail(`found multiple objects ${goId(id)} that could accept merge of ${goId(id)}`);
  if (!changes) fail(`id ${goId(id)} exists; can not use behavior: '${behavior}', behavior must be merge or replace`);
  touch(map);
  const origin = originOf(old);
  copyMergeMetadata(res, old);
  if (behavior === 'merge') {
    mergeData(nodeOf(res), nodeOf(old), 'data');
    mergeData(nodeOf(res), nodeOf(old), 'binaryData');
    if (origin !== undefined) setOrigin(res, origin);
  }
  map.list[placeOf(map, res, old)] = res;
}

/** The place of what is replaced, found by its current id: a patch may have made it another kind, and then it is not there. */
function placeOf(map: ResMap, res: Resource, old: Resource): number {
  const id = curId(res);
  const places = [...map.list.keys()].filter(
    (i) => !isGone(map.list[i] ?? res) && idEquals(id, curId(map.list[i] ?? res)),
  );
  const [at = -1] = places;
  if (places.length > 1) fail(`in Replace: id matched ${places.length} resources`);
  if (at < 0) fail(`cannot find resource with id ${idText(id)} to replace`);
  return map.list[at] === old ? at : fail('unexpected target index in replacement');
}

function textsOf(node: Node | undefined): Map<string, string> {
  const out = new Map<string, string>();
  if (node?.kind === MAPPING) for (const [key, at] of placesOf(node)) out.set(key, textOf(node.content[at + 1]));
  return out;
}

/** Entries of both, the newer ones winning; all of them become strings. */
function mergeData(node: Node, old: Node, field: 'data' | 'binaryData'): void {
  const merged = new Map([...textsOf(fieldOf(old, field)), ...textsOf(fieldOf(node, field))]);
  clearField(node, field);
  if (merged.size === 0) return;
  const map = lookup(node, [field], MAPPING);
  if (map === undefined) return;
  if (merged.has('')) expectKind(map, SCALAR);
  for (const key of [...merged.keys()].sort()) {
    const text = merged.get(key) ?? '';
    const value = text.isWellFormed() ? text : base64Lines(text);
    addField(map, key, makeNode(SCALAR, TAG_STR, value, value.includes('\n') ? STYLE_LITERAL : 0));
  }
}
