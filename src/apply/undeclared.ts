import { isObject, type Json, type JsonObject } from '../model/index.ts';
import { parseFieldPath } from './field-path.ts';

/**
 * The fields that a refused server-side apply calls unknown (`.spec.replica: field not declared in schema`). The API
 * server names one at a time. Flux drops such fields from built-in kinds before it applies, and lets custom resources fail.
 */
export function undeclaredFields(message: string): readonly string[] {
  return [...message.matchAll(/(?<=^|\s)(\.(?:\[[^\]\n]*\]|[^\s[])+): field not declared in schema/g)].map(
    (m) => m[1] ?? '',
  );
}

/** The object without a field, in every item where the path leads through a list; undefined when it has no such field. */
export function withoutField(object: JsonObject, path: string): JsonObject | undefined {
  const steps = parseFieldPath(path)?.filter((step) => typeof step === 'string');
  if (steps === undefined || steps.length === 0) return undefined;
  const out = drop(object, steps);
  return out === undefined || !isObject(out) ? undefined : out;
}

/** The value without the field; undefined when nothing was there to drop. */
function drop(value: Json, steps: readonly string[]): Json | undefined {
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => drop(item, steps));
    if (items.every((item) => item === undefined)) return undefined;
    return (value as readonly Json[]).map((item, i) => items[i] ?? item);
  }
  if (!isObject(value)) return undefined;
  // A name may have dots in it, as that of a label that stands one level too high.
  for (let size = 1; size <= steps.length; size++) {
    const found = dropNamed(value, steps.slice(0, size).join('.'), steps.slice(size));
    if (found !== undefined) return found;
  }
  return undefined;
}

function dropNamed(value: JsonObject, name: string, below: readonly string[]): JsonObject | undefined {
  if (!Object.hasOwn(value, name)) return undefined;
  if (below.length === 0) return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
  const child = drop(value[name] ?? null, below);
  return child === undefined ? undefined : { ...value, [name]: child };
}
