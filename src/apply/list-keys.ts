import { isObject, type Json, type JsonObject, listAt } from '../model/index.ts';

/** Nesting of fields that is followed. */
const DEEPEST = 64;

/**
 * Which fields tell the items of an object's lists apart, by the names of fields that lead to the list, joined by dots
 * (`spec.ports` -> port, protocol). Read from managedFields, whose keys name them: no schema is needed.
 */
export function listKeysIn(object: { readonly metadata: JsonObject }): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, readonly string[]>();
  for (const entry of listAt(object.metadata, 'managedFields'))
    if (isObject(entry)) collect(entry['fieldsV1'], [], out);
  return out;
}

function collect(fields: Json | undefined, trail: readonly string[], out: Map<string, readonly string[]>): void {
  if (!isObject(fields) || trail.length > DEEPEST) return;
  for (const [key, below] of Object.entries(fields)) {
    if (key.startsWith('f:')) collect(below, [...trail, key.slice(2)], out);
    else if (key.startsWith('k:')) {
      const names = keyNames(key.slice(2));
      if (names !== undefined) out.set(trail.join('.'), names);
      collect(below, trail, out);
    }
  }
}

function keyNames(text: string): readonly string[] | undefined {
  try {
    const key: unknown = JSON.parse(text);
    return isObject(key) ? Object.keys(key) : undefined;
  } catch {
    return undefined;
  }
}
