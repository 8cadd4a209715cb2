import { isObject, type Json, type JsonObject, fromJson as parseJson, toJson } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { type Draft, define } from '../yaml/decode.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import { signedFloat } from '../yaml/numbers.ts';
import type { ParseBounds } from '../yaml/parse.ts';

/** A JSON patch (RFC 6902) as evanphx/json-patch v4 reads it. */
export type JsonPatch = readonly JsonObject[];

/** Reads a patch from JSON, when it begins with '[', or from YAML. Fails when it is no list of operations. */
export function readJsonPatch(text: string, bounds: ParseBounds): JsonPatch {
  if (text === '') fail('empty json patch operations');
  let value: Json;
  if (text.startsWith('[')) {
    try {
      value = parseJson(text);
    } catch (error) {
      return fail(error instanceof Error ? error.message : 'invalid JSON');
    }
  } else value = yamlToJson(text, bounds, { wholeFloat: signedFloat });
  if (value === null) return [];
  if (!Array.isArray(value)) return fail('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  return (value as readonly Json[]).map((operation) => {
    if (operation === null) return {};
    return isObject(operation) ? operation : fail('json: cannot unmarshal into Go value of type jsonpatch.Operation');
  });
}

/** What can be changed: copies are made on the way down, so the document given stays as it is. */
type Box = Draft | Json[];

/** Applies a patch to a document; the document given is not changed. */
export function applyJsonPatch(document: Json, patch: JsonPatch): Json {
  const holder: { root: Box } = { root: copy(document) as Box };
  for (const operation of patch) applyOne(holder, operation);
  return holder.root as Json;
}

function copy(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => copy(item as Json));
  if (!isObject(value)) return value;
  const out: Draft = {};
  for (const key of Object.keys(value)) define(out, key, copy(value[key] as Json));
  return out;
}

function textIn(operation: JsonObject, name: string, missing: string): string {
  const found = operation[name];
  return typeof found === 'string' ? found : fail(missing);
}

function operand(operation: JsonObject): Json {
  return Object.hasOwn(operation, 'value') ? copy(operation['value'] as Json) : null;
}

function applyOne(holder: { root: Box }, operation: JsonObject): void {
  const op = typeof operation['op'] === 'string' ? operation['op'] : 'unknown';
  switch (op) {
    case 'add':
      add(holder, textIn(operation, 'path', 'add operation failed to decode path: missing value'), operand(operation));
      return;
    case 'remove':
      remove(holder, textIn(operation, 'path', 'remove operation failed to decode path: missing value'));
      return;
    case 'replace':
      replace(holder, operation);
      return;
    case 'move':
      move(holder, operation);
      return;
    case 'test':
      test(holder, operation);
      return;
    case 'copy':
      copyTo(holder, operation);
      return;
    default:
      fail(`Unexpected kind: ${op}`);
  }
}

function decodePart(part: string): string {
  return part.replace(/~[01]/g, (code) => (code === '~1' ? '/' : '~'));
}

/** The map or list that holds the end of a path, and its key there; undefined when the path leads nowhere. */
function locate(holder: { root: Box }, path: string): { box: Box; key: string } | undefined {
  const parts = path.split('/');
  if (parts.length < 2) return undefined;
  let here: Json = holder.root as Json;
  for (const part of parts.slice(1, -1)) {
    const next: Json | undefined = getFrom(here as Box, decodePart(part));
    if (next === undefined || next === null || typeof next !== 'object') return undefined;
    here = next;
  }
  return { box: here as Box, key: decodePart(parts.at(-1) ?? '') };
}

function getFrom(box: Box, key: string): Json | undefined {
  if (!Array.isArray(box)) return Object.hasOwn(box, key) ? box[key] : undefined;
  const index = indexIn(box, key, false);
  return typeof index === 'number' ? box[index] : undefined;
}

/** An index of a list, or the words that say why it is none. */
function indexIn(list: readonly Json[], key: string, adding: boolean): number | string {
  if (!/^[-+]?\d+$/.test(key))
    return adding ? `value was not a proper array index: '${key}'` : `strconv.Atoi: parsing "${key}": invalid syntax`;
  const size = adding ? list.length + 1 : list.length;
  const index = Number(key);
  if (index >= size || index < -size) return `Unable to access invalid index: ${index}: invalid index referenced`;
  return index < 0 ? index + size : index;
}

function put(box: Box, key: string, value: Json, what: string): void {
  if (!Array.isArray(box)) {
    define(box, key, value);
    return;
  }
  if (key === '-') {
    box.push(value);
    return;
  }
  const index = indexIn(box, key, true);
  if (typeof index === 'string') fail(`${what}: ${index}`);
  box.splice(index, 0, value);
}

