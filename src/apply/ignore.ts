import {
  at,
  type IgnoredFields,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  listAt,
  textAt,
  toJson,
} from '../model/index.ts';
import { parseLabelSelector } from '../pattern/index.ts';
import { pointerSteps, valueAt, withValueAt } from './pointer.ts';
import { FIELD_MANAGER } from './ports.ts';

/** What is to be done about an object some fields of which are left to others. */
export interface Yielded {
  /** It differs from what an apply would make of it, in more than these fields. */
  readonly drifted: boolean;
  /** What is to be sent: the desired object, with these fields left out or as they live. */
  readonly object: JsonObject;
  /** Pointers of fields that differ. */
  readonly left: readonly string[];
}

/**
 * Decides on a live object, given what a forced apply of the desired one would make of it. As in Flux, a field that another
 * server-side applier owns is left out of what is sent, and one that nobody else applied is sent as it lives.
 */
export function yieldFields(
  desired: JsonObject,
  live: KubeObject,
  merged: KubeObject,
  rules: readonly IgnoredFields[],
): Yielded {
  const pointers = pointersFor(merged, rules);
  let rest: Json = merged;
  let object: Json = desired;
  const left: string[] = [];
  for (const pointer of pointers) {
    const steps = pointerSteps(pointer);
    const lives = valueAt(live, steps);
    if (!same(lives, valueAt(merged, steps))) {
      left.push(pointer);
      object = withValueAt(object, steps, appliedByOther(live, steps) ? undefined : lives);
    }
    rest = lives === undefined ? takenOut(rest, steps, live) : withValueAt(rest, steps, lives);
  }
  return { drifted: differs(live, rest), object: object as JsonObject, left };
}

/** Without the field, and without what held nothing else and is not there in the live object either. */
function takenOut(value: Json, steps: readonly string[], live: Json): Json {
  let out = withValueAt(value, steps, undefined);
  for (let n = steps.length - 1; n > 0; n--) {
    const parent = steps.slice(0, n);
    const holder = valueAt(out, parent);
    const empty = isObject(holder) && Object.keys(holder).length === 0;
    if (!empty || valueAt(live, parent) !== undefined) break;
    out = withValueAt(out, parent, undefined);
  }
  return out;
}

/** The pointers of rules whose selectors fit the object. */
function pointersFor(object: KubeObject, rules: readonly IgnoredFields[]): readonly string[] {
  const fits = (selector: string, where: 'labels' | 'annotations'): boolean =>
    selector === '' || parseLabelSelector(selector).matches(textsAt(object, where));
  const ours = rules.filter(
    (rule) => fits(rule.labelSelector, 'labels') && fits(rule.annotationSelector, 'annotations'),
  );
  return [...new Set(ours.flatMap((rule) => rule.paths))];
}

function textsAt(object: KubeObject, where: 'labels' | 'annotations'): ReadonlyMap<string, string> {
  const map = at(object, 'metadata', where);
  const entries = isObject(map) ? Object.entries(map) : [];
  return new Map(entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])));
}

/** Equal whatever the order of keys. */
function same(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    const [x, y] = [a as readonly Json[], b as readonly Json[]];
    return x.length === y.length && x.every((item, i) => same(item, y[i]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
  }
  return a === b;
}

/** Labels, annotations, and all but metadata and status: what Flux compares. */
function differs(a: Json, b: Json): boolean {
  const none: JsonObject = {};
  for (const where of ['labels', 'annotations'])
    if (!same(at(a, 'metadata', where) ?? none, at(b, 'metadata', where) ?? none)) return true;
  const rest = (value: Json): Json =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'metadata' && key !== 'status'))
      : value;
  return !same(rest(a), rest(b));
}

/** Whether another manager than ours has applied this field (server-side). */
function appliedByOther(live: KubeObject, steps: readonly string[]): boolean {
  return listAt(live.metadata, 'managedFields').some(
    (entry) =>
      textAt(entry, 'operation') === 'Apply' &&
      textAt(entry, 'manager') !== FIELD_MANAGER &&
      (textAt(entry, 'subresource') ?? '') === '' &&
      covers(at(entry, 'fieldsV1'), live, steps),
  );
}

/** Whether a FieldsV1 set has the field: names are `f:NAME`, items of lists `k:{KEYS}`. */
function covers(fields: Json | undefined, value: Json, steps: readonly string[]): boolean {
  let [here, there]: [Json | undefined, Json | undefined] = [fields, value];
  for (const step of steps) {
    const below: Json | undefined = there === undefined ? undefined : valueAt(there, [step]);
    here = Array.isArray(there) ? itemFields(here, below) : at(here, `f:${step}`);
    if (here === undefined) return false;
    there = below;
  }
  return true;
}

/** The fields of a list's item, found by its keys. */
function itemFields(fields: Json | undefined, item: Json | undefined): Json | undefined {
  if (!isObject(fields) || !isObject(item)) return undefined;
  for (const [key, below] of Object.entries(fields)) {
    const keys = key.startsWith('k:') ? keysOf(key.slice(2)) : undefined;
    if (
      keys !== undefined &&
      Object.entries(keys).every(([name, value]) => toJson(item[name] ?? null) === toJson(value))
    )
      return below;
  }
  return undefined;
}

function keysOf(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
