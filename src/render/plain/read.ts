import { Fault, isObject, type Json, type JsonObject, type KubeObject } from '../../model/index.ts';
import type { BuiltObject } from '../finish/index.ts';
import { parseDocuments, type YamlDocument, type YamlLimits } from '../yaml/index.ts';

/**
 * The objects of one manifest, as kustomize reads it: lists of objects are taken apart, documents that are empty are
 * passed over, and what is no object is an error. Throws `build-failed` with file and line.
 */
export function readObjects(bytes: Uint8Array | string, file: string, limits: YamlLimits): BuiltObject[] {
  const { documents } = parseDocuments(bytes, { limits, file, rules: 'kustomize' });
  const objects: BuiltObject[] = [];
  const lists: { list: JsonObject; document: YamlDocument }[] = [];
  for (const document of documents) {
    if (isEmpty(document.value)) continue;
    const fail = (reason: string, path: readonly (string | number)[] = []): Fault =>
      new Fault('build-failed', `${file}:${document.lineOf(path)}: ${reason}`);
    if (isListKind(document.value)) lists.push({ list: document.value, document });
    else objects.push({ object: asObject(document.value, fail), origin: `${file}:${document.line}` });
  }
  // kustomize puts the items of lists behind the other objects of the file.
  for (const { list, document } of lists) {
    for (const item of itemsOf(list, document, file, 0)) objects.push(item);
  }
  return objects;
}

/** `{}`, and `[]` as well. */
const isEmpty = (value: Json): boolean =>
  Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;

type Fail = (reason: string, path?: readonly (string | number)[]) => Fault;

function isListKind(value: Json): value is JsonObject {
  return (
    isObject(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Object.hasOwn(value, 'items')
  );
}

function itemsOf(list: JsonObject, document: YamlDocument, file: string, depth: number): BuiltObject[] {
  const fail = (reason: string, path: readonly (string | number)[] = []): Fault =>
    new Fault('build-failed', `${file}:${document.lineOf(['items', ...path])}: ${reason}`);
  const items = list['items'];
  if (items === null || items === undefined) return [];
  if (!Array.isArray(items)) throw fail(`items of a ${String(list['kind'])} must be a list`);
  if (depth > 8) throw fail('lists of lists are nested too deeply');
  return (items as readonly Json[]).flatMap((item, index) => {
    if (item === null) throw fail(`item ${index} of the ${String(list['kind'])} is empty`);
    if (isListKind(item)) return itemsOf(item, document, file, depth + 1);
    const at: Fail = (reason, path = []) => fail(`item ${index}: ${reason}`, [index, ...path]);
    return [{ object: asObject(item, at), origin: `${file}:${document.line}` }];
  });
}

/** Checks what every object must have; the words are kustomize's where users search for them. */
function asObject(value: Json, fail: Fail): KubeObject {
  if (!isObject(value)) throw fail('missing Resource metadata: the document is not a Kubernetes object');
  const { apiVersion, kind, metadata } = value;
  if (apiVersion === undefined && kind === undefined && metadata === undefined) {
    throw fail('missing Resource metadata: the document has neither apiVersion, kind nor metadata');
  }
  if (typeof kind !== 'string' || kind === '') throw fail('missing kind in object', ['kind']);
  if (!isObject(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    throw fail(`missing metadata.name in object of kind ${kind}${nameHint(metadata)}`, ['metadata', 'name']);
  }
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    throw fail(`missing apiVersion in ${kind}/${metadata['name']}`, ['apiVersion']);
  }
  checkMetadata(metadata, kind, fail);
  const hole = nullItem(value, []);
  if (hole !== undefined) throw fail(`empty item at ${hole.join('.')} in ${kind}/${metadata['name']}`, hole);
  return value as KubeObject;
}

function nameHint(metadata: Json | undefined): string {
  if (!isObject(metadata)) return '';
  if (Object.hasOwn(metadata, 'generateName')) return ': generateName is not enough';
  return Object.hasOwn(metadata, 'name') ? ': it must be text, put it in quotes' : '';
}

function checkMetadata(metadata: JsonObject, kind: string, fail: Fail): void {
  const namespace = metadata['namespace'];
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string') {
    throw fail(`metadata.namespace of ${kind}/${String(metadata['name'])} must be text, put it in quotes`, [
      'metadata',
      'namespace',
    ]);
  }
  for (const field of ['labels', 'annotations'] as const) {
    const map = metadata[field];
    if (map === undefined || map === null) continue;
    if (!isObject(map))
      throw fail(`metadata.${field} of ${kind}/${String(metadata['name'])} must be a map`, ['metadata', field]);
  }
}

/** Path of the first list item that is null. */
function nullItem(value: Json, path: readonly (string | number)[]): (string | number)[] | undefined {
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries()) {
      if (item === null) return [...path, index];
      const found = typeof item === 'object' ? nullItem(item, [...path, index]) : undefined;
      if (found !== undefined) return found;
    }
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const item = value[key] as Json;
      const found = typeof item === 'object' && item !== null ? nullItem(item, [...path, key]) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
