import {
  byCodeUnit,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  listAt,
  sha256,
  textAt,
  toJson,
  type VersionedRef,
} from '../../src/model/index.ts';
import { FINALIZER, isForeign } from './kinds.ts';

/** What is remembered of one Flux object of the cluster, besides its spec, which the loop has. */
export interface Tracked {
  readonly ref: VersionedRef;
  uid: string;
  generation: number;
  resourceVersion: string;
  finalizers: readonly string[];
  /** The finalizer is being put on: whether it is there afterwards. */
  claiming: Promise<boolean> | undefined;
  deleting: boolean;
  /** Names what the loop acts upon: equal ones need not be read again. */
  shape: string;
  /** The status on the API server. */
  status: KnownStatus;
  /** Annotations of `event.toolkit.fluxcd.io`, which its events carry, too; absent without any. */
  readonly told?: Readonly<Record<string, string>>;
  /** The status that was written last, and what the API server made of it. */
  wrote: { readonly wanted: string; readonly became: string } | undefined;
}

export interface KnownStatus {
  readonly digest: string;
  readonly keys: readonly string[];
}

/** Takes down what a watch, or an answer, shows of an object. */
export function track(ref: VersionedRef, object: KubeObject, before: Tracked | undefined): Tracked {
  const meta = object.metadata;
  const generation = meta['generation'];
  return {
    ref,
    uid: textAt(meta, 'uid') ?? '',
    generation: typeof generation === 'number' ? generation : 0,
    resourceVersion: textAt(meta, 'resourceVersion') ?? '',
    finalizers: listAt(meta, 'finalizers').filter((one): one is string => typeof one === 'string'),
    claiming: before?.uid === textAt(meta, 'uid') ? before?.claiming : undefined,
    deleting: textAt(meta, 'deletionTimestamp') !== undefined,
    shape: shapeOf(meta, isForeign(ref) ? statusOf(object)['artifact'] : undefined),
    status: statusKnown(statusOf(object)),
    wrote: before?.uid === textAt(meta, 'uid') ? before?.wrote : undefined,
    ...toldOf(meta['annotations']),
  };
}

const TOLD = 'event.toolkit.fluxcd.io/';

function toldOf(annotations: Json | undefined): Pick<Tracked, 'told'> {
  if (annotations === undefined || !isObject(annotations)) return {};
  const told = Object.entries(annotations).filter(
    (entry): entry is [string, string] => entry[0].startsWith(TOLD) && typeof entry[1] === 'string',
  );
  return told.length === 0 ? {} : { told: Object.fromEntries(told) };
}

export const isHeld = (tracked: Tracked): boolean => tracked.finalizers.includes(FINALIZER);

export function statusOf(object: KubeObject): JsonObject {
  const status = object['status'];
  return isObject(status) ? status : {};
}

export function statusKnown(status: JsonObject): KnownStatus {
  return { digest: digestOf(status), keys: Object.keys(status) };
}

/** A short digest that does not depend on the order of keys. */
export function digestOf(value: JsonObject): string {
  return sha256(toJson(sorted(value))).slice(7, 39);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort(byCodeUnit);
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}

/** `made`: what another controller tells of by the status. */
function shapeOf(meta: JsonObject, made: Json | undefined): string {
  const parts: Json = [
    meta['uid'] ?? '',
    meta['generation'] ?? 0,
    meta['deletionTimestamp'] ?? '',
    meta['labels'] ?? {},
    meta['annotations'] ?? {},
    made ?? {},
  ];
  return sha256(toJson(parts)).slice(7, 39);
}
