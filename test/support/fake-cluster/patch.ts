import { Fault, isObject, type Json, type JsonObject, textAt } from '../../../src/model/index.ts';
import { sameJson } from './fields.ts';

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: Record<string, Json> = { ...(isObject(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = mergePatch(out[key], value);
  }
  return out;
}

/** RFC 6902, without `move` and `copy`. A failed test, or a path that does not exist, is `apply-conflict`. */
export function jsonPatch(target: JsonObject, steps: readonly Json[]): JsonObject {
  let out: Json = target;
  for (const step of steps) {
    const path = (textAt(step, 'path') ?? '').split('/').slice(1).map(unescaped);
    out = at(out, path, textAt(step, 'op') ?? '', isObject(step) ? step['value'] : undefined);
  }
  return out as JsonObject;
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function refuse(): never {
  throw new Fault('apply-conflict', 'the server rejected our request due to an error in our request');
}

function at(target: Json, path: readonly string[], op: string, value: Json | undefined): Json {
  const [key, ...below] = path;
  if (key === undefined) return refuse();
  if (Array.isArray(target)) return atList(target as readonly Json[], path, op, value);
  if (!isObject(target)) return refuse();
  const has = Object.hasOwn(target, key);
  if (below.length > 0) return has ? { ...target, [key]: at(target[key] ?? null, below, op, value) } : refuse();
  if (op === 'test') return has && sameJson(target[key], value) ? target : refuse();
  if (op === 'add' || (op === 'replace' && has)) return { ...target, [key]: value ?? null };
  if (op === 'remove' && has) return Object.fromEntries(Object.entries(target).filter(([name]) => name !== key));
  return refuse();
}

function atList(target: readonly Json[], path: readonly string[], op: string, value: Json | undefined): Json {
  const [key = '', ...below] = path;
  if (key === '-' && op === 'add') return [...target, value ?? null];
  const index = Number(key);
  const found = target[index];
  if (below.length === 0 && op === 'add') return target.toSpliced(index, 0, value ?? null);
  if (found === undefined) return refuse();
  if (below.length > 0) return target.with(index, at(found, below, op, value));
  if (op === 'test') return sameJson(found, value) ? target : refuse();
  if (op === 'remove') return target.toSpliced(index, 1);
  return op === 'replace' ? target.with(index, value ?? null) : refuse();
}
