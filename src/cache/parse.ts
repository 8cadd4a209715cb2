import { type Digest, isDigest, isObject, type Json, type JsonObject } from '../model/index.ts';

/** A string field, or undefined. */
export function stringOf(data: JsonObject, key: string): string | undefined {
  const value = data[key];
  return typeof value === 'string' ? value : undefined;
}

/** A number field, or undefined. */
export function numberOf(data: JsonObject, key: string): number | undefined {
  const value = data[key];
  return typeof value === 'number' ? value : undefined;
}

/** A digest field, or undefined. */
export function digestOf(data: JsonObject, key: string): Digest | undefined {
  const value = data[key];
  return isDigest(value) ? value : undefined;
}

/** A field that is a list whose elements all parse, or undefined. */
export function listOf<T>(
  data: JsonObject,
  key: string,
  parse: (item: Json) => T | undefined,
): readonly T[] | undefined {
  const value = data[key];
  if (!Array.isArray(value)) return undefined;
  const out: T[] = [];
  for (const item of value as readonly Json[]) {
    const parsed = parse(item);
    if (parsed === undefined) return undefined;
    out.push(parsed);
  }
  return out;
}

/** An object whose values are all strings, or undefined. */
export function stringMapOf(data: JsonObject, key: string): Readonly<Record<string, string>> | undefined {
  const value = data[key];
  if (!isObject(value)) return undefined;
  const entries: [string, string][] = [];
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return undefined;
    entries.push([name, text]);
  }
  return Object.fromEntries(entries);
}
