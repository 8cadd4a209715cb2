import {
  elided,
  FAULTS,
  Fault,
  type FetchOutcome,
  type Limits,
  reworded,
  type SourceRevision,
} from '../../model/index.ts';
import { cleanKey, flatTree } from '../flat-tree.ts';
import type { BucketApi, Listed } from './api.ts';
import { azureApi } from './azure.ts';
import { downloadAll } from './download.ts';
import { findIgnore, IGNORE_KEY, ignoreTooLarge, visibleObjects } from './ignore.ts';
import { type BucketIndex, encodeIndex, type IndexedObject, readIndex } from './index-file.ts';
import { listBucket, revisionOf } from './listing.ts';
import type { BucketOptions, BucketPorts, BucketRequest } from './request.ts';
import { s3Api } from './s3.ts';
import { type BucketSession, beginBucketSession } from './session.ts';
import { type ObjectShelf, objectShelf, type ShelvedContent } from './shelf.ts';
import { keysOf } from './sts.ts';

/** How often a bucket is listed anew when it changes while it is read. */
const ROUNDS = 3;

/**
 * Looks at a bucket and brings the objects that are new into the store: one listing when nothing changed, and one GET
 * for each object of another etag. What was downloaded stays for the next attempt when this one fails. Throws Faults with
 * the codes of FAULTS, "wire and sources", and Flux's reasons.
 */
export async function fetchBucket(
  ports: BucketPorts,
  request: BucketRequest,
  options: BucketOptions,
): Promise<FetchOutcome> {
  try {
    return await fetchRounds(beginBucketSession(ports, request, options));
  } catch (error) {
    // Temporary keys that were refused are not tried again.
    if (error instanceof Fault && error.code === 'source-auth') options.logins?.delete(request.owner);
    throw bucketFault(error);
  }
}

/** The table's reasons are those of Git and of registries. */
function bucketFault(error: unknown): unknown {
  if (!(error instanceof Fault) || !/^(?:wire|source)-/.test(error.code)) return error;
  if (error.reason !== FAULTS[error.code].reason) return error;
  return reworded(error, { reason: 'BucketOperationFailed' });
}

interface Attempt {
  readonly session: BucketSession;
  readonly api: BucketApi;
  readonly shelf: ObjectShelf;
  /** What the revision before remembers. */
  readonly before: BucketIndex | undefined;
}

async function fetchRounds(session: BucketSession): Promise<FetchOutcome> {
  const { request, ports } = session;
  const shelf = objectShelf(ports, request, { limits: session.limits, onKept: session.options.onKept });
  const before = readIndex(ports.store, request.have, shelf.scope);
  const api =
    request.provider === 'azure' ? azureApi(session) : s3Api(session, await keysOf(session), before?.region ?? '');
  const attempt: Attempt = { session, api, shelf, before };
  try {
    for (let round = 1; ; round++) {
      session.restart();
      const outcome = await fetchOnce(attempt);
      if (outcome?.kind === 'unchanged') await shelf.settle();
      else if (outcome !== undefined) await shelf.end(outcome.content.root);
      if (outcome !== undefined) return outcome;
      if (round === ROUNDS)
        throw new Fault(
          'source-corrupt',
          `bucket '${request.bucket}' changes while it is read: listed ${ROUNDS} times, and objects were others each time; what was read is kept for the next attempt`,
        );
    }
  } catch (error) {
    await shelf.keep().catch(() => undefined);
    throw error;
  }
}

/** Undefined when the bucket changed meanwhile. */
async function fetchOnce(attempt: Attempt): Promise<FetchOutcome | undefined> {
  const { session, api, shelf, before } = attempt;
  const { request, ports } = session;
  const { have } = request;
  const listed = await listBucket(session, api);
  const ignore = await findIgnore(session, api, { listed, before, shelf });
  const file = ignore === undefined ? '' : await textOfIgnore(attempt, ignore);
  const objects = await visibleObjects(listed, { file, spec: request.ignore, limits: session.limits });
  const revision = revisionOf(objects);
  const same = have !== undefined && have.revision === revision && ports.store.has(have.root);
  const region = api.region();
  if (same && before !== undefined && before.ignore?.etag === ignore?.etag && before.region === region)
    return { kind: 'unchanged', revision, count: session.spent() };
  const index = same && before !== undefined ? { ...before, ignore, region } : undefined;
  const content =
    index === undefined || have === undefined
      ? await bring(attempt, { objects, ignore, revision, region, time: timeOf(attempt) })
      : await withIndex(attempt, have, index);
  return content === undefined ? undefined : { kind: 'fetched', content, count: session.spent() };
}

/** By the server's clock where it tells, so that it can be compared with what another site has seen. */
function timeOf({ api, session }: Attempt): string {
  return new Date(api.listedAt() ?? session.ports.clock.now()).toISOString().replace('.000', '');
}

async function textOfIgnore({ session, shelf }: Attempt, ignore: IndexedObject): Promise<string> {
  await shelf.commit();
  const { ignoreBytes } = session.limits;
  // One that is here from before may have come under another limit.
  if (ignore.bytes > ignoreBytes) throw ignoreTooLarge(ignoreBytes);
  return Buffer.from(session.ports.store.get(ignore.digest)).toString('utf8');
}

