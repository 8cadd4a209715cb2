import {
  type Digest,
  Fault,
  type FetchOutcome,
  type Limits,
  NO_TRAFFIC,
  printable,
  type SourceRevision,
} from '../../model/index.ts';
import type { ContentStore, ContentWriter } from '../../ports/index.ts';
import type { Listed } from '../bucket/api.ts';
import { IGNORE_KEY, visibleObjects } from '../bucket/ignore.ts';
import type { IndexedObject } from '../bucket/index-file.ts';
import { revisionOf } from '../bucket/listing.ts';
import type { BucketRequest } from '../bucket/request.ts';
import { objectAlias, scopeOf } from '../bucket/shelf.ts';
import { cleanKey, flatTree } from '../flat-tree.ts';
import { readArchive } from './archive.ts';
import { baseContents, sameFiles } from './bucket-base.ts';
import { type ObjectList, readObjectList } from './bucket-list.ts';
import { checkSuccession } from './order.ts';
import type { Readable, Span } from './span.ts';

/** What of a Bucket decides what its content is. */
export type BucketContentRequest = Pick<
  BucketRequest,
  'provider' | 'endpoint' | 'bucket' | 'prefix' | 'tenant' | 'ignore' | 'have'
>;

/** A tar of the objects of a bucket in a file, and what is known of the source it is for. */
export interface BroughtBucket {
  readonly file: Readable;
  readonly span: Span;
  /** The list of the objects, of a bundle of ours; undefined where there is nothing but the tar. */
  readonly listing: Span | undefined;
  /** As of `BroughtGit`. */
  readonly known: SourceRevision | undefined;
  readonly previous: readonly SourceRevision[];
}

export interface TakeOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a Bucket's content from a tar: all of its objects, or of a bundle of ours those that its base does not have. Keys,
 * ignore rules, prefix and bounds are those of a fetch, and it is durable on return like one. The revision is what the
 * objects' etags give; in a plain tar the MD5 of a file stands for its etag. An etag that is not the MD5 of its content
 * proves nothing, so such an object is fetched again when the server is there. Faults: `bundle-older`, `bundle-damaged`,
 * `bundle-unreadable`, `bundle-base-missing`, `source-refused`, `source-bounds`.
 */