function add(holder: { root: Box }, path: string, value: Json): void {
  const at = locate(holder, path);
  if (at === undefined) fail(`add operation does not apply: doc is missing path: "${path}": missing value`);
  put(at.box, at.key, value, `error in add for path: '${path}'`);
}

function take(box: Box, key: string, what: string): void {
  if (!Array.isArray(box)) {
    if (!Object.hasOwn(box, key)) fail(`${what}: Unable to remove nonexistent key: ${key}: missing value`);
    delete box[key];
    return;
  }
  const index = indexIn(box, key, false);
  if (typeof index === 'string') fail(`${what}: ${index}`);
  box.splice(index, 1);
}

function remove(holder: { root: Box }, path: string): void {
  const at = locate(holder, path);
  if (at === undefined) fail(`remove operation does not apply: doc is missing path: "${path}": missing value`);
  take(at.box, at.key, `error in remove for path: '${path}'`);
}

function replace(holder: { root: Box }, operation: JsonObject): void {
  const path = textIn(
    operation,
    'path',
    'replace operation failed to decode path: operation missing path field: missing value',
  );
  const value = operand(operation);
  if (path === '') {
    if (value === null || typeof value !== 'object') fail('replace operation value must be object or array');
    holder.root = value as Box;
    return;
  }
  const at = locate(holder, path);
  if (at === undefined) fail(`replace operation does not apply: doc is missing path: ${path}: missing value`);
  if (!Array.isArray(at.box)) {
    define(at.box, at.key, value);
    return;
  }
  const index = indexIn(at.box, at.key, false);
  if (typeof index === 'string') fail(`replace operation does not apply: doc is missing key: ${path}: missing value`);
  at.box[index] = value;
}

function read(holder: { root: Box }, path: string, missing: string, what: string): Json | undefined {
  const at = locate(holder, path);
  if (at === undefined) fail(missing);
  if (Array.isArray(at.box)) {
    const index = indexIn(at.box, at.key, false);
    if (typeof index === 'string') fail(`${what}: ${index}`);
  }
  return getFrom(at.box, at.key);
}

function move(holder: { root: Box }, operation: JsonObject): void {
  const from = textIn(
    operation,
    'from',
    'move operation failed to decode from: operation, missing from field: missing value',
  );
  const missing = `move operation does not apply: doc is missing from path: ${from}: missing value`;
  const value = read(holder, from, missing, `error in move for path: '${from}'`);
  const source = locate(holder, from);
  if (source !== undefined) take(source.box, source.key, `error in move for path: '${source.key}'`);
  const path = textIn(
    operation,
    'path',
    'move operation failed to decode path: operation missing path field: missing value',
  );
  const at = locate(holder, path);
  if (at === undefined) fail(`move operation does not apply: doc is missing destination path: ${path}: missing value`);
  put(at.box, at.key, value ?? null, `error in move for path: '${path}'`);
}

function copyTo(holder: { root: Box }, operation: JsonObject): void {
  const from = textIn(
    operation,
    'from',
    'copy operation failed to decode from: operation, missing from field: missing value',
  );
  const missing = `copy operation does not apply: doc is missing from path: ${from}: missing value`;
  const value = read(holder, from, missing, `error in copy for from: '${from}'`);
  const path = textIn(operation, 'path', 'copy operation failed to decode path: missing value');
  const at = locate(holder, path);
  if (at === undefined) fail(`copy operation does not apply: doc is missing destination path: ${path}: missing value`);
  put(at.box, at.key, copy(value ?? null), 'error while adding value during copy');
}

function test(holder: { root: Box }, operation: JsonObject): void {
  const path = textIn(
    operation,
    'path',
    'test operation failed to decode path: operation missing path field: missing value',
  );
  const wanted = operand(operation);
  const missing = `test operation does not apply: is missing path: ${path}: missing value`;
  const found = path === '' ? (holder.root as Json) : read(holder, path, missing, `error in test for path: '${path}'`);
  if (!equal(found ?? null, wanted)) fail(`testing value ${path} failed: test failed`);
}

/** Equal as JSON, in any order of keys. */
function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item as Json, b[i] as Json));
  if (a === 0 && b === 0) return Object.is(a, b);
  if (!isObject(a)) return a === b || (typeof b !== 'object' && toJson(a) === toJson(b));
  if (!isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] as Json, b[key] as Json))
  );
}
