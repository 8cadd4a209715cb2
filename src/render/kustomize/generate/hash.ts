import { hash as digestOf } from 'node:crypto';
import { byCodeUnit, isObject, type Json } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { lookup } from '../node/path.ts';
import { kindOf, NOTE, nameOf, setName } from '../resource/meta.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import { isEnabled, nodeOf, storePreviousId } from '../resource/resource.ts';
import { type DecodeBounds, type Draft, decodeSigned, roundNumbers } from '../yaml/decode.ts';
import { type Node, SCALAR } from '../yaml/node.ts';

/** Adds the hash of its content to the name of every generated object that wants one (HashTransformer). */
export function addHashes(map: ResMap): void {
  touch(map);
  for (const res of map.list) {
    if (!isEnabled(res, NOTE.needsHash)) continue;
    const node = nodeOf(res);
    const hash = hashOf(node, map.build.limits);
    storePreviousId(res);
    setName(node, `${nameOf(node)}-${hash}`);
  }
}

const SUBSTITUTES: Readonly<Record<string, string>> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };

/** The ten characters that stand for the content of a ConfigMap or Secret. */
export function hashOf(node: Node, bounds: DecodeBounds): string {
  const kind = kindOf(node);
  if (kind !== 'ConfigMap' && kind !== 'Secret')
    fail(`the name suffix hash of a ${kind} is not supported: only ConfigMaps and Secrets have one`);
  // kustomize looks for a field that is called `metadata/name`, so the name is in no hash.
  const draft: Draft = { kind, name: fieldJson(node, 'metadata/name', bounds), data: fieldJson(node, 'data', bounds) };
  if (kind === 'Secret') draft['type'] = fieldJson(node, 'type', bounds);
  const more = kind === 'Secret' ? 'stringData' : 'binaryData';
  const found = fieldJson(node, more, bounds);
  if (isObject(found)) draft[more] = found;
  const hex = digestOf('sha256', goJson(draft)).slice(0, 10);
  return hex.replace(/[013ae]/g, (c) => SUBSTITUTES[c] ?? c);
}

function fieldJson(node: Node, name: string, bounds: DecodeBounds): Json {
  const found = lookup(node, [name]);
  if (found === undefined) return '';
  if (found.kind === SCALAR) return found.value;
  const value = roundNumbers(decodeSigned(found, bounds));
  return isObject(value) ? value : null;
}

/** JSON as Go's encoding/json writes it: sorted keys (by UTF-8), no spaces, `<`, `>` and `&` escaped. */
export function goJson(value: Json, indent = ''): string {
  return write(value, indent, '\n');
}

function write(value: Json, indent: string, gap: string): string {
  const inner = gap + indent;
  const [open, close, colon] = indent === '' ? ['', '', ':'] : [inner, gap, ': '];
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[${open}${value.map((item) => write(item as Json, indent, inner)).join(`,${open}`)}${close}]`;
  }
  if (!isObject(value)) return goScalar(value);
  const keys = Object.keys(value).sort(compareUtf8);
  if (keys.length === 0) return '{}';
  const parts = keys.map((key) => `${goString(key)}${colon}${write(value[key] as Json, indent, inner)}`);
  return `{${open}${parts.join(`,${open}`)}${close}}`;
}

function goScalar(value: Json): string {
  if (typeof value === 'string') return goString(value);
  if (typeof value !== 'number') return String(value);
  if (Object.is(value, -0)) return '-0';
  return String(value).replace(/e([-+])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`);
}

function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Order of Go strings, which are UTF-8. */
function compareUtf8(a: string, b: string): number {
  const surrogate = /[\ud800-\udfff]/;
  if (!surrogate.test(a) && !surrogate.test(b)) return byCodeUnit(a, b);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