export async function takeBucket(
  { store }: { readonly store: ContentStore },
  request: BucketContentRequest,
  options: TakeOptions,
  brought: BroughtBucket,
): Promise<FetchOutcome> {
  const writer = await store.writer();
  try {
    const work: Work = { store, writer, request, options, brought };
    const gathered = await (brought.listing === undefined ? fromArchive(work) : fromBundle(work, brought.listing));
    const found = await contentOf(work, gathered);
    const { known, previous } = brought;
    // The same files under another name of the revision are nothing new.
    const same = known !== undefined && sameFiles(writer, known.root, found.root);
    if (same && request.have !== undefined) {
      await writer.discard();
      return { kind: 'unchanged', revision: known.revision, count: NO_TRAFFIC };
    }
    if (!same) await checkSuccession(found, { have: known, previous }, {});
    await writer.commit();
    const content = same ? { ...found, revision: known.revision } : found;
    return { kind: 'fetched', content, count: NO_TRAFFIC };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

interface Work {
  readonly store: ContentStore;
  readonly writer: ContentWriter;
  readonly request: BucketContentRequest;
  readonly options: TakeOptions;
  readonly brought: BroughtBucket;
}

interface Gathered {
  /** By key, each with its content in the writer or the store. */
  readonly objects: ReadonlyMap<string, IndexedObject>;
  readonly rules: IndexedObject | undefined;
  /** RFC 3339; '' when not known. */
  readonly time: string;
}

/** Every file of a plain tar is an object. */
async function fromArchive(work: Work): Promise<Gathered> {
  const objects = new Map<string, IndexedObject>();
  const { newest } = await readAll(work, (key, found) => void objects.set(key, found));
  const rules = objects.get(IGNORE_KEY);
  return { objects, rules, time: newest > 0 ? rfc3339(newest) : '' };
}

/** A time that no calendar has says nothing. */
const rfc3339 = (seconds: number): string =>
  seconds < 253_402_300_800 ? new Date(seconds * 1000).toISOString().replace('.000', '') : '';

async function fromBundle(work: Work, listing: Span): Promise<Gathered> {
  const { brought, options, request } = work;
  const { limits } = options;
  const list = await readObjectList(brought.file, listing, limits);
  checkPlace(list, request);
  const wanted = new Map<string, IndexedObject>();
  for (const [key, object] of list.objects) wanted.set(cleanKey(key, limits), object);
  if (list.rules !== undefined) wanted.set(IGNORE_KEY, list.rules);
  const base = list.base === '' ? undefined : baseContents(work.store, list.base, brought, request.have !== undefined);
  const here = new Map<Digest, number>();
  await readAll(work, (path, { digest, bytes: size }) => {
    const object = wanted.get(path);
    if (object?.digest !== digest || object.bytes !== size)
      throw new Fault('bundle-damaged', `'${printable(path)}' is not what the list of objects says`);
    here.set(digest, size);
  });
  for (const [path, { digest, bytes }] of wanted) {
    const size = here.get(digest) ?? base?.get(digest);
    if (size === bytes) continue;
    if (size !== undefined)
      throw new Fault(
        'bundle-damaged',
        `'${printable(path)}' has ${size} bytes, and ${bytes} stand in the list of objects`,
      );
    throw list.base === ''
      ? new Fault('bundle-damaged', `'${printable(path)}' is not in the bundle`)
      : new Fault(
          'bundle-base-missing',
          `'${printable(path)}' is neither in the bundle nor in ${list.base}, which is here`,
        );
  }
  return { objects: list.objects, rules: list.rules, time: list.time };
}

/** What was left out of the bundle must be what is left out here: else it would count as deleted. */
function checkPlace(list: ObjectList, { bucket, prefix, ignore }: BucketContentRequest): void {
  const wrong = (what: string, theirs: string | undefined, ours: string | undefined): Fault =>
    new Fault(
      'bundle-unreadable',
      `it was packed with spec.${what} ${told(theirs)}, and the Bucket here has ${told(ours)}: pack it with the same`,
    );
  if (list.bucket !== bucket) throw wrong('bucketName', list.bucket, bucket);
  if (list.prefix !== prefix) throw wrong('prefix', list.prefix, prefix);
  if ((list.ignore ?? '') !== (ignore ?? '')) throw wrong('ignore', list.ignore, ignore);
}

const told = (text: string | undefined): string => (text === undefined ? '(none)' : `'${printable(text)}'`);

/** Reads the tar into the writer; answers the newest time in it, seconds. */
async function readAll(
  { writer, request, options, brought }: Work,
  each: (path: string, object: IndexedObject) => void,
): Promise<{ readonly newest: number }> {
  const scope = scopeOf(request);
  return readArchive(
    brought.file,
    brought.span,
    {
      file: ({ path, bytes, md5 }) => {
        const facts = { etag: md5, size: bytes.length };
        // Where the server's etag is the same MD5 it need not be fetched again.
        const digest = writer.put(bytes, objectAlias(scope, { key: path, ...facts }));
        each(path, { ...facts, bytes: bytes.length, digest });
      },
      drain: () => writer.drain(),
    },
    options,
  );
}

async function contentOf({ writer, request, options }: Work, found: Gathered): Promise<SourceRevision> {
  const { limits } = options;
  const { objects, rules, time } = found;
  if (rules !== undefined && rules.bytes > limits.ignoreBytes)
    throw new Fault('source-bounds', `'${IGNORE_KEY}' is larger than ${limits.ignoreBytes} bytes (limits.ignoreBytes)`);
  const listed = new Map<string, Listed>();
  for (const [key, { etag, size }] of objects) if (isUnder(request, key)) listed.set(key, { key, etag, size });
  const text = rules === undefined ? '' : Buffer.from(writer.get(rules.digest)).toString('utf8');
  const visible = await visibleObjects(listed, { file: text, spec: request.ignore, limits });
  // An empty bucket is told by its server alone.
  if (visible.length === 0)
    throw new Fault('bundle-unreadable', `there is no object of bucket '${request.bucket}' in it${under(request)}`);
  const revision = revisionOf(visible);
  const root = treeOf(writer, { objects, visible, rules, limits });
  const metadata = { bucket: request.bucket, objects: String(visible.length), ...(time === '' ? {} : { time }) };
  return { revision, root, metadata, keep: [] };
}

/** Azure is not asked by the prefix, as in Flux. */
const isUnder = ({ provider, prefix }: BucketContentRequest, key: string): boolean =>
  provider === 'azure' || key.startsWith(prefix);

const under = ({ prefix }: BucketContentRequest): string =>
  prefix === '' ? '' : ` under spec.prefix '${printable(prefix)}' (keys are whole, with the prefix)`;

function treeOf(
  writer: ContentWriter,
  what: Omit<Gathered, 'time'> & { readonly visible: readonly Listed[]; readonly limits: Limits },
): Digest {
  const { objects, visible, rules, limits } = what;
  const tree = flatTree<IndexedObject>(limits);
  let bytes = 0;
  for (const { key } of visible) {
    const object = objects.get(key);
    if (object === undefined) throw new Fault('internal', 'an object is visible that is not there');
    bytes += object.bytes;
    if (object.bytes > limits.objectBytes || bytes > limits.treeBytes)
      throw new Fault('source-bounds', `'${printable(key)}' is more than limits.objectBytes or limits.treeBytes allow`);
    tree.add(cleanKey(key, limits), object);
  }
  if (rules !== undefined) tree.add(IGNORE_KEY, rules);
  return tree.write(writer, ({ digest, bytes: size, etag }) => {
    // What is named from now on must not be freed meanwhile.
    if (!writer.has(digest))
      throw new Fault('bundle-base-missing', 'an object of the base is not on this disk any more');
    return { mode: 'file', digest, size, alias: etag };
  });
}
