import { isObject, type Json, type JsonObject, fromJson as parseJson } from '../../../model/index.ts';
import { fail, withPrefix } from '../errors.ts';
import { mergeConfig, type NameReference, type TransformerConfig } from '../load/config.ts';
import { type Loader, loadText } from '../load/loader.ts';
import type { FieldSpec } from '../load/types.ts';
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
    const text = loadText(loader, path);
    const types = withPrefix(
      () => `unable to parse open API definition from '${path}'`,
      () => readTypes(text, loader),
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

function readTypes(text: string, loader: Loader): JsonObject {
  let json: Json;
  if (text.startsWith('{')) {
    try {
      json = parseJson(text);
    } catch (error) {
      return fail(error instanceof Error ? error.message : 'invalid JSON');
    }
  } else json = yamlToJson(text, loader.build.limits);
  return isObject(json) ? json : {};
}

function propertiesOf(type: Json | undefined): JsonObject {
  const schema = isObject(type) ? (type['Schema'] ?? type['schema']) : undefined;
  const properties = isObject(schema) ? schema['properties'] : undefined;
  return isObject(properties) ? properties : {};
}

function looksLikeKind(properties: JsonObject): boolean {
  return ['kind', 'apiVersion', 'metadata'].every((name) => Object.hasOwn(properties, name));
}

function text(property: JsonObject, name: string): string | undefined {
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
    if (text(property, 'x-kubernetes-annotation') !== undefined) found.commonAnnotations.push(spec);
    if (text(property, 'x-kubernetes-label-selector') !== undefined) found.commonLabels.push(spec);
    if (text(property, 'x-kubernetes-identity') !== undefined) found.namePrefix.push(spec);
    const version = text(property, 'x-kubernetes-object-ref-api-version');
    const target = text(property, 'x-kubernetes-object-ref-kind');
    if (version !== undefined && target !== undefined) {
      const nameKey = text(property, 'x-kubernetes-object-ref-name-key') ?? 'name';
      found.nameReference.push({
        kind: target,
        version,
        fieldSpecs: [{ ...spec, path: [...path, key, nameKey].join('/') }],
      });
    }
    const ref = text(property, '$ref');
    if (ref !== undefined && ref !== '') collect(found, kind, types, ref, [...path, key], new Set([...inside, name]));
  }
}
