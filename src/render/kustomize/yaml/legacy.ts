import type { Json } from '../../../model/index.ts';
import { BuildError, fail } from '../errors.ts';
import { binaryText, type Draft, define } from './decode.ts';
import {
  ALIAS,
  MAPPING,
  type Node,
  SCALAR,
  SEQUENCE,
  STYLE_QUOTED,
  STYLE_TAGGED,
  TAG_BINARY,
  TAG_FLOAT,
  TAG_INT,
  TAG_NULL,
} from './node.ts';
import { formatFloat32, normalFloat } from './numbers.ts';
import { type ParseBounds, parseDocumentV2 } from './parse.ts';
import { resolve11 } from './resolve.ts';

/**
 * YAML as sigs.k8s.io/yaml reads it (go-yaml v2, YAML 1.1, then JSON): kustomization files, JSON patches, and what Flux
 * reads back after substitution. `yes` is a boolean, the last of equal keys wins, keys that are numbers become text.
 */
export function yamlToJson(text: string, bounds: ParseBounds, options: ReadOptions = {}): Json {
  const root = parseDocumentV2(text, bounds);
  if (root === undefined) return null;
  return value({ left: bounds.yamlNodes, inside: new Set(), options }, root);
}

/** What else a reader may want. */
export interface ReadOptions {
  /** Equal keys of one map are an error (UnmarshalStrict). */
  readonly uniqueKeys?: boolean;
  /** What stands for a float that is whole, as `1e7`, where it is not to be taken for an integer. */
  readonly wholeFloat?: (value: number) => Json;
}

interface Walk {
  left: number;
  readonly options: ReadOptions;
  readonly inside: Set<Node>;
}

function scalarOf(node: Node, { wholeFloat }: ReadOptions): Json {
  const tagged = (node.style & STYLE_TAGGED) !== 0;
  if (!tagged && (node.style & STYLE_QUOTED) !== 0) return node.value;
  if (tagged && node.tag === '!!str') return node.value;
  if (tagged && node.tag === TAG_BINARY) return binaryText(node.value);
  if (tagged && !/^!!(?:bool|int|float|null|timestamp)$/.test(node.tag)) return node.value;
  const found = resolve11(node.value);
  if (tagged && found.tag !== node.tag && !(node.tag === TAG_FLOAT && found.tag === TAG_INT))
    fail(`yaml: cannot decode ${found.tag} \`${node.value}\` as a ${node.tag}`);
  if (found.tag === '!!timestamp') return node.value;
  if (found.tag !== TAG_FLOAT && !(tagged && node.tag === TAG_FLOAT)) return found.value;
  const float = Number(found.value);
  if (!Number.isFinite(float))
    fail(`json: unsupported value: ${Number.isNaN(float) ? 'NaN' : float > 0 ? '+Inf' : '-Inf'}`);
  return wholeFloat !== undefined && Number.isInteger(float) ? wholeFloat(float) : normalFloat(float);
}

function value(walk: Walk, node: Node): Json {
  if (--walk.left < 0) fail('yaml: document contains excessive aliasing');
  if (node.kind === SCALAR) return scalarOf(node, walk.options);
  if (node.kind === SEQUENCE) return node.content.map((item) => value(walk, item));
  if (node.kind === ALIAS) return throughAlias(walk, node, (target) => value(walk, target));
  const out: Draft = {};
  fill(walk, node, out);
  return out;
}

/** Does something with what an alias stands for, which may not be around it. */
function throughAlias<T>(walk: Walk, node: Node, use: (target: Node) => T): T {
  const target = node.alias;
  if (target === undefined || walk.inside.has(target))
    throw new BuildError(`yaml: anchor '${node.value}' value contains itself`);
  walk.inside.add(target);
  const out = use(target);
  walk.inside.delete(target);
  return out;
}

function fill(walk: Walk, node: Node, out: Draft): void {
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = node.content[i] as Node;
    const item = node.content[i + 1] as Node;
    if (key.kind === SCALAR && key.value === '<<' && (key.style & STYLE_QUOTED) === 0) merge(walk, item, out);
    else setKey(walk, out, keyText(walk, key), item);
  }
}

function setKey(walk: Walk, out: Draft, key: string, item: Node): void {
  if (walk.options.uniqueKeys === true && Object.hasOwn(out, key))
    fail(`yaml: unmarshal errors:\n  key ${JSON.stringify(key)} already set in map`);
  define(out, key, value(walk, item));
}

const NO_MAP = 'yaml: map merge requires map or sequence of maps as the value';

/** `<<` in YAML 1.1: earlier maps of a list win, what stands after it in the map wins over it. */
function merge(walk: Walk, node: Node, out: Draft): void {
  if (node.kind !== SEQUENCE) mergeMap(walk, node, out);
  else for (const item of [...node.content].reverse()) mergeMap(walk, item, out);
}

/** Takes the fields of a map, which counts also when it has none: maps may name maps that name maps. */
function mergeMap(walk: Walk, node: Node, out: Draft): void {
  if (--walk.left < 0) fail('yaml: document contains excessive aliasing');
  if (node.kind === MAPPING) fill(walk, node, out);
  else if (node.kind !== ALIAS || node.alias?.kind !== MAPPING) fail(NO_MAP);
  else throughAlias(walk, node, (target) => fill(walk, target, out));
}

function keyText(walk: Walk, key: Node): string {
  const found = value(walk, key);
  if (typeof found === 'string') return found;
  if (typeof found === 'number' && isFloat(key)) return formatFloat32(found);
  if (typeof found === 'boolean' || typeof found === 'bigint' || typeof found === 'number') return String(found);
  return fail(
    found === null && key.tag === TAG_NULL ? 'unsupported map key of type: %!s(<nil>)' : 'yaml: invalid map key',
  );
}

/** True for a scalar that is a float, also where its value is whole. */
function isFloat(node: Node): boolean {
  const scalar = node.kind === ALIAS ? node.alias : node;
  return (
    scalar !== undefined &&
    scalar.kind === SCALAR &&
    (scalar.tag === TAG_FLOAT || resolve11(scalar.value).tag === TAG_FLOAT)
  );
}
