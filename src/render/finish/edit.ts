import { isObject, type Json, type JsonObject } from '../../model/index.ts';

/** A copy of an object with one key set; the key order of the original stays. */
export function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  // Spread keeps an own `__proto__` key; assignment through a computed key defines it as well.
  return { ...object, [key]: value };
}

/** A copy without some keys; the object itself when it has none of them. */
export function without(object: JsonObject, ...keys: readonly string[]): JsonObject {
  if (!keys.some((key) => Object.hasOwn(object, key))) return object;
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/**
 * A copy in which `change` was applied to every value that the path reaches; `*` stands for all items of a list. What
 * the path does not reach is shared with the original, so callers pay only for what changes.
 */
export function changeAt(value: Json, path: readonly string[], change: (found: Json) => Json): Json {
  const [head, ...rest] = path;
  if (head === undefined) return change(value);
  if (head === '*') {
    if (!Array.isArray(value)) return value;
    const items = (value as readonly Json[]).map((item) => changeAt(item, rest, change));
    return items.some((item, index) => item !== (value as readonly Json[])[index]) ? items : value;
  }
  if (!isObject(value) || !Object.hasOwn(value, head)) return value;
  const before = value[head] as Json;
  const after = changeAt(before, rest, change);
  return after === before ? value : withKey(value, head, after);
}

/** Every value that the path reaches; `*` stands for all items of a list. */
export function valuesAt(value: Json | undefined, path: readonly string[]): Json[] {
  let found: Json[] = value === undefined ? [] : [value];
  for (const part of path) {
    const next: Json[] = [];
    for (const here of found) {
      if (part === '*') {
        if (Array.isArray(here)) next.push(...(here as readonly Json[]));
      } else if (isObject(here) && Object.hasOwn(here, part)) next.push(here[part] as Json);
    }
    found = next;
  }
  return found;
}
