import { isObject, type Json, type JsonObject, fromJson as parseJson } from '../../../model/index.ts';
import { fail, withPrefix } from '../errors.ts';
import { mergeConfig, type NameReference, type TransformerConfig } from '../load/config.ts';
import { type Loader, loadText } from '../load/loader.ts';
import type { FieldSpec } from '../load/types.ts';
import { duplicateName } from '../schema/duplicates.ts';
import { anObject, listOf, mapOf, schema, text } from '../schema/shape.ts';
import { yamlToJson } from '../yaml/legacy.ts';

interface Found {
  readonly commonAnnotations: FieldSpec[];
  readonly commonLabels: FieldSpec[];
  readonly namePrefix: FieldSpec[];
  readonly nameReference: NameReference[];
}

/** Field specs that the definitions files of `crds` ask for with `x-kubernetes-…` extensions (LoadConfigFromCRDs). */
export function configFromCrds(loader: Loader, paths: readonly string[]): TransformerConfig {
  let config: TransformerConfig = {};
  for (const path of paths) {
    const source = loadText(loader, path);
    const types = withPrefix(
      () => `unable to parse open API definition from '${path}'`,
      () => readTypes(source, loader),
    );
    for (const [name, type] of Object.entries(types)) {
      if (!looksLikeKind(propertiesOf(type))) continue;
      const found: Found = { commonAnnotations: [], commonLabels: [], namePrefix: [], nameReference: [] };
      const kind = name.slice(name.lastIndexOf('.') + 1);
      collect(found, kind, types, name, [], new Set());
      config = mergeConfig(config, mergeConfig({}, found));
    }
  }
  return config;
}

function readTypes(source: string, loader: Loader): JsonObject {
  let json: Json;
  if (source === '') fail('the file is empty');
  if (source.startsWith('{')) {
    try {
      json = parseJson(source);
    } catch (error) {
      return fail(error instanceof Error ? error.message : 'invalid JSON');
    }
    const twice = duplicateName(source, ([, field]) => field?.toLowerCase() === 'schema');
    if (twice !== undefined) fail(`duplicate name "${twice}" in an object`);
  } else json = yamlToJson(source, loader.build.limits);
  definitionsShape(json, 'definitions');
  return isObject(json) ? json : {};
}

/** Fields of a definition are found whatever the case of their names, as Go's JSON does. */
function partOf(type: Json | undefined, name: string): Json | undefined {
  if (!isObject(type)) return undefined;
  const key = Object.keys(type)
    .filter((one) => one.toLowerCase() === name)
    .pop();
  return key === undefined ? undefined : type[key];
}

/** What a file of definitions must look like. */
const definitionsShape = mapOf((type, place) => {
  anObject(type, place);
  schema(partOf(type, 'schema') ?? null, `${place}.Schema`);
  listOf(text)(partOf(type, 'dependencies') ?? null, `${place}.Dependencies`);
});

function propertiesOf(type: Json | undefined): JsonObject {
  const found = partOf(type, 'schema');
  const properties = isObject(found) ? found['properties'] : undefined;
  return isObject(properties) ? properties : {};
}

function looksLikeKind(properties: JsonObject): boolean {
  return ['kind', 'apiVersion', 'metadata'].every((name) => Object.hasOwn(properties, name));
}

function textAt(property: JsonObject, name: string): string | undefined {
  const found = property[name];
  return typeof found === 'string' ? found : undefined;
}

function collect(
  found: Found,
  kind: string,
  types: JsonObject,
  name: string,
  path: readonly string[],
  inside: ReadonlySet<string>,
): void {
  if (inside.has(name)) fail(`definition ${name} refers to itself`);
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  for (const [key, property] of Object.entries(propertiesOf(type))) {
    if (!isObject(property)) continue;
    const spec: FieldSpec = { kind, path: [...path, key].join('/'), create: false };
    if (textAt(property, 'x-kubernetes-annotation') !== undefined) found.commonAnnotations.push(spec);
    if (textAt(property, 'x-kubernetes-label-selector') !== undefined) found.commonLabels.push(spec);
    if (textAt(property, 'x-kubernetes-identity') !== undefined) found.namePrefix.push(spec);
    const version = textAt(property, 'x-kubernetes-object-ref-api-version');
    const target = textAt(property, 'x-kubernetes-object-ref-kind');
    if (version !== undefined && target !== undefined) {
      const nameKey = textAt(property, 'x-kubernetes-object-ref-name-key') ?? 'name';
      found.nameReference.push({
        kind: target,
        version,
        fieldSpecs: [{ ...spec, path: [...path, key, nameKey].join('/') }],
      });
    }
    const ref = textAt(property, '$ref');
    if (ref !== undefined && ref !== '') collect(found, kind, types, ref, [...path, key], new Set([...inside, name]));
  }
}
