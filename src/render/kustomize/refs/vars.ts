import { Buffer, isUtf8 } from 'node:buffer';
import { byCodeUnit } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { base64Lines } from '../generate/generators.ts';
import type { FieldSpec, Var } from '../load/types.ts';
import { lookup, splitSmart } from '../node/path.ts';
import { effectiveNamespace, gvkEquals, gvkText, type ResId } from '../resource/ident.ts';
import { matchingAnyId, type ResMap, touch } from '../resource/resmap.ts';
import { isGone, nodeOf } from '../resource/resource.ts';
import { applyFieldSpec } from '../transform/fieldspec.ts';
import {
  ALIAS,
  isMissing,
  isStringNode,
  MAPPING,
  type Node,
  SCALAR,
  SEQUENCE,
  TAG_BOOL,
  TAG_FLOAT,
  TAG_INT,
  TAG_STR,
} from '../yaml/node.ts';
import { formatFloat, plainFloat } from '../yaml/numbers.ts';

/** A var with its defaults. */
export interface FullVar {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly objName: string;
  readonly namespace: string;
  readonly fieldPath: string;
}

/** Fills in defaults; `apiVersion` wins over group and version. */
export function fullVar(v: Var): FullVar {
  const { apiVersion = '', group = '', version = '', kind = '', name = '', namespace = '' } = v.objref ?? {};
  const parts = apiVersion.split('/');
  const given = apiVersion !== '' && parts.length <= 2;
  return {
    name: v.name ?? '',
    group: given && parts.length === 2 ? (parts[0] ?? '') : group,
    version: given ? (parts.at(-1) ?? '') : version,
    kind,
    objName: name,
    namespace,
    fieldPath: (v.fieldref?.fieldPath ?? '') === '' ? 'metadata.name' : (v.fieldref?.fieldPath ?? ''),
  };
}

function varText(v: FullVar): string {
  return `{${v.name} ${gvkText(v)} {${v.fieldPath}}}`;
}

/** Notes on the resource of each var that it is read, and adds the vars to those known (MergeVars). */
export function noteVars(map: ResMap, known: Map<string, FullVar>, incoming: readonly Var[]): void {
  for (const v of incoming.map(fullVar)) {
    const clusterScoped = map.build.scopes.isClusterScoped(
      v.group === '' ? v.version : `${v.group}/${v.version}`,
      v.kind,
    );
    const id = { ...v, name: v.objName, clusterScoped: false };
    const accepts = (other: ResId): boolean => {
      if (other.name !== v.objName || !gvkEquals(other, v)) return false;
      return (
        (v.namespace === '' && !clusterScoped) ||
        effectiveNamespace(other) === effectiveNamespace({ ...id, clusterScoped })
      );
    };
    const found = matchingAnyId(map, accepts);
    if (found.length > 1) fail(`found ${found.length} resId matches for var ${varText(v)} (unable to disambiguate)`);
    found[0]?.refVars.push(v.name);
  }
  addVars(known, incoming.map(fullVar));
}

/** Adds vars; a name may be used once. */
export function addVars(known: Map<string, FullVar>, incoming: Iterable<FullVar>): void {
  for (const v of incoming) {
    if (known.has(v.name)) fail(`var '${v.name}' already encountered`);
    known.set(v.name, v);
  }
}

/** Puts the values of vars into the fields that may hold `$(NAME)` (ResolveVars). */
export function resolveVars(map: ResMap, vars: ReadonlyMap<string, FullVar>, specs: readonly FieldSpec[]): void {
  if (vars.size === 0) return;
  touch(map);
  const values = new Map<string, VarValue>();
  for (const name of [...vars.keys()].sort(byCodeUnit)) {
    const v = vars.get(name);
    const value = v === undefined ? undefined : valueFor(map, v);
    if (value !== undefined) values.set(name, value);
  }
  const set = (node: Node): void => putVars(node, values);
  for (const res of map.list)
    if (!isGone(res))
      for (const spec of specs) applyFieldSpec(nodeOf(res), spec, { set, createKind: 0, createTag: '' });
}

/** What a var stands for. */
interface VarValue {
  readonly tag: string;
  /** Its text where it is the whole of a field. */
  readonly whole: string;
  /** Its text inside other text. */
  readonly inside: string;
}

function sameText(tag: string, text: string): VarValue {
  return { tag, whole: text, inside: text };
}

