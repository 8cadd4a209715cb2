import { constants, zstdCompressSync } from 'node:zlib';
import { byCodeUnit, type Digest, Fault, type Limits, type SourceRevision } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { BLOCK, headerOf, padding } from '../artifact/header.ts';
import { IGNORE_KEY } from '../bucket/ignore.ts';
import { type IndexedObject, readIndex } from '../bucket/index-file.ts';
import { scopeOf } from '../bucket/shelf.ts';
import { cleanKey } from '../flat-tree.ts';
import { filesBelow } from './bucket-base.ts';
import { encodeObjectList, type ObjectList } from './bucket-list.ts';
import type { BucketContentRequest } from './bucket-take.ts';
import type { LayerToWrite } from './entries.ts';
import { MEDIA } from './media.ts';

/** How the tar of the objects is written. */
export type Compression = 'none' | 'zstd';

/** The layers of a bucket's content in a bundle. */
export interface BucketBundle extends LayerToWrite {
  readonly listing: LayerToWrite;
}

/**
 * What a bundle of a Bucket's revision holds: the list of all its objects, and a tar with the content of those that the
 * base does not have. Faults `cache-damaged`, and `unsupported` for a revision that was itself taken from a file and for an
 * empty bucket.
 */
export function bucketBundle(
  store: ContentReader,
  request: Omit<BucketContentRequest, 'have'>,
  {
    tip,
    base,
    compression,
    limits,
  }: {
    readonly tip: SourceRevision;
    readonly base: SourceRevision | undefined;
    readonly compression: Compression;
    readonly limits: Pick<Limits, 'pathBytes' | 'treeDepth'>;
  },
): BucketBundle {
  const index = readIndex(store, tip, scopeOf(request));
  if (index === undefined)
    throw new Fault(
      'unsupported',
      `${tip.revision} of bucket '${request.bucket}' was taken from a file, or from another place: fetch it from its server first`,
    );
  if (index.objects.size === 0) throw new Fault('unsupported', `bucket '${request.bucket}' has no objects to pack`);
  const list: ObjectList = {
    bucket: request.bucket,
    prefix: request.prefix,
    ignore: request.ignore,
    base: base?.revision ?? '',
    time: tip.metadata['time'] ?? '',
    rules: index.ignore,
    objects: index.objects,
  };
  const known = new Set<Digest>();
  if (base !== undefined) for (const { digest } of filesBelow(store, base.root)) known.add(digest);
  const files = filesOf(list, known, limits);
  const open = (): Iterable<Uint8Array> => tarOf(store, files);
  return {
    listing: { mediaType: MEDIA.objects, open: () => [encodeObjectList(list)] },
    ...(compression === 'zstd'
      ? { mediaType: MEDIA.tarZstd, open: () => zstdOf(open()) }
      : { mediaType: MEDIA.tar, open }),
  };
}

interface File {
  readonly path: string;
  readonly digest: Digest;
}

/** The files that go into the tar, by their paths; of equal ones each, so that the tar is all there is for who reads it by hand. */
function filesOf(
  { objects, rules }: ObjectList,
  known: ReadonlySet<Digest>,
  limits: Pick<Limits, 'pathBytes' | 'treeDepth'>,
): readonly File[] {
  const all = [...objects].map(([key, object]): readonly [string, IndexedObject] => [cleanKey(key, limits), object]);
  if (rules !== undefined) all.push([IGNORE_KEY, rules]);
  return all
    .filter(([, { digest }]) => !known.has(digest))
    .map(([path, { digest }]) => ({ path, digest }))
    .sort((a, b) => byCodeUnit(a.path, b.path));
}

function* tarOf(store: Pick<ContentReader, 'get'>, files: readonly File[]): Generator<Uint8Array> {
  for (const { path, digest } of files) {
    const bytes = store.get(digest);
    yield headerOf({ path, mode: 'file', size: bytes.length });
    yield bytes;
    yield padding(bytes.length);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Bytes that are compressed at once; each piece is a frame of its own, and frames after each other are one stream. */
const FRAME_BYTES = 4 * 1024 * 1024;
const LEVEL = 12;

/** Compresses parts to zstd, with sums. Equal bytes give equal streams with one version of zstd. */
function* zstdOf(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let open: Uint8Array[] = [];
  let size = 0;
  const frame = (): Uint8Array => {
    const params = { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 };
    const bytes = zstdCompressSync(Buffer.concat(open), { params });
    open = [];
    size = 0;
    return bytes;
  };
  for (const part of parts)
    for (let at = 0; at < part.length; ) {
      const taken = part.subarray(at, at + FRAME_BYTES - size);
      open.push(taken);
      size += taken.length;
      at += taken.length;
      if (size === FRAME_BYTES) yield frame();
    }
  if (size > 0) yield frame();
}
