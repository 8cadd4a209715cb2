import { isObject, type Json, type JsonObject } from '../model/index.ts';
import { fail } from './errors.ts';

export const MAX_INT = 9_223_372_036_854_775_807n;
export const MIN_INT = -9_223_372_036_854_775_808n;
export const MAX_UINT = 18_446_744_073_709_551_615n;

/** An unsigned integer; an int is a bigint, a double a number. */
export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A text of bytes. */
export type Bytes = Buffer;

/** UTF-8 bytes of a text, or the bytes themselves. */
export function bytesOf(text: string | Uint8Array): Bytes {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text);
}

/** A point in time, in nanoseconds since 1970, with the offset in minutes that it is written with. */
export class Timestamp {
  readonly nanos: bigint;
  readonly offset: number;
  constructor(nanos: bigint, offset = 0) {
    this.nanos = nanos;
    this.offset = offset;
  }
}

/** A span of time in nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A type as a value: `type(1) == int`. */
export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A value that may be missing. */
export class Optional {
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A list, of values or of JSON that becomes values when it is looked at. */
export class CelList {
  readonly size: number;
  readonly #items: readonly Value[] | undefined;
  readonly #json: readonly Json[];
  constructor(items: readonly Value[] | undefined, json: readonly Json[] = []) {
    this.#items = items;
    this.#json = json;
    this.size = items?.length ?? json.length;
  }
  at(index: number): Value | undefined {
    if (this.#items !== undefined) return this.#items[index];
    return index in this.#json ? fromJson(this.#json[index] ?? null) : undefined;
  }
  *[Symbol.iterator](): Generator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i) ?? null;
  }
}

/** A map, of values or of JSON that becomes values when it is looked at. */
export class CelMap {
  readonly size: number;
  readonly #entries: ReadonlyMap<string, readonly [Value, Value]> | undefined;
  readonly #json: JsonObject;
  constructor(entries: ReadonlyMap<string, readonly [Value, Value]> | undefined, json: JsonObject = {}) {
    this.#entries = entries;
    this.#json = json;
    this.size = entries?.size ?? Object.keys(json).length;
  }
  get(key: Value): Value | undefined {
    if (this.#entries !== undefined) return this.#entries.get(keyOf(key) ?? '')?.[1];
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined;
    return fromJson(this.#json[key] ?? null);
  }
  *keys(): Generator<Value> {
    if (this.#entries === undefined) yield* Object.keys(this.#json);
    else for (const [key] of this.#entries.values()) yield key;
  }
}

/** A CEL value. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Bytes
  | Uint
  | Timestamp
  | Duration
  | TypeValue
  | Optional
  | CelList
  | CelMap;

/** What names a map's key, equal for numbers that are equal; undefined for what can be none. */
export function keyOf(value: Value): string | undefined {
  if (typeof value === 'string') return `s${value}`;
  if (typeof value === 'boolean') return `b${value}`;
  if (typeof value === 'bigint') return `n${value}`;
  if (value instanceof Uint) return `n${value.value}`;
  if (typeof value === 'number') return `n${Number.isInteger(value) ? BigInt(value) : value}`;
  return undefined;
}

/** A list made by an expression. */
export function listOf(items: readonly Value[]): CelList {
  return new CelList(items);
}

/** JSON as a value. As in Go, a number without a fraction that fits is an int, any other a double. */
export function fromJson(value: Json): Value {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'bigint') return value > MAX_INT || value < MIN_INT ? Number(value) : value;
  if (Array.isArray(value)) return new CelList(undefined, value as readonly Json[]);
  return isObject(value) ? new CelMap(undefined, value) : (value as null | boolean | string);
}

/** The name of a value's type, as `type()` shows it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (value === null) return 'null_type';
  if (value instanceof Uint) return 'uint';
  if (value instanceof CelList) return 'list';
  if (value instanceof CelMap) return 'map';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  return value instanceof Optional ? 'optional_type' : 'bytes';
}

/** An int in range, else the error. */
export function int(value: bigint): bigint {
  return value > MAX_INT || value < MIN_INT ? fail('integer overflow') : value;
}

/** A uint in range, else the error. */
export function uint(value: bigint): Uint {
  return value > MAX_UINT || value < 0n ? fail('unsigned integer overflow') : new Uint(value);
}
