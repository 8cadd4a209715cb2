import { type Json, fromJson as parseJson } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import type { ParseBounds } from '../yaml/parse.ts';
import { builtinDefinition, builtinSchema, builtinScope, type Schema } from './builtin.ts';
import { type CustomSchema, customSchema } from './custom.ts';
import { duplicateName } from './duplicates.ts';

/**
 * The OpenAPI schema of one build. kustomize keeps it in globals: the root's `openapi` wins, a base's counts only while
 * none was set, a custom document takes the place of the built-in kinds, unless those were asked for before (and Flux
 * always loads them first, so that there it adds to them).
 */
export interface SchemaState {
  /** Sets the schema from an `openapi` field; `document` is what its path names. */
  set(field: Readonly<Record<string, string>>, document: string | undefined, root: boolean): void;
  schemaFor(apiVersion: string, kind: string): Schema | undefined;
  isClusterScoped(apiVersion: string, kind: string): boolean;
}

const BUILT_IN = 'v1.21.2';

/** A schema state; `preload` as Flux does. */
export function makeSchemaState(preload: boolean, bounds: ParseBounds): SchemaState {
  const custom: CustomSchema[] = [];
  let pending: string | undefined;
  let isSet = false;
  let builtin = preload;
  let needsInit = !preload;
  let asked = false;

  const init = (): void => {
    if (!needsInit) return;
    needsInit = false;
    if (pending !== undefined) {
      custom.push(
        customSchema(readDocument(pending, bounds), (name) => (builtin ? builtinDefinition(name) : undefined)),
      );
      if (asked) builtin = true;
    } else builtin = true;
  };
  const scopeOf = (apiVersion: string, kind: string): boolean | undefined => {
    const known = builtinScope(apiVersion, kind);
    if (known !== undefined) return known;
    if (needsInit && pending === undefined) {
      asked = true;
      return undefined;
    }
    init();
    for (const schema of custom) {
      const scope = schema.scopeOf(apiVersion, kind);
      if (scope !== undefined) return scope;
    }
    return undefined;
  };
  return {
    set(field, document, root) {
      if (isSet && !root) return;
      const version = field['version'];
      if (document !== undefined) {
        if (version !== undefined) fail('builtin version and custom schema provided, cannot use both');
        pending = document;
        isSet = true;
        needsInit = true;
        return;
      }
      isSet = version !== undefined && version !== '';
      if (!isSet) return;
      if (version !== BUILT_IN) fail('the specified OpenAPI version is not built in');
      pending = undefined;
      needsInit = true;
    },
    schemaFor(apiVersion, kind) {
      init();
      for (const schema of custom) {
        const found = schema.schemaFor(apiVersion, kind);
        if (found !== undefined) return found;
      }
      return builtin ? builtinSchema(apiVersion, kind) : undefined;
    },
    isClusterScoped: (apiVersion, kind) => scopeOf(apiVersion, kind) === false,
  };
}

function readDocument(text: string, bounds: ParseBounds): Json {
  if (text === '') fail('invalid schema file: it is empty');
  if (!text.startsWith('{')) return yamlToJson(text, bounds);
  let json: Json;
  try {
    json = parseJson(text);
  } catch (error) {
    return fail(`invalid schema file: ${error instanceof Error ? error.message : String(error)}`);
  }
  const twice = duplicateName(text);
  return twice === undefined ? json : fail(`invalid schema file: duplicate name "${twice}" in an object`);
}
