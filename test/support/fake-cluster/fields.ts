import { isObject, type Json, type JsonObject, toJson } from '../../../src/model/index.ts';

/** Leaf fields of an object by path, as JSON text of a list of names. Lists are leaves (atomic) here. */
export type Leaves = Map<string, Json>;

/** Fields that no manager owns. */
const UNOWNED = new Set(['apiVersion', 'kind', 'metadata', 'status']);
const UNOWNED_META = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'managedFields',
  'selfLink',
]);

/** What can be owned: everything but the identity and the server's own metadata. `status` only when asked for. */
export function leavesOf(object: JsonObject, part: 'main' | 'status' = 'main'): Leaves {
  const leaves: Leaves = new Map();
  if (part === 'status') {
    if (object['status'] !== undefined) collect(object['status'], ['status'], leaves);
    return leaves;
  }
  for (const [key, value] of Object.entries(object)) if (!UNOWNED.has(key)) collect(value, [key], leaves);
  const meta = object['metadata'];
  if (isObject(meta))
    for (const [key, value] of Object.entries(meta))
      if (!UNOWNED_META.has(key)) collect(value, ['metadata', key], leaves);
  return leaves;
}

function collect(value: Json, path: readonly string[], into: Leaves): void {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) into.set(JSON.stringify(path), value);
  for (const [key, below] of entries) collect(below, [...path, key], into);
}

/** FieldsV1 of a set of paths. */
export function toFields(paths: Iterable<string>): JsonObject {
  const root: Record<string, Json> = {};
  for (const path of [...paths].sort()) {
    let here = root;
    for (const name of JSON.parse(path) as string[]) {
      const below = (here[`f:${name}`] ?? {}) as Record<string, Json>;
      here[`f:${name}`] = below;
      here = below;
    }
  }
  return root;
}

/** The paths of a FieldsV1 set, as far as this fake writes them. */
export function fromFields(fields: Json | undefined): Set<string> {
  const out = new Set<string>();
  walk(fields, [], out);
  return out;
}

function walk(fields: Json | undefined, path: readonly string[], out: Set<string>): void {
  const below = isObject(fields) ? Object.entries(fields).filter(([key]) => key.startsWith('f:')) : [];
  if (below.length === 0 && path.length > 0) out.add(JSON.stringify(path));
  for (const [key, value] of below) walk(value, [...path, key.slice(2)], out);
}

export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return sortedJson(a) === sortedJson(b);
}

function sortedJson(value: Json | undefined): string {
  if (value === undefined) return '';
  return toJson(sorted(value));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

/** The object with a leaf set. */
export function withLeaf(object: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key, ...below] = path;
  if (key === undefined) return object;
  const child = object[key];
  return {
    ...object,
    [key]: below.length === 0 ? value : withLeaf(isObject(child) ? child : {}, below, value),
  };
}

/** The object without a leaf, and without objects that this leaves empty. */
export function withoutLeaf(object: JsonObject, path: readonly string[]): JsonObject {
  const [key, ...below] = path;
  if (key === undefined || !Object.hasOwn(object, key)) return object;
  const child = object[key];
  if (below.length > 0 && isObject(child)) {
    const rest = withoutLeaf(child, below);
    if (Object.keys(rest).length > 0) return { ...object, [key]: rest };
  }
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