/** Undefined where a var names a map or a list: that is put nowhere. */
function valueFor(map: ResMap, v: FullVar): VarValue | undefined {
  const res = map.list.find((one) => one.refVars.includes(v.name));
  if (res === undefined) return fail(`var '${varText(v)}' cannot be mapped to a field in the set of known resources`);
  const missing = `field specified in var '${varText(v)}' not found in corresponding resource`;
  let node: Node | undefined;
  try {
    node = lookup(nodeOf(res), splitIndexes(splitSmart(v.fieldPath, '.')));
  } catch {
    return fail(missing);
  }
  if (node === undefined) return fail(missing);
  const target = node.kind === ALIAS ? (node.alias ?? node) : node;
  return target.kind === SCALAR ? (scalarValue(target) ?? fail(missing)) : undefined;
}

const MAX_INT64 = 2n ** 63n;

/** As GetFieldValue reads it: by Go's own rules for numbers, which are not YAML's. Undefined when they refuse it. */
function scalarValue({ tag, value }: Node): VarValue | undefined {
  if (tag === TAG_INT) {
    if (!/^[-+]?[0-9]+$/.test(value)) return undefined;
    const whole = BigInt(value.replace('+', ''));
    return whole >= MAX_INT64 || whole < -MAX_INT64 ? undefined : sameText(tag, String(whole));
  }
  if (tag === TAG_FLOAT) {
    const float = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isFinite(float)) return undefined;
    return { tag, whole: plainFloat(float), inside: formatFloat(float) };
  }
  if (tag !== TAG_BOOL) return sameText(TAG_STR, value);
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return sameText(tag, 'true');
  return /^(?:0|f|F|false|FALSE|False)$/.test(value) ? sameText(tag, 'false') : undefined;
}

/** `ports[0]` to `ports` and `0`. */
function splitIndexes(parts: readonly string[]): string[] {
  return parts.flatMap((part) => {
    const m = /^(.*)\[(\d+)\]$/.exec(part);
    if (m === null) return [part];
    return m[1] === '' ? [m[2] ?? ''] : [m[1] ?? '', m[2] ?? ''];
  });
}

function putVars(node: Node, values: ReadonlyMap<string, VarValue>): void {
  if (isMissing(node)) return;
  if (node.kind === SCALAR) {
    if (isStringNode(node)) updateOne(node, values);
  } else if (node.kind === MAPPING) {
    for (let i = 0; i + 1 < node.content.length; i += 2) {
      const [key, value] = [node.content[i] as Node, node.content[i + 1] as Node];
      if (!isStringNode(key)) fail(`invalid map key: value='${key.value}', tag='${key.tag}'`);
      if (isStringNode(value)) updateOne(value, values);
    }
  } else if (node.kind === SEQUENCE) {
    for (const item of node.content) {
      if (!isStringNode(item)) fail('invalid value type expect a string');
      updateOne(item, values);
    }
  } else fail(`invalid type encountered ${node.kind}`);
}

function updateOne(node: Node, values: ReadonlyMap<string, VarValue>): void {
  const value = expand(node.value, values);
  node.tag = value.tag;
  node.value = value.whole;
  node.style = 0;
}

/** Replaces `$(NAME)`; `$$` is one dollar; unknown names stay; a text that is one reference takes the value's type. */
function expand(text: string, values: ReadonlyMap<string, VarValue>): VarValue {
  const bytes = /\$[^\0-\x7f]/.test(text);
  const source = bytes ? Buffer.from(text, 'utf8').toString('latin1') : text;
  const encoded = (part: string): string => (bytes ? Buffer.from(part, 'utf8').toString('latin1') : part);
  let out = '';
  let from = 0;
  for (let i = 0; i < source.length; i++) {
    if (source.charCodeAt(i) !== 36 || i + 1 >= source.length) continue;
    out += source.slice(from, i);
    const next = source.charAt(i + 1);
    const close = next === '(' ? source.indexOf(')', i + 2) : -1;
    if (close >= 0) {
      const written = source.slice(i + 2, close);
      const name = bytes ? Buffer.from(written, 'latin1').toString('utf8') : written;
      const value = values.get(name) ?? sameText(TAG_STR, `$(${name})`);
      if (text === `$(${name})`) return value;
      out += encoded(value.inside);
      i = close;
    } else {
      out += next === '$' ? '$' : next === '(' ? '$(' : `$${encoded(next)}`;
      i++;
    }
    from = i + 1;
  }
  out += source.slice(from);
  return sameText(TAG_STR, bytes ? fromBytes(out) : out);
}

/** kustomize takes the first byte after a dollar for a character; what is then no text any more comes out as base64. */
function fromBytes(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : base64Lines(bytes);
}
