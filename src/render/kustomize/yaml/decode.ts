import { Buffer } from 'node:buffer';
import { isObject, type Json } from '../../../model/index.ts';
import { BuildError, fail, overLimit } from '../errors.ts';
import { foldedValue, lastKept, readable } from './folded.ts';
import {
  ALIAS,
  MAPPING,
  type Node,
  SCALAR,
  SEQUENCE,
  STYLE_CLOSED,
  STYLE_DOUBLE,
  STYLE_FLOW,
  STYLE_FOLDED,
  STYLE_LITERAL,
  STYLE_QUOTED,
  STYLE_SINGLE,
  STYLE_TAGGED,
  TAG_BINARY,
  TAG_BOOL,
  TAG_FLOAT,
  TAG_INT,
  TAG_MERGE,
  TAG_NULL,
  TAG_STR,
  TAG_TIME,
} from './node.ts';
import { normalFloat } from './numbers.ts';
import { type Resolved, resolve12 } from './resolve.ts';

/** JSON that is being made. */
export type Draft = { [key: string]: Json };

/** Styles of which the first that is set counts; folded is the last of them. */
const BLOCK_STYLES = STYLE_DOUBLE | STYLE_SINGLE | STYLE_LITERAL | STYLE_FOLDED;

function isQuoted(node: Node): boolean {
  return (node.style & STYLE_QUOTED) !== 0;
}

/** True for a scalar that is a string before its text is looked at. */
function indicatedString(node: Node): boolean {
  return node.tag === TAG_STR || ((node.tag === '' || node.tag === '!') && isQuoted(node));
}

/** The tag that a node has in the end (yaml.v3 ShortTag). */
export function shortTagOf(node: Node): string {
  if (node.kind === SCALAR) {
    if (indicatedString(node)) return TAG_STR;
    return node.tag === '' || node.tag === '!' ? resolve12(node.value).tag : node.tag;
  }
  if (node.kind === ALIAS && node.alias !== undefined) return shortTagOf(node.alias);
  return node.tag !== '' ? node.tag : node.kind === MAPPING ? '!!map' : '!!seq';
}

/** Tags whose text decides, so that a tag which does not fit is an error. */
const CHECKED: ReadonlySet<string> = new Set([TAG_BOOL, TAG_INT, TAG_FLOAT, TAG_NULL, TAG_TIME]);

function plainValue(found: Resolved): Json {
  if (typeof found.value !== 'number' || found.tag !== TAG_FLOAT) return found.value;
  if (Number.isNaN(found.value)) fail('json: unsupported value: NaN');
  if (!Number.isFinite(found.value)) fail(`json: unsupported value: ${found.value > 0 ? '+' : '-'}Inf`);
  return normalFloat(found.value);
}

/** A scalar whose tag is written out, or is not what its text says. */
function taggedValue(tag: string, text: string): Json {
  if (tag === TAG_BINARY) return binaryText(text);
  if (!CHECKED.has(tag)) return text;
  const found = resolve12(text);
  // go-yaml makes floats of integers of 64 bits with a sign, and of no larger ones.
  if (tag === TAG_FLOAT && found.tag === TAG_INT && (found.value as number | bigint) < 2n ** 63n)
    return normalFloat(Number(found.value));
  if (found.tag === tag) return plainValue(found);
  return fail(`yaml: cannot decode ${found.tag} \`${text}\` as a ${tag}`);
}

/** The text of a `!!binary` scalar; its bytes must be base64, and become U+FFFD where they are no UTF-8. */
export function binaryText(text: string): string {
  const compact = text.replace(/[\r\n]/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact))
    fail('yaml: !!binary value contains invalid base64 data');
  return Buffer.from(compact, 'base64').toString('utf8');
}

/**
 * The value of a scalar after kustomize has written and read it again: quoting and tag decide, then the text.
 * `flow` is true inside `{}` and `[]`, where some plain scalars get quotes on the way.
 */
export function scalarValue(node: Node, flow = false, direct = false): Json {
  const { tag } = node;
  if (!flow && !direct) readable(node);
  const value = !flow && !direct && (node.style & BLOCK_STYLES) === STYLE_FOLDED ? foldedValue(node.value) : node.value;
  if ((node.style & STYLE_TAGGED) !== 0 && tag !== '') return tag === TAG_STR ? value : taggedValue(tag, value);
  if (tag === TAG_STR) return value;
  if (tag === '' || tag === '!') {
    if (isQuoted(node) || value.includes('\n')) return value;
    const found = resolve12(value);
    return flow && isQuotedInFlow(value, found) ? value : plainValue(found);
  }
  if (tag === TAG_MERGE && value === '<<') return value;
  const found = resolve12(value);
  if (found.tag !== tag) return taggedValue(tag, value);
  if (isQuoted(node) || (flow && isQuotedInFlow(value, found))) return value;
  return plainValue(found);
}

/** True for a plain scalar that gets quotes inside `{}` and `[]`, and so comes back as text: nothing, or a time of day. */
function isQuotedInFlow(value: string, found: Resolved): boolean {
  return value === '' || (found.tag === TAG_TIME && value.includes(':'));
}

/** What decoding may cost. */
export interface DecodeBounds {
  readonly yamlNodes: number;
}

interface Walk {
  left: number;
  /** Values as they are read, without what writing and reading them once more does. */
  readonly direct: boolean;
  /** `-0.0` is no 0. */
  readonly signed: boolean;
  /** A block that is followed by an empty line when it is written, and by a comment. */
  readonly closed: Node | undefined;
  readonly bounds: DecodeBounds;
  readonly inside: Set<Node>;
}