/** The same content under rules that are written otherwise. */
async function withIndex(attempt: Attempt, have: SourceRevision, index: BucketIndex): Promise<SourceRevision> {
  const writer = await attempt.session.ports.store.writer();
  try {
    const keep = [writer.put(encodeIndex(index)), ...(index.ignore === undefined ? [] : [index.ignore.digest])];
    for (const digest of keep) writer.has(digest);
    await writer.commit();
    return { ...have, keep };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

interface Seen {
  readonly objects: readonly Listed[];
  readonly ignore: IndexedObject | undefined;
  readonly revision: string;
  readonly region: string;
  /** RFC 3339, when it was listed. */
  readonly time: string;
}

async function bring(attempt: Attempt, seen: Seen): Promise<SourceRevision | undefined> {
  const { session, api, shelf } = attempt;
  const tree = planTree(session, seen.objects);
  const here = new Map<string, IndexedObject>();
  const take = taker(session, here);
  const missing = findMissing(attempt, seen.objects, take);
  const bytes = missing.reduce((sum, { size }) => sum + size, 0);
  session.options.onSize?.({ objects: missing.length, bytes });
  session.ports.log.info('bucket-download', { bucket: session.request.bucket, objects: missing.length, bytes });
  session.restart();
  const whole = await downloadAll(session, api, missing, { shelf, each: take });
  await shelf.commit();
  if (!whole) return undefined;
  return write(attempt, seen, { tree, here });
}

type Take = (object: Listed, content: ShelvedContent) => void;

/** Notes in `here` what an object holds. Content that was stored compressed counts as large as it is: Fault `source-bounds`. */
function taker({ limits }: BucketSession, here: Map<string, IndexedObject>): Take {
  let total = 0;
  return ({ key, etag, size }, { digest, bytes }) => {
    total += bytes;
    if (bytes > limits.objectBytes) throw objectTooLarge(key, limits);
    if (total > limits.treeBytes) throw treeTooLarge(limits);
    here.set(key, { etag, size, bytes, digest });
  };
}

/** What is to be downloaded; what is here already is taken: unread only what the revision before has, and that is whole. */
function findMissing({ session, shelf, before }: Attempt, objects: readonly Listed[], take: Take): readonly Listed[] {
  const unread = session.request.have !== undefined;
  return objects.filter((object) => {
    const old = before?.objects.get(object.key);
    const same = old?.etag === object.etag && old.size === object.size && shelf.has(old.digest) ? old : undefined;
    const digest = same?.digest ?? shelf.find(object);
    const bytes = digest === undefined ? undefined : unread && same !== undefined ? same.bytes : shelf.proven(digest);
    if (digest === undefined || bytes === undefined) return true;
    take(object, { digest, bytes });
    return false;
  });
}

type Tree = ReturnType<typeof flatTree<Listed>>;

/** Checks names, places and sizes before anything is downloaded. */
function planTree({ limits }: BucketSession, objects: readonly Listed[]): Tree {
  const tree = flatTree<Listed>(limits);
  let bytes = 0;
  for (const object of objects) {
    if (object.size > limits.objectBytes) throw objectTooLarge(object.key, limits);
    bytes += object.size;
    if (bytes > limits.treeBytes) throw treeTooLarge(limits);
    tree.add(cleanKey(object.key, limits), object);
  }
  return tree;
}

const objectTooLarge = (key: string, { objectBytes }: Limits): Fault =>
  new Fault(
    'source-bounds',
    `'${elided(key)}' is larger than ${objectBytes} bytes (limits.objectBytes): leave it out by spec.ignore`,
  );

const treeTooLarge = ({ treeBytes }: Limits): Fault =>
  new Fault('source-bounds', `the objects are larger than ${treeBytes} bytes together (limits.treeBytes)`);

async function write(
  { session, shelf }: Attempt,
  seen: Seen,
  { tree, here }: { readonly tree: Tree; readonly here: ReadonlyMap<string, IndexedObject> },
): Promise<SourceRevision | undefined> {
  const { ignore, revision, region, time } = seen;
  const writer = await session.ports.store.writer();
  try {
    // What is named from now on must not be freed meanwhile.
    const needed = [...here.values(), ...(ignore === undefined ? [] : [ignore])];
    if (!needed.every(({ digest }) => writer.has(digest))) {
      await writer.discard();
      return undefined;
    }
    if (ignore !== undefined) tree.add(IGNORE_KEY, { key: IGNORE_KEY, etag: ignore.etag, size: ignore.size });
    const root = tree.write(writer, ({ key, etag }) => {
      const content = key === IGNORE_KEY ? ignore : here.get(key);
      if (content?.etag !== etag) throw new Fault('internal', 'an object of the bucket was not downloaded');
      return { mode: 'file', digest: content.digest, size: content.bytes, alias: etag };
    });
    const index = writer.put(encodeIndex({ scope: shelf.scope, ignore, region, objects: here }));
    await writer.commit();
    const metadata = { bucket: session.request.bucket, objects: String(here.size), time };
    return { revision, root, metadata, keep: [index, ...(ignore === undefined ? [] : [ignore.digest])] };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}
