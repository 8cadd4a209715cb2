import { isObject, type Json, type JsonObject } from '../model/index.ts';

/** The names of a JSON pointer (RFC 6901). */
export function pointerSteps(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Place in a list by the name of a pointer; undefined when it is none. */
function placeOf(step: string, size: number): number | undefined {
  return /^(?:0|[1-9][0-9]{0,8})$/.test(step) && Number(step) < size ? Number(step) : undefined;
}

/** The value at a pointer, or undefined. */
export function valueAt(value: Json, steps: readonly string[]): Json | undefined {
  let here: Json | undefined = value;
  for (const step of steps) {
    if (Array.isArray(here)) {
      const list = here as readonly Json[];
      const place = placeOf(step, list.length);
      here = place === undefined ? undefined : list[place];
    } else here = isObject(here) && Object.hasOwn(here, step) ? here[step] : undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

/** The value with what is at a pointer taken out (undefined) or set; maps on the way there are made, items of lists are not. */
export function withValueAt(value: Json, steps: readonly string[], next: Json | undefined): Json {
  const [step, ...below] = steps;
  if (step === undefined) return next ?? value;
  if (Array.isArray(value)) return inList(value as readonly Json[], step, below, next);
  if (!isObject(value)) return value;
  const has = Object.hasOwn(value, step);
  if (below.length > 0) {
    if (!has && next === undefined) return value;
    const child: Json = has ? (value[step] ?? null) : {};
    const changed = withValueAt(child, below, next);
    return changed === child ? value : { ...value, [step]: changed };
  }
  if (next !== undefined) return { ...value, [step]: next };
  return has ? without(value, step) : value;
}

function without(value: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}

function inList(list: readonly Json[], step: string, below: readonly string[], next: Json | undefined): Json {
  const place = placeOf(step, list.length);
  if (place === undefined) return list;
  if (below.length === 0 && next === undefined) return list.filter((_, i) => i !== place);
  const before = list[place] ?? null;
  const after = below.length === 0 ? (next ?? before) : withValueAt(before, below, next);
  return after === before ? list : list.map((item, i) => (i === place ? after : item));
}
