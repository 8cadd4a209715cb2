import { isObject, type Json } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { formatFloat32, normalFloat } from '../yaml/numbers.ts';

/** The shape of a value, as Go's struct types give it. */
export type Shape =
  | { readonly is: 'string' | 'bool' | 'int' | 'any' }
  | { readonly is: 'map' | 'list'; readonly of: Shape; readonly pointers?: boolean }
  | {
      readonly is: 'struct';
      readonly name: string;
      readonly fields: Readonly<Record<string, Shape>>;
      /** Fields of Go structs that are embedded: there numbers and booleans never become text. */
      readonly embedded?: ReadonlySet<string>;
    };

export const STRING: Shape = { is: 'string' };
export const BOOL: Shape = { is: 'bool' };
export const INT: Shape = { is: 'int' };
export const ANY: Shape = { is: 'any' };
export const STRING_MAP: Shape = { is: 'map', of: STRING };
export const STRINGS: Shape = { is: 'list', of: STRING };

export function listOf(of: Shape): Shape {
  return { is: 'list', of };
}

/** A list whose items may be null, where Go has pointers that it never looks behind. */
export function nullableListOf(of: Shape): Shape {
  return { is: 'list', of, pointers: true };
}

export function struct(
  name: string,
  fields: Readonly<Record<string, Shape>>,
  embedded: readonly string[] = [],
): Shape & { readonly is: 'struct' } {
  return { is: 'struct', name, fields, embedded: new Set(embedded) };
}

/** How strictly a value is read. */
export interface DecodeMode {
  /** An unknown field is an error. */
  readonly strict: boolean;
  /** Numbers and booleans become text where text is wanted (sigs.k8s.io/yaml with a target). */
  readonly coerce: boolean;
  /** As go-yaml v3 reads into a struct: names match in their own case alone, and words of YAML 1.1 are booleans. */
  readonly exact?: boolean;
}

/** Half of a pair, which no YAML text can hold: what follows it is a float that is whole. */
const FLOAT = '\ud800';

/** Marks a float that is whole, for where text is wanted: Go writes its exponent there. For the reader of YAML. */
export function wholeFloat(value: number): string {
  return FLOAT + (Object.is(value, -0) ? '-0' : String(value));
}

/** A value without such marks. */
function unmarked(value: Json): Json {
  if (typeof value === 'string') return value.startsWith(FLOAT) ? normalFloat(Number(value.slice(1))) : value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(unmarked);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unmarked(v)])) : value;
}

interface Walk {
  mode: DecodeMode;
  /** The first thing that did not fit: Go reports that one. */
  error: string;
}

/**
 * Reads a value as encoding/json reads it into a struct: keys match in any case, null leaves a field out, the first field
 * (in the order of keys) that does not fit is the error.
 */
export function decodeStruct(value: Json, shape: Shape, mode: DecodeMode): unknown {
  const walk: Walk = { mode, error: '' };
  const out = decode(walk, value, shape, '');
  if (walk.error !== '') fail(walk.error);
  return out ?? {};
}

const GO_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'bool',
  int: 'int64',
  map: 'map[string]string',
  list: '[]string',
};

function goKind(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (isObject(value)) return 'object';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'number';
}

function mismatch(walk: Walk, value: Json, shape: Shape, where: string): undefined {
  const type = shape.is === 'struct' ? `types.${shape.name}` : (GO_TYPES[shape.is] ?? shape.is);
  const field = where === '' ? 'Go value' : `Go struct field ${where}`;
  if (walk.error === '') walk.error = `json: cannot unmarshal ${goKind(value)} into ${field} of type ${type}`;
  return undefined;
}

function decode(walk: Walk, given: Json, shape: Shape, where: string): unknown {
  if (given === null) return undefined;
  const isFloat = typeof given === 'string' && given.startsWith(FLOAT);
  if (isFloat && shape.is === 'string' && walk.mode.coerce) return formatFloat32(Number(given.slice(1)));
  const value = isFloat ? unmarked(given) : given;
  switch (shape.is) {
    case 'any':
      return unmarked(value);
    case 'string':
      return textFrom(walk, value, shape, where);
    case 'bool':
      return boolFrom(walk, value) ?? mismatch(walk, value, shape, where);
    case 'int':
      return isInt64(value) ? value : mismatch(walk, value, shape, where);
    case 'list':
      if (!Array.isArray(value)) return mismatch(walk, value, shape, where);
      return (value as readonly Json[]).map(
        (item) => decode(walk, item, shape.of, where) ?? (shape.pointers === true ? null : zero(shape.of)),
      );
    case 'map':
      return mapFrom(walk, value, shape, where);
    case 'struct':
      return isObject(value) ? fieldsFrom(walk, value, shape, where) : mismatch(walk, value, shape, where);
  }
}

function isInt64(value: Json): boolean {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value;
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}

const WORDS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(
    ['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'].map((w) => [w, true]),
  ),
  ...Object.fromEntries(
    ['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'].map((w) => [w, false]),
  ),
};

function boolFrom(walk: Walk, value: Json): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return walk.mode.exact === true && typeof value === 'string' && Object.hasOwn(WORDS, value)
    ? WORDS[value]
    : undefined;
}

function textFrom(walk: Walk, value: Json, shape: Shape, where: string): string | undefined {
  if (typeof value === 'string') return value;
  if (!walk.mode.coerce || typeof value === 'object') return mismatch(walk, value, shape, where);
  if (typeof value === 'number' && !Number.isInteger(value)) return formatFloat32(value);
  return String(value);
}

function mapFrom(walk: Walk, value: Json, shape: Shape & { is: 'map' | 'list' }, where: string): unknown {
  if (!isObject(value)) return mismatch(walk, value, shape, where);
  const out = new Map<string, unknown>();
  for (const key of Object.keys(value).sort())
    out.set(key, decode(walk, value[key] as Json, shape.of, where) ?? zero(shape.of));
  return out;
}

function zero(shape: Shape): unknown {
  if (shape.is === 'string') return '';
  if (shape.is === 'bool') return false;
  return shape.is === 'int' ? 0 : {};
}

function fieldsFrom(
  walk: Walk,
  value: { readonly [key: string]: Json },
  shape: Shape & { is: 'struct' },
  where: string,
): unknown {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const name = fieldName(shape, key, walk.mode.exact === true);
    const field = name === undefined ? undefined : shape.fields[name];
    if (name === undefined || field === undefined) {
      if (walk.mode.strict && walk.error === '') walk.error = `json: unknown field ${JSON.stringify(key)}`;
      continue;
    }
    const path = `${where === '' ? shape.name : where}.${name}`;
    const { mode } = walk;
    if (shape.embedded?.has(name) === true) walk.mode = { ...mode, coerce: false };
    const found = decode(walk, value[key] as Json, field, path);
    walk.mode = mode;
    if (found !== undefined) out[name] = found;
  }
  return out;
}

function fieldName(shape: Shape & { is: 'struct' }, key: string, exact: boolean): string | undefined {
  if (Object.hasOwn(shape.fields, key)) return key;
  if (exact) return undefined;
  const lower = key.toLowerCase();
  return Object.keys(shape.fields).find((name) => name.toLowerCase() === lower);
}
