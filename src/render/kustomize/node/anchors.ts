import { fail, overLimit } from '../errors.ts';
import {
  ALIAS,
  append,
  copyNode,
  MAPPING,
  type Node,
  SCALAR,
  SEQUENCE,
  setContent,
  TAG_MERGE,
  TAG_NULL,
} from '../yaml/node.ts';
import { clearField, placesOf } from './fields.ts';

/** What the expansion of aliases may cost. */
export interface AliasBounds {
  readonly yamlAliases: number;
  readonly yamlNodes: number;
}

interface Walk {
  readonly bounds: AliasBounds;
  readonly inside: Set<Node>;
  readonly done: Set<Node>;
  aliases: number;
  nodes: number;
}

/** Replaces aliases by copies and merges `<<` into its map, in place (kyaml DeAnchor). Returns the new root. */
export function expandAliases(root: Node, bounds: AliasBounds): Node {
  if (!usesAliases(root)) return root;
  return expand({ bounds, inside: new Set(), done: new Set(), aliases: 0, nodes: 0 }, root);
}

function usesAliases(node: Node): boolean {
  if (node.kind === ALIAS) return true;
  if (node.kind === SCALAR) return node.tag === TAG_MERGE || node.value === '<<';
  for (const item of node.content) if (usesAliases(item)) return true;
  return node.kind === MAPPING && nullKeys(node).length > 0;
}

/** Keys that are null: kyaml doubles their entries here, so that such an object fails when it is written. */
function nullKeys(node: Node): number[] {
  const out: number[] = [];
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = node.content[i] as Node;
    if (key.tag === TAG_NULL && key.value !== '') out.push(i);
  }
  return out;
}

function sizeOf(node: Node): number {
  let n = 1;
  for (const item of node.content) n += sizeOf(item);
  return n;
}

function expand(walk: Walk, node: Node): Node {
  if (node.kind === SCALAR || walk.done.has(node)) return node;
  if (node.kind === ALIAS) return expandAlias(walk, node);
  if (walk.inside.has(node)) fail('yaml: anchor value contains itself');
  walk.inside.add(node);
  if (node.kind === MAPPING) {
    mergeInto(walk, node);
    for (const i of nullKeys(node)) append(node, node.content[i] as Node, node.content[i + 1] as Node);
  }
  for (let i = 0; i < node.content.length; i++) node.content[i] = expand(walk, node.content[i] as Node);
  walk.inside.delete(node);
  walk.done.add(node);
  return node;
}

function expandAlias(walk: Walk, node: Node): Node {
  const target = node.alias;
  if (target === undefined) fail(`yaml: unknown anchor '${node.value}' referenced`);
  if (walk.inside.has(target)) fail(`yaml: anchor '${node.value}' value contains itself`);
  if (++walk.aliases > walk.bounds.yamlAliases)
    overLimit('yamlAliases', walk.bounds.yamlAliases, 'a YAML document has too many aliases');
  const whole = expand(walk, target);
  walk.nodes += sizeOf(whole);
  if (walk.nodes > walk.bounds.yamlNodes)
    overLimit('yamlNodes', walk.bounds.yamlNodes, 'the aliases of a YAML document make too many nodes');
  return copyNode(whole);
}

/** The maps that `<<` names; those named first win, so they come last. */
function mergeSources(value: Node): Node[] {
  if (value.kind === MAPPING) return [value];
  if (value.kind === ALIAS) {
    if (value.alias?.kind !== MAPPING) fail('invalid map merge: received alias for a non-map value');
    return [value.alias];
  }
  if (value.kind !== SEQUENCE) fail('map merge requires map or sequence of maps as the value');
  const out: Node[] = [];
  for (const item of value.content) {
    if (item.kind === SEQUENCE) fail('invalid map merge: received a nested sequence');
    out.unshift(...mergeSources(item));
  }
  return out;
}

function mergeInto(walk: Walk, node: Node): void {
  let found: Node | undefined;
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    if ((node.content[i] as Node).tag !== TAG_MERGE) continue;
    if (found !== undefined) fail('duplicate merge key');
    found = node.content[i + 1];
  }
  const sources = found === undefined ? [] : mergeSources(found);
  // Also where it is text: kyaml removes the first field of that name.
  clearField(node, '<<');
  if (found === undefined) return;
  const own = node.content;
  const merged = copyNode(node);
  for (const source of sources) {
    if (++walk.aliases > walk.bounds.yamlAliases)
      overLimit('yamlAliases', walk.bounds.yamlAliases, 'a YAML document has too many aliases');
    if (walk.inside.has(source)) fail('yaml: anchor value contains itself');
    setEntries(merged, copyNode(expand(walk, source)).content);
  }
  setEntries(merged, own);
  setContent(node, merged.content);
}

/** Sets keys and values, replacing those that are there (kyaml MapEntrySetter). */
function setEntries(node: Node, entries: readonly Node[]): void {
  const places = placesOf(node);
  for (let i = 0; i + 1 < entries.length; i += 2) {
    const key = entries[i] as Node;
    const value = entries[i + 1] as Node;
    const at = places.get(key.value);
    if (at === undefined) {
      places.set(key.value, node.content.length);
      append(node, key, value);
    } else {
      node.content[at] = key;
      node.content[at + 1] = value;
    }
  }
}
