import { byCodeUnit } from '../../../model/index.ts';
import { fail, overLimit } from '../errors.ts';
import { expectKind, fieldOf, keyIndex, keysOf, setField, wrongKind } from '../node/fields.ts';
import { apiVersionOfNode, kindOf } from '../resource/meta.ts';
import type { Schema } from '../schema/builtin.ts';
import { isMissing, MAPPING, makeNode, type Node, SCALAR, SEQUENCE, TAG_NULL } from '../yaml/node.ts';
import { takeDirective } from './directive.ts';
import { mergeList } from './list.ts';
import type { Place, SchemaSource } from './place.ts';

/**
 * Merges a patch into an object, in place (kyaml merge2 as kustomize calls it: no guessing of keys, items of the patch
 * first). Undefined when nothing is left. The patch is used up: its nodes become part of the object.
 */
export function strategicMerge(patch: Node, dest: Node, schemas: SchemaSource, maxDepth: number): Node | undefined {
  return walk(dest, patch, { schemas, schema: undefined, depth: 0, maxDepth, kept: new Set() });
}

/** Merges what is at one place. */
export function walk(dest: Node | undefined, patch: Node | undefined, above: Place): Node | undefined {
  if (above.depth > above.maxDepth) overLimit('yamlDepth', above.maxDepth, 'a patch nests too deeply');
  const place = { ...above, depth: above.depth + 1, schema: above.schema ?? ownSchema(dest, patch, above.schemas) };
  const first = !isMissing(dest) ? dest : !isMissing(patch) ? patch : undefined;
  if (first === undefined) return walkMap(dest, patch, place);
  for (const node of [dest, patch])
    if (node !== undefined && node.tag !== TAG_NULL && node.kind !== first.kind) fail(wrongKind(node, first.kind));
  if (first.kind === MAPPING) return walkMap(dest, patch, place);
  if (first.kind === SCALAR) return patch ?? dest;
  if (first.kind !== SEQUENCE) return undefined;
  const merges = place.schema?.strategy.split(',').includes('merge') === true;
  return merges ? walkList(dest, patch, place) : (patch ?? dest);
}

/** The schema of an object inside another, where none is known at that place. */
function ownSchema(dest: Node | undefined, patch: Node | undefined, schemas: SchemaSource): Schema | undefined {
  for (const node of [dest, patch]) {
    if (node === undefined || node.kind !== MAPPING || node.tag === TAG_NULL) continue;
    const [apiVersion, kind] = [apiVersionOfNode(node), kindOf(node)];
    if (apiVersion === '' || kind === '') continue;
    const found = schemas.schemaFor(apiVersion, kind);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Which of the two a map is merged into; undefined removes it. */
function chooseMap(dest: Node | undefined, patch: Node | undefined, place: Place): Node | undefined {
  takeStyle(dest, patch);
  if (isMissing(dest)) {
    if (patch !== undefined && patch.tag !== TAG_NULL && quietDirective(patch) === 'delete') return undefined;
    const old = dest as Node | undefined;
    if (patch === undefined && old !== undefined && old.value !== '') {
      const kept = makeNode(SCALAR, TAG_NULL, old.value, 0);
      place.kept.add(kept);
      return kept;
    }
    return patch;
  }
  if (patch?.tag === TAG_NULL) return undefined;
  const directive = takeDirective(patch);
  if (directive === 'delete') return undefined;
  return directive === 'replace' ? patch : dest;
}

/** The directive of a patch where nothing is there yet: unknown words are not an error then. */
function quietDirective(patch: Node): string | undefined {
  const found = fieldOf(patch, '$patch');
  if (patch.kind === MAPPING && found !== undefined && !['merge', 'replace', 'delete'].includes(found.value))
    return undefined;
  return takeDirective(patch);
}

function walkMap(dest: Node | undefined, patch: Node | undefined, place: Place): Node | undefined {
  const into = chooseMap(dest, patch, place);
  if (into === undefined) return undefined;
  const names = new Set([...keysOf(into), ...keysOf(patch)]);
  for (const name of [...names].sort(byCodeUnit)) mergeField(into, patch, name, place);
  return into;
}

function mergeField(into: Node, patch: Node | undefined, name: string, place: Place): void {
  const old = fieldOf(into, name);
  const fresh = fieldOf(patch, name);
  const value = walk(old, fresh, { ...place, schema: place.schema?.field(name) });
  setField(into, name, value, {
    keyStyle: value === undefined ? 0 : keyStyle(value === fresh ? patch : into, name),
    keepNull: value !== undefined && place.kept.has(value),
  });
}

/** Quoting of a key, which a new field takes along. */
function keyStyle(map: Node | undefined, name: string): number {
  if (map === undefined) return 0;
  const i = keyIndex(map, name);
  return i < 0 ? 0 : (map.content[i] as Node).style;
}

/** An empty map or list is written as the patch is: in flow or in block style. */
function takeStyle(dest: Node | undefined, patch: Node | undefined): void {
  if (dest === undefined || patch === undefined) return;
  if (dest.kind !== SCALAR && dest.content.length === 0) dest.style = patch.style;
}

function walkList(dest: Node | undefined, patch: Node | undefined, place: Place): Node | undefined {
  takeStyle(dest, patch);
  if (isMissing(dest)) return patch === undefined ? undefined : mergeList(patch, patch, place, walk);
  if (patch?.tag === TAG_NULL) return undefined;
  const directive = takeDirective(patch);
  if (directive === 'delete') return undefined;
  const into = directive === 'replace' ? (patch as Node) : dest;
  expectKind(into, SEQUENCE);
  return mergeList(into, patch, place, walk);
}
