import { byCodeUnit } from '../../../model/index.ts';
import { fail, overLimit } from '../errors.ts';
import { addField, expectKind, fieldOf, isRemoval, keysOf, placesOf, replaceValue, wrongKind } from '../node/fields.ts';
import { apiVersionOfNode, kindOf } from '../resource/meta.ts';
import type { Schema } from '../schema/builtin.ts';
import { isMissing, MAPPING, makeNode, type Node, SCALAR, SEQUENCE, setContent, TAG_NULL } from '../yaml/node.ts';
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
  const fields: Fields = { into, patch, places: placesOf(into), fresh: placesOf(patch), gone: new Set() };
  for (const name of [...names].sort(byCodeUnit)) mergeField(fields, name, place);
  if (fields.gone.size > 0)
    setContent(
      into,
      into.content.filter((_, i) => !fields.gone.has(i - (i % 2))),
    );
  return into;
}

/** The two maps of a merge, and where their keys stand: a map may have very many. */
interface Fields {
  readonly into: Node;
  readonly patch: Node | undefined;
  readonly places: ReadonlyMap<string, number>;
  readonly fresh: ReadonlyMap<string, number>;
  /** Places of keys that go, once all fields are merged. */
  readonly gone: Set<number>;
}

function mergeField({ into, patch, places, fresh, gone }: Fields, name: string, place: Place): void {
  const at = places.get(name);
  const from = fresh.get(name);
  const old = at === undefined ? undefined : into.content[at + 1];
  const given = from === undefined ? undefined : patch?.content[from + 1];
  const value = walk(old, given, { ...place, schema: place.schema?.field(name) });
  if (name === '') expectKind(into, SCALAR);
  if (isRemoval(value, { keepNull: value !== undefined && place.kept.has(value) })) {
    if (at !== undefined) gone.add(at);
  } else if (old !== undefined) replaceValue(old, value);
  // A new key takes its quoting along.
  else addField(into, name, value, from === undefined ? 0 : patch?.content[from]?.style);
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
