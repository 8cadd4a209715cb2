import { BuildError, fail, withPrefix } from '../errors.ts';
import { compilePattern } from '../resource/patterns.ts';
import { append, emptyMap, type Node, SCALAR, SEQUENCE, scalar } from '../yaml/node.ts';
import type { Marks } from '../yaml/notes.ts';
import { type ParseBounds, parseDocument } from '../yaml/parse.ts';
import { nodeText } from '../yaml/write.ts';
import { elementsOf, expectKind, fieldOf, getField, setField } from './fields.ts';
import { emptyOf, indexOf, isListIndex, kindForNext, splitIndex } from './path.ts';

interface Bounds extends ParseBounds {
  /** Comments and anchors of the text that is searched, which patterns see. */
  readonly marks?: Marks;
}

/**
 * All nodes that a path leads to (kyaml PathMatcher): `*` is every item, `[k=v]` the items whose field matches a pattern, a
 * number one item. With a kind, what is missing is created.
 */
export function findAll(root: Node, path: readonly string[], create: number, bounds: Bounds): readonly Node[] {
  return find(root, path, create, bounds) ?? [];
}

function find(node: Node, path: readonly string[], create: number, bounds: Bounds): Node[] | undefined {
  const [part] = path;
  if (part === undefined) return [node];
  const rest = path.slice(1);
  const index = indexOf(part);
  if (index !== undefined && index >= 0) return findIndex(node, index, rest, create, bounds);
  if (isListIndex(part)) return findMatching(node, part, rest, create, bounds);
  if (part === '*') return findEvery(node, rest, create, bounds);
  return findField(node, part, rest, create, bounds);
}

function findEvery(node: Node, rest: readonly string[], create: number, bounds: Bounds): Node[] | undefined {
  let out: Node[] | undefined;
  for (const item of elementsOf(node)) {
    const found = find(item, rest, create, bounds);
    if (found !== undefined) out = [...(out ?? []), ...found];
  }
  return out;
}

function findField(
  node: Node,
  name: string,
  rest: readonly string[],
  create: number,
  bounds: Bounds,
): Node[] | undefined {
  let field = getField(node, name);
  if (field === undefined) {
    if (create === 0) return undefined;
    field = emptyOf(kindForNext(rest[0] ?? '', create));
    setField(node, name, field);
  }
  if (field.kind === SCALAR && rest.length > 0) return findInText(field, rest, create, bounds);
  return find(field, rest, create, bounds);
}

/** A path that goes on into a text that holds YAML or JSON: what is found there is a copy. */
function findInText(node: Node, rest: readonly string[], create: number, bounds: Bounds): Node[] | undefined {
  const root = parseDocument(node.value, bounds);
  return root === undefined ? fail('EOF') : find(root, rest, create, bounds);
}

function findIndex(
  node: Node,
  index: number,
  rest: readonly string[],
  create: number,
  bounds: Bounds,
): Node[] | undefined {
  const items = elementsOf(node);
  let item = items[index];
  if (item === undefined && items.length === index && create !== 0) {
    item = emptyOf(kindForNext(rest[0] ?? '', create));
    append(node, item);
  }
  if (item === undefined) return fail(`index ${index} specified but only ${items.length} elements found`);
  return find(item, rest, create, bounds);
}

function findMatching(
  node: Node,
  part: string,
  rest: readonly string[],
  create: number,
  bounds: Bounds,
  again = false,
): Node[] | undefined {
  const { key, value } = splitIndex(part);
  const items = elementsOf(node);
  const pattern = items.length === 0 ? undefined : compilePattern(value);
  let out: Node[] | undefined;
  for (const item of items) {
    const tested = key === '' ? item : fieldOf(item, key);
    if (tested === undefined || pattern?.test(nodeText(tested, bounds.marks).trim()) !== true) continue;
    const found = key === '' ? [item] : find(item, rest, create, bounds);
    if (found !== undefined) out = [...(out ?? []), ...found];
  }
  if (out?.length === 0) out = undefined;
  if (out !== undefined || create === 0) return out;
  if (again) throw new BuildError(`failed to create element for ${JSON.stringify(part)}`);
  const made = key === '' ? scalar(value) : emptyMap();
  if (key !== '') append(made, scalar(key), scalar(value));
  withPrefix(
    () => `failed to create element for ${JSON.stringify(part)}`,
    () => expectKind(node, SEQUENCE),
  );
  // A null takes it, too, where nobody sees it.
  append(node, made);
  return findMatching(node, part, rest, create, bounds, true);
}
