import { byCodeUnit, isObject, type Json, type JsonObject } from '../model/index.ts';

/**
 * A FieldsV1 trie (structured-merge-diff): keys are `f:NAME`, `k:{KEYS}`, `v:VALUE`, `i:INDEX`; `.` marks a node that is
 * itself a member, and so does having nothing below it.
 */
interface Node {
  readonly member: boolean;
  readonly below: ReadonlyMap<string, Node>;
}

const LEAF: Node = { member: true, below: new Map() };

function read(value: Json | undefined): Node {
  if (!isObject(value)) return LEAF;
  const below = new Map<string, Node>();
  for (const [key, child] of Object.entries(value)) if (key !== '.') below.set(key, read(child));
  return { member: below.size === 0 || Object.hasOwn(value, '.'), below };
}

function unite(a: Node, b: Node): Node {
  const below = new Map(a.below);
  for (const [key, node] of b.below) {
    const known = below.get(key);
    below.set(key, known === undefined ? node : unite(known, node));
  }
  return { member: a.member || b.member, below };
}

function write(node: Node, root: boolean): JsonObject {
  const out: Record<string, Json> = {};
  if (node.member && !root && node.below.size > 0) out['.'] = {};
  for (const key of [...node.below.keys()].sort(byCodeUnit)) {
    const child = node.below.get(key);
    if (child !== undefined) out[key] = write(child, false);
  }
  return out;
}

/** The union of two FieldsV1 sets; a missing one counts as empty. */
export function uniteFields(a: Json | undefined, b: Json | undefined): JsonObject {
  if (!isObject(a)) return isObject(b) ? b : {};
  if (!isObject(b)) return a;
  return write(unite(read(a), read(b)), true);
}
