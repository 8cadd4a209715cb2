import {
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  FAILSAFE_SCHEMA,
  mergeTag,
  NOT_RESOLVED,
  nullCoreTag,
  type Schema,
} from 'js-yaml';
import { boolOf, dateOf, floatOf, intOf, isNotFinite, type YamlRules } from './scalars.ts';

type Mapping = Record<string, unknown>;

const never = (): boolean => false;
const NUMERIC = [...'-+0123456789'];

/** Marks a scalar that JSON cannot hold, until the value is checked. */
export const UNWRITABLE = Symbol('not a JSON value');

function scalar(
  name: string,
  first: readonly string[],
  read: (text: string) => unknown,
): ReturnType<typeof defineScalarTag> {
  return defineScalarTag(`tag:yaml.org,2002:${name}`, {
    implicit: first.length > 0,
    implicitFirstChars: first,
    resolve: (text) => {
      const value = read(text);
      return value === undefined ? NOT_RESOLVED : value;
    },
    identify: never,
  });
}

function keyText(key: unknown, rules: YamlRules): string | undefined {
  if (typeof key === 'string') return key;
  if (rules === 'kustomize') return undefined;
  return typeof key === 'boolean' || typeof key === 'number' || typeof key === 'bigint' ? String(key) : undefined;
}

function put(into: Mapping, key: string, value: unknown): void {
  // A plain assignment to __proto__ would change the prototype instead of adding a key.
  if (key === '__proto__') {
    Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  } else into[key] = value;
}

function mappingOptions(rules: YamlRules): Parameters<typeof defineMappingTag<Mapping>>[1] {
  return {
    create: () => ({}),
    addPair: (into, key, value) => {
      const text = keyText(key, rules);
      if (text === undefined) {
        return key !== null && typeof key === 'object'
          ? 'a list or map cannot be a key'
          : `the key ${String(key)} is not text: put it in quotes`;
      }
      put(into, text, value);
      return '';
    },
    has: (into, key) => (key === null || typeof key !== 'object') && Object.hasOwn(into, String(key)),
    keys: (from) => Object.keys(from),
    get: (from, key) => (Object.hasOwn(from, String(key)) ? from[String(key)] : null),
    identify: never,
  };
}

function makeSchema(rules: YamlRules): Schema {
  const words = rules === 'kubernetes' ? [...'yYnNtTfFoO'] : [...'tTfF'];
  const list = {
    create: (): unknown[] => [],
    addItem: (into: unknown[], item: unknown): void => {
      into.push(item);
    },
    identify: never,
  };
  const anyText = { matchByTagPrefix: true, resolve: (text: string): unknown => text, identify: never };
  return FAILSAFE_SCHEMA.withTags(
    nullCoreTag,
    scalar('bool', words, (text) => boolOf(text, rules)),
    // Dates come before numbers: both begin with a digit.
    scalar('timestamp', rules === 'kustomize' ? [...'0123456789'] : [], (text) =>
      rules === 'kustomize' ? dateOf(text) : text,
    ),
    scalar('int', NUMERIC, intOf),
    scalar('float', ['.', ...NUMERIC], (text) => (isNotFinite(text) ? UNWRITABLE : floatOf(text))),
    scalar('binary', [], (text) => Buffer.from(text, 'base64').toString('utf8')),
    mergeTag,
    defineMappingTag<Mapping>('tag:yaml.org,2002:map', mappingOptions(rules)),
    defineMappingTag<Mapping>('', { ...mappingOptions(rules), matchByTagPrefix: true }),
    defineSequenceTag<unknown[]>('', { ...list, matchByTagPrefix: true }),
    defineScalarTag('', anyText),
  );
}

/** The js-yaml schemas that read plain scalars by these rules; unknown tags are ignored as Go's libraries ignore them. */
export const SCHEMAS: { readonly [rules in YamlRules]: Schema } = {
  kubernetes: makeSchema('kubernetes'),
  kustomize: makeSchema('kustomize'),
};
