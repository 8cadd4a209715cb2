import { type Digest, isDigest, isObject, type SourceRevision } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';

/** What is remembered of an object that is here. */
export interface IndexedObject {
  readonly etag: string;
  /** Bytes as listed, which are those of the transfer. */
  readonly size: number;
  /** Bytes of the content: more than `size` where it is stored compressed (Content-Encoding). */
  readonly bytes: number;
  readonly digest: Digest;
}

/** What a revision of a bucket remembers for the next fetch; kept as content beside it. */
export interface BucketIndex {
  /** Names the bucket that it is of: another one's etags mean something else. */
  readonly scope: string;
  /** The object `.sourceignore`; undefined when there was none. */
  readonly ignore: IndexedObject | undefined;
  /** Region that the server named; '' when it did not have to. */
  readonly region: string;
  readonly objects: ReadonlyMap<string, IndexedObject>;
}

const FORMAT = 2;

export function encodeIndex(index: BucketIndex): Uint8Array {
  const row = ({ etag, size, bytes, digest }: IndexedObject): readonly unknown[] => [
    etag,
    size,
    bytes,
    digest.slice(7),
  ];
  const objects = [...index.objects].map(([key, object]) => [key, ...row(object)]);
  const ignore = index.ignore === undefined ? null : row(index.ignore);
  return Buffer.from(
    JSON.stringify({ format: FORMAT, scope: index.scope, ignore, region: index.region, objects }),
    'utf8',
  );
}

/** The index of a revision; undefined when it is not here, damaged, of another bucket, or of another version. */
export function readIndex(
  store: ContentReader,
  have: SourceRevision | undefined,
  scope: string,
): BucketIndex | undefined {
  const digest = have?.keep[0];
  if (digest === undefined || !store.has(digest)) return undefined;
  try {
    const index = decodeIndex(Buffer.from(store.get(digest)).toString('utf8'));
    return index?.scope === scope ? index : undefined;
  } catch {
    return undefined;
  }
}

/** Reads what `encodeIndex` wrote; undefined for anything else. */
export function decodeIndex(text: string): BucketIndex | undefined {
  const value = JSON.parse(text) as unknown;
  if (!isObject(value) || value['format'] !== FORMAT || !Array.isArray(value['objects'])) return undefined;
  const objects = new Map<string, IndexedObject>();
  for (const row of value['objects'] as readonly unknown[]) {
    const [key, ...rest] = Array.isArray(row) ? (row as readonly unknown[]) : [];
    const object = objectOf(rest);
    if (typeof key !== 'string' || object === undefined) return undefined;
    objects.set(key, object);
  }
  const { ignore, region, scope } = value;
  if (typeof scope !== 'string') return undefined;
  return { scope, ignore: objectOf(ignore), region: typeof region === 'string' ? region : '', objects };
}

function objectOf(row: unknown): IndexedObject | undefined {
  const [etag, size, bytes, hex] = Array.isArray(row) ? (row as readonly unknown[]) : [];
  const digest = `sha256:${String(hex)}`;
  if (typeof etag !== 'string' || typeof size !== 'number' || typeof bytes !== 'number' || !isDigest(digest))
    return undefined;
  return { etag, size, bytes, digest };
}
