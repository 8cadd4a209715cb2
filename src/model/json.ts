/** A JSON value as parsed here: integers outside the safe range are bigint, so nothing is rounded. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A Kubernetes object of any kind. Only what every object has is typed. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [key: string]: Json;
}

export interface ObjectMeta {
  readonly name: string;
  readonly [key: string]: Json;
}

interface RawJson {
  rawJSON(text: string): unknown;
}

/** JSON text of a value; bigint is written digit by digit. */
export function toJson(value: Json): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === 'bigint' ? (JSON as unknown as RawJson).rawJSON(v.toString()) : v,
  );
}

/** Parses JSON text; integers outside the safe range become bigint. */
export function fromJson(text: string): Json {
  if (!/[0-9]{16}/.test(text)) return JSON.parse(text) as Json;
  const revive = (_key: string, v: unknown, context?: { source?: string }): unknown =>
    typeof v === 'number' &&
    !Number.isSafeInteger(v) &&
    context?.source !== undefined &&
    /^-?[0-9]+$/.test(context.source)
      ? BigInt(context.source)
      : v;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown) as Json;
}

/** True for a JSON object: not null, not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Follows keys into nested objects; undefined where one is missing or not an object. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here: Json | undefined = value;
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined;
    here = here[key];
  }
  return here;
}

/** The string at a path, or undefined. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** The list at a path; empty where there is none. */
export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}
