import { isObject, type Json, type JsonObject } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import type { Schema } from './builtin.ts';
import { swagger } from './shape.ts';

/** Finds a definition that the document refers to and does not hold. */
export type Elsewhere = (name: string) => Schema | undefined;

/** An OpenAPI document of the user (`openapi.path`). */
export interface CustomSchema {
  schemaFor(apiVersion: string, kind: string): Schema | undefined;
  /** True for namespaced, false for cluster-scoped, as its paths say. */
  scopeOf(apiVersion: string, kind: string): boolean | undefined;
}

const GVK = 'x-kubernetes-group-version-kind';
const LIST_KEYS = 'x-kubernetes-list-map-keys';

/** What messages about a document begin with. */
const BAD = 'invalid schema file: ';

/** Reads an OpenAPI v2 document that was parsed from JSON or YAML. */
export function customSchema(document: Json, elsewhere: Elsewhere): CustomSchema {
  if (document === null) return customSchema({}, elsewhere);
  swagger(document, `${BAD}OpenAPI`);
  if (!isObject(document)) return customSchema({}, elsewhere);
  const definitions = isObject(document['definitions']) ? document['definitions'] : {};
  const kinds = new Map<string, JsonObject>();
  for (const definition of Object.values(definitions)) {
    if (!isObject(definition)) continue;
    const list = definition[GVK];
    for (const item of Array.isArray(list) ? (list as readonly Json[]) : []) {
      const name = typeName(item);
      if (name !== undefined) kinds.set(name, definition);
    }
  }
  const scopes = scopesOf(document);
  return {
    schemaFor(apiVersion, kind) {
      const found = kinds.get(`${apiVersion}/${kind}`);
      return found === undefined ? undefined : schemaOf(found, definitions, elsewhere);
    },
    scopeOf: (apiVersion, kind) => scopes.get(`${apiVersion}/${kind}`),
  };
}

function typeName(gvk: Json): string | undefined {
  if (!isObject(gvk)) return undefined;
  if (typeof gvk['version'] !== 'string' || typeof gvk['kind'] !== 'string')
    fail(`${BAD}${GVK} needs a version and a kind`);
  const group = gvk['group'];
  const prefix = typeof group === 'string' && group !== '' ? `${group}/` : '';
  return `${prefix}${gvk['version']}/${gvk['kind']}`;
}

function scopesOf(document: JsonObject): Map<string, boolean> {
  const out = new Map<string, boolean>();
  const paths = isObject(document['paths']) ? document['paths'] : {};
  for (const [path, item] of Object.entries(paths)) {
    const get = isObject(item) ? item['get'] : undefined;
    const name = isObject(get) ? typeName(get[GVK] ?? null) : undefined;
    if (name === undefined) continue;
    if (path.includes('namespaces/{namespace}')) out.set(name, true);
    else if (!out.has(name)) out.set(name, false);
  }
  return out;
}

const MAX_HOPS = 100;

function schemaOf(schema: JsonObject, definitions: JsonObject, elsewhere: Elsewhere, hops = 0): Schema | undefined {
  const ref = schema['$ref'];
  if (typeof ref === 'string' && ref !== '') {
    const name = ref
      .replace(/^#\/definitions\//, '')
      .replaceAll('~1', '/')
      .replaceAll('~0', '~');
    const next = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (isObject(next)) return hops > MAX_HOPS ? undefined : schemaOf(next, definitions, elsewhere, hops + 1);
    return elsewhere(name);
  }
  return {
    field(name) {
      const properties = schema['properties'];
      const own = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
      const found = own ?? schema['additionalProperties'];
      return isObject(found) ? schemaOf(found, definitions, elsewhere) : undefined;
    },
    elements() {
      const items = schema['items'];
      if (!isArrayType(schema['type']) || items === undefined || items === null) return undefined;
      return isObject(items) ? schemaOf(items, definitions, elsewhere) : fail(`${BAD}items must be one schema`);
    },
    get strategy() {
      return textIn(schema, 'x-kubernetes-patch-strategy');
    },
    get keys() {
      return schema['x-kubernetes-patch-strategy'] === undefined ? [] : keysOf(schema);
    },
  };
}

function isArrayType(type: Json | undefined): boolean {
  return type === 'array' || (Array.isArray(type) && type.length === 1 && type[0] === 'array');
}

function textIn(schema: JsonObject, name: string): string {
  const found = schema[name];
  if (found === undefined) return '';
  return typeof found === 'string' ? found : fail(`${BAD}${name} must be a string`);
}

function keysOf(schema: JsonObject): readonly string[] {
  const list = schema[LIST_KEYS];
  if (list !== undefined) {
    const isTexts = Array.isArray(list) && list.every((key) => typeof key === 'string');
    return isTexts ? (list as readonly string[]) : fail(`${BAD}${LIST_KEYS} must be a list of strings`);
  }
  const one = textIn(schema, 'x-kubernetes-patch-merge-key');
  return one === '' ? [] : [one];
}
