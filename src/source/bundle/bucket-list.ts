import { Fault, fromJson, isDigest, isObject, type Json, type Limits, printable, toJson } from '../../model/index.ts';
import type { IndexedObject } from '../bucket/index-file.ts';
import { byBytes } from '../bucket/listing.ts';
import { type Readable, type Span, wholeOf } from './span.ts';

/** What a bundle says of the objects of a bucket, beside the tar that has their content. */
export interface ObjectList {
  readonly bucket: string;
  /** `spec.prefix` under which it was listed; others than these are not in it. */
  readonly prefix: string;
  /** `spec.ignore` by which objects were left out; undefined for none. */
  readonly ignore: string | undefined;
  /** Revision that the tar is a difference to; '' for a whole. */
  readonly base: string;
  /** RFC 3339, when the bucket was listed, by its server's clock; '' when not known. */
  readonly time: string;
  /** The `.sourceignore` in the root of the bucket. */
  readonly rules: IndexedObject | undefined;
  /** All objects of the revision, those that the base has, too. */
  readonly objects: ReadonlyMap<string, IndexedObject>;
}

const FORMAT = 1;
/** An etag stands in a line of its own under the revision's digest. */
const ETAG = /^[\x20-\x7e]{1,1024}$/;

/** The list as JSON; equal lists are equal bytes. */
export function encodeObjectList(list: ObjectList): Uint8Array {
  const row = ({ etag, size, bytes, digest }: IndexedObject): readonly Json[] => [etag, size, bytes, digest.slice(7)];
  const objects = [...list.objects].sort(([a], [b]) => byBytes(a, b)).map(([key, one]): Json => [key, ...row(one)]);
  const { bucket, prefix, base, time } = list;
  const ignore = list.ignore ?? null;
  const rules: Json = list.rules === undefined ? null : [...row(list.rules)];
  return Buffer.from(toJson({ format: FORMAT, bucket, prefix, ignore, base, time, rules, objects }), 'utf8');
}

/** The list of objects in a bundle. Faults as of `decodeObjectList`. */
export async function readObjectList(
  file: Readable,
  listing: Span,
  limits: Pick<Limits, 'bucketListBytes' | 'bucketKeys'>,
): Promise<ObjectList> {
  const bytes = await wholeOf(file, listing, limits.bucketListBytes, 'bucketListBytes');
  return decodeObjectList(bytes.toString('utf8'), limits);
}

/** Reads what `encodeObjectList` wrote. Faults `bundle-unreadable`, `source-bounds` (limits.bucketKeys). */
export function decodeObjectList(text: string, { bucketKeys }: Pick<Limits, 'bucketKeys'>): ObjectList {
  const value = parsed(text);
  if (!isObject(value)) throw wrong('it is no JSON object');
  if (value['format'] !== FORMAT) throw wrong('it is of another version of Holdfast');
  const rows = value['objects'];
  if (!Array.isArray(rows)) throw wrong('it has no objects');
  if (rows.length > bucketKeys)
    throw new Fault('source-bounds', `the bundle lists more than ${bucketKeys} objects (limits.bucketKeys)`);
  const objects = new Map<string, IndexedObject>();
  for (const row of rows) {
    const [key, ...rest] = Array.isArray(row) ? row : [];
    if (typeof key !== 'string' || key === '') throw wrong('an object has no key');
    if (objects.has(key)) throw wrong(`'${shown(key)}' is there twice`);
    objects.set(key, objectOf(rest));
  }
  const { ignore, rules } = value;
  const texts = ['bucket', 'prefix', 'base', 'time'].map((name) => value[name]);
  const [bucket, prefix, base, time] = texts;
  if (typeof bucket !== 'string' || typeof prefix !== 'string' || typeof base !== 'string' || typeof time !== 'string')
    throw wrong('it does not say of which bucket it is');
  if (ignore !== null && typeof ignore !== 'string') throw wrong('its ignore rules are no text');
  return {
    bucket,
    prefix,
    ignore: ignore ?? undefined,
    base,
    time,
    rules: rules === null || rules === undefined ? undefined : objectOf(Array.isArray(rules) ? rules : []),
    objects,
  };
}

function parsed(text: string): Json {
  try {
    return fromJson(text);
  } catch (error) {
    throw new Fault('bundle-unreadable', 'the list of objects is no JSON', { cause: error });
  }
}

function objectOf([etag, size, bytes, hex]: readonly Json[]): IndexedObject {
  const digest = `sha256:${String(hex)}`;
  if (typeof etag !== 'string' || !ETAG.test(etag) || !isCount(size) || !isCount(bytes) || !isDigest(digest))
    throw wrong('an object is without etag, size or digest');
  return { etag, size, bytes, digest };
}

const isCount = (value: Json | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const wrong = (why: string): Fault =>
  new Fault('bundle-unreadable', `the list of objects in the bundle cannot be read: ${why}`);

const shown = (text: string): string => printable(text, 120);