/**
 * A node as plain JSON, as kustomize's MarshalJSON makes it: keys must be strings below the top, and unique.
 * Floats that are whole become integers; integers outside the safe range are bigint.
 */
export function decodeNode(node: Node, bounds: DecodeBounds): Json {
  return value(newWalk(node, bounds), node, false, true);
}

/** The same where the JSON is text in kustomize that is read again: there a zero keeps its minus. */
export function decodeSigned(node: Node, bounds: DecodeBounds): Json {
  return value({ ...newWalk(node, bounds), signed: true }, node, false, true);
}

/** The same without being written and read on the way (RNode.Map), for JSON that is text again. */
export function decodeDirectly(node: Node, bounds: DecodeBounds): Json {
  return value({ ...newWalk(node, bounds), direct: true, signed: true, closed: undefined }, node, false, true);
}

function newWalk(root: Node, bounds: DecodeBounds): Walk {
  const closed = (root.style & STYLE_CLOSED) === 0 ? undefined : lastKept(root);
  return { left: bounds.yamlNodes, bounds, inside: new Set(), direct: false, signed: false, closed };
}

function value(walk: Walk, node: Node, flow: boolean, top: boolean): Json {
  if (--walk.left < 0) overLimit('yamlNodes', walk.bounds.yamlNodes, 'an object has too many nodes');
  if (node.kind === SCALAR) {
    const found = scalarValue(node, flow, walk.direct);
    if (node === walk.closed) return `${String(found)}\n`;
    return walk.signed && found === 0 && Object.is(resolve12(node.value).value, -0) ? -0 : found;
  }
  if (node.kind === ALIAS) return aliasValue(walk, node, flow);
  const inFlow = flow || (!walk.direct && (node.style & STYLE_FLOW) !== 0);
  if (node.kind === SEQUENCE) return node.content.map((item) => value(walk, item, inFlow, false));
  return mapping(walk, node, inFlow, top);
}

function aliasValue(walk: Walk, node: Node, flow: boolean): Json {
  const target = node.alias;
  if (target === undefined || walk.inside.has(target))
    throw new BuildError(`yaml: anchor '${node.value}' value contains itself`);
  walk.inside.add(target);
  const out = value(walk, target, flow, false);
  walk.inside.delete(target);
  return out;
}

function mapping(walk: Walk, node: Node, flow: boolean, top: boolean): Json {
  const out: Draft = {};
  const list = node.content;
  const seen = new Set<string>();
  let merged: Node | undefined;
  for (let i = 0; i + 1 < list.length; i += 2) {
    const key = list[i] as Node;
    if (key.value === '<<' && isMergeKey(key)) {
      merged = key.tag === TAG_MERGE ? merged : list[i + 1];
      continue;
    }
    const written = key.kind === ALIAS ? (key.alias?.value ?? '') : key.value;
    if (seen.has(written)) fail(`yaml: unmarshal errors:\n  mapping key ${JSON.stringify(written)} already defined`);
    seen.add(written);
    const name = keyText(walk, key, written, top);
    if (name === undefined) continue;
    define(out, name, value(walk, list[i + 1] as Node, flow, false));
  }
  if (merged !== undefined && !walk.direct) mergeWritten(walk, merged, out);
  return out;
}

/** The text of a key, undefined for null; at the top any scalar may be one, but its tag must fit. */
function keyText(walk: Walk, key: Node, written: string, top: boolean): string | undefined {
  const tag = shortTagOf(key);
  if (tag === TAG_STR) return written;
  // A key that is nothing gets quotes when it is written.
  const isPlain = key.kind === SCALAR && (key.style & STYLE_TAGGED) === 0;
  if (!walk.direct && tag === TAG_NULL && isPlain && written === '') return written;
  if (!top || key.kind !== SCALAR) fail('json: unsupported type: map[interface {}]interface {}');
  if (tag === TAG_BINARY) return binaryText(written);
  const found = resolve12(written);
  if (found.tag !== tag && CHECKED.has(tag) && !(tag === TAG_FLOAT && found.tag === TAG_INT))
    fail(`yaml: cannot decode ${found.tag} \`${written}\` as a ${tag}`);
  return tag === TAG_NULL ? undefined : written;
}

function isMergeKey(key: Node): boolean {
  return key.tag === TAG_MERGE || (key.tag === '' && key.kind === SCALAR && !isQuoted(key));
}

/** A field that a transformer has named `<<` is a merge once it is written and read again; what is there wins. */
function mergeWritten(walk: Walk, node: Node, out: Draft): void {
  for (const map of node.kind === SEQUENCE ? node.content : [node]) {
    const found = map.kind === MAPPING ? value(walk, map, false, false) : null;
    const pairs = isObject(found) ? found : fail('yaml: map merge requires map or sequence of maps as the value');
    for (const [key, item] of Object.entries(pairs)) if (!Object.hasOwn(out, key)) define(out, key, item);
  }
}

/** Sets a property, also one named `__proto__`. */
export function define(into: Draft, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
  else into[key] = value;
}

/** Numbers as Go leaves them when JSON passes through a map: integers of more than 53 bits are rounded. */
export function roundNumbers(value: Json): Json {
  if (typeof value === 'bigint') return normalFloat(Number(value));
  if (Array.isArray(value)) return value.map((item) => roundNumbers(item as Json));
  if (!isObject(value)) return value;
  const out: Draft = {};
  for (const key of Object.keys(value)) define(out, key, roundNumbers(value[key] as Json));
  return out;
}
