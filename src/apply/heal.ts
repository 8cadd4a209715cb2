import { at, isObject, type Json, type JsonObject, type KubeObject, listAt, textAt, toJson } from '../model/index.ts';
import { type PathStep, parseFieldPath } from './field-path.ts';
import { listKeysIn } from './list-keys.ts';

interface Cause {
  readonly path: readonly PathStep[];
  readonly message: string;
}

/** What one step of the repair knows besides the two values. */
interface Place {
  readonly cause: Cause;
  /** Names of fields that lead here, list places left out. */
  readonly trail: readonly string[];
  readonly keys: ReadonlyMap<string, readonly string[]>;
  /** Second try: also what stands beside a named field that is desired, and in lists around the named one. */
  readonly wide: boolean;
}

/**
 * For drift that server-side apply refuses to undo: the object to PUT so that the same apply succeeds afterwards. In the
 * lists that the refusal names, what is not desired is taken out and what is desired put in; a named field that is not
 * desired goes. All else stays as it lives, also its resourceVersion. `refusal` is the Status of the refused apply.
 * Undefined when the refusal names nothing that could be taken out.
 */
export function healObject(desired: JsonObject, live: KubeObject, refusal: Json): KubeObject | undefined {
  const causes = causesOf(refusal);
  const keys = listKeysIn(live);
  for (const wide of [false, true]) {
    let healed: Json = live;
    for (const cause of causes) healed = mend(desired, healed, 0, { cause, trail: [], keys, wide });
    if (toJson(healed) !== toJson(live)) return withoutManagedFields(healed as KubeObject);
  }
  return undefined;
}

function causesOf(refusal: Json): readonly Cause[] {
  return listAt(refusal, 'details', 'causes').flatMap((cause) => {
    const path = parseFieldPath(textAt(cause, 'field') ?? '');
    return path === undefined || path[0] === 'metadata' ? [] : [{ path, message: textAt(cause, 'message') ?? '' }];
  });
}

/** The API server keeps the entries it has when an update names none. */
function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, name: object.metadata.name } };
}

function mend(desired: Json | undefined, live: Json, depth: number, place: Place): Json {
  const { path } = place.cause;
  if (Array.isArray(live)) return mendList(desired, live as readonly Json[], depth, place);
  if (!isObject(live) || !isObject(desired)) return live;
  if (depth === path.length) return withoutMentioned(desired, live, place.cause.message);
  const key = path[depth];
  if (typeof key !== 'string') return live;
  const last = depth === path.length - 1;
  // Members of a union, such as the sources of a volume, are objects.
  if (last && place.wide && depth >= 2 && isObject(desired[key]))
    return swap(live, desired, (name) => !Object.hasOwn(desired, name) && isObject(live[name]));
  if (!Object.hasOwn(live, key)) return live;
  if (!Object.hasOwn(desired, key)) return last && depth > 0 ? swap(live, desired, (name) => name === key) : live;
  const trail = [...place.trail, key];
  return { ...live, [key]: mend(desired[key], live[key] ?? null, depth + 1, { ...place, trail }) };
}

/** Both of two fields that exclude each other are set: the one that is not desired goes, where the message names it. */
function withoutMentioned(desired: JsonObject, live: JsonObject, message: string): Json {
  const words = new Set(message.split(/[^A-Za-z0-9]+/));
  return swap(live, desired, (name) => !Object.hasOwn(desired, name) && words.has(name));
}

/** Takes fields out and puts in what is desired, so that the place is whole; unchanged where nothing goes. */
function swap(live: JsonObject, desired: JsonObject, gone: (name: string) => boolean): Json {
  const kept = Object.entries(live).filter(([name]) => !gone(name));
  return kept.length === Object.keys(live).length ? live : overlay(Object.fromEntries(kept), desired);
}

/** The desired items in their order, each as it lives where it lives; what is not desired is left out. */
function mendList(desired: Json | undefined, live: readonly Json[], depth: number, place: Place): Json {
  if (!Array.isArray(desired)) return live;
  const wanted = desired as readonly Json[];
  const { path } = place.cause;
  const keys = place.keys.get(place.trail.join('.'));
  const pairs = pairItems(wanted, live, keys);
  const below = typeof path[depth] === 'number' ? depth + 1 : depth;
  const innermost = !path.slice(below).some((step) => typeof step === 'number');
  const complete = live.length === wanted.length && pairs.every((pair) => pair.twin !== undefined && !pair.renamed);
  if (!complete && (innermost || place.wide))
    return pairs.map(({ item, twin }) => (twin === undefined ? item : overlay(twin, item)));
  if (below >= path.length) return live;
  const same = pairs.filter((pair) => pair.twin !== undefined && !pair.renamed);
  const mended = new Map(same.map(({ item, twin }) => [twin, mend(item, twin ?? null, below, place)]));
  return live.map((item) => mended.get(item) ?? item);
}

interface Pair {
  readonly item: Json;
  /** The live item that is the same one; undefined when there is none. */
  readonly twin: Json | undefined;
  /** The twin goes by another key: someone renumbered it. */
  readonly renamed: boolean;
}

function pairItems(
  wanted: readonly Json[],
  live: readonly Json[],
  keys: readonly string[] | undefined,
): readonly Pair[] {
  const free = new Set(live);
  const take = (test: (other: Json) => boolean): Json | undefined => {
    const found = [...free].find(test);
    if (found !== undefined) free.delete(found);
    return found;
  };
  const first = wanted.map((item) => ({ item, twin: take((other) => sameItem(item, other, keys)) }));
  return first.map(({ item, twin }) => {
    if (twin !== undefined) return { item, twin, renamed: false };
    const name = textAt(item, 'name');
    const namesake = name === undefined ? undefined : take((other) => textAt(other, 'name') === name);
    return { item, twin: namesake, renamed: namesake !== undefined };
  });
}

/** Values that the API server fills in for keys of list items. */
const KEY_DEFAULTS: Readonly<Record<string, string>> = { protocol: 'TCP' };

function sameItem(item: Json, other: Json, keys: readonly string[] | undefined): boolean {
  if (!isObject(item) || !isObject(other)) return toJson(item) === toJson(other);
  if (keys === undefined && typeof item['name'] === 'string') return item['name'] === other['name'];
  if (keys === undefined) return isWithin(item, other);
  return keys.every((key) => toJson(keyOf(item, key)) === toJson(keyOf(other, key)));
}

function keyOf(item: JsonObject, key: string): Json {
  return at(item, key) ?? KEY_DEFAULTS[key] ?? null;
}

/** True when everything that the one says is said by the other as well. */
function isWithin(part: Json, whole: Json): boolean {
  if (!isObject(part) || !isObject(whole)) return toJson(part) === toJson(whole);
  return Object.entries(part).every(([key, value]) => Object.hasOwn(whole, key) && isWithin(value, whole[key] ?? null));
}

/** What lives with what is desired put over it. Fields of others beside it (a node port) stay, and so do lists. */
function overlay(live: Json, desired: Json): Json {
  if (!isObject(live) || !isObject(desired)) return desired;
  const out: Record<string, Json> = { ...live };
  for (const [key, value] of Object.entries(desired)) {
    const below = out[key];
    if (!Array.isArray(value) || !Array.isArray(below)) out[key] = below === undefined ? value : overlay(below, value);
  }
  return out;
}
