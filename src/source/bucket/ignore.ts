import { Fault, type Limits } from '../../model/index.ts';
import { checkPatterns, createMatcher, IGNORE_FILE, patternsOf } from '../ignore/index.ts';
import type { BucketApi, Listed, ObjectAnswer } from './api.ts';
import { readObject } from './body.ts';
import type { BucketIndex, IndexedObject } from './index-file.ts';
import { objectLead } from './leads.ts';
import type { BucketSession } from './session.ts';
import type { ObjectShelf } from './shelf.ts';

/** The object with rules for its bucket; in the root only, also where `spec.prefix` leads elsewhere. */
export const IGNORE_KEY = IGNORE_FILE;

/**
 * The `.sourceignore` of a bucket, fetched only when it has changed. Where the listing does not show it, by one
 * conditional request. Undefined without one.
 */
export async function findIgnore(
  session: BucketSession,
  api: BucketApi,
  look: {
    readonly listed: ReadonlyMap<string, Listed>;
    readonly before: BucketIndex | undefined;
    readonly shelf: ObjectShelf;
  },
): Promise<IndexedObject | undefined> {
  const { listed, before, shelf } = look;
  const old = before?.ignore !== undefined && shelf.has(before.ignore.digest) ? before.ignore : undefined;
  const shown = session.request.provider === 'azure' || IGNORE_KEY.startsWith(session.request.prefix);
  const item = listed.get(IGNORE_KEY);
  if (shown && item === undefined) return undefined;
  if (item !== undefined) {
    if (old?.etag === item.etag) return old;
    const digest = shelf.find(item);
    const bytes = digest === undefined ? undefined : shelf.proven(digest);
    if (digest !== undefined && bytes !== undefined) return { etag: item.etag, size: item.size, bytes, digest };
  }
  const got = await api.open(IGNORE_KEY, old === undefined ? {} : { noneMatch: old.etag }, 'ignoreBytes');
  if (got.kind === 'same') return old;
  return got.kind === 'found' ? keep(session, got, shelf) : undefined;
}

export const ignoreTooLarge = (ignoreBytes: number): Fault =>
  new Fault(
    'source-bounds',
    `${objectLead(IGNORE_KEY)}it is larger than ${ignoreBytes} bytes, or does not tell its size (limits.ignoreBytes)`,
  );

async function keep(
  session: BucketSession,
  { answer, etag }: Extract<ObjectAnswer, { kind: 'found' }>,
  shelf: ObjectShelf,
): Promise<IndexedObject> {
  const { ignoreBytes } = session.limits;
  try {
    const size = Number(answer.headers['content-length'] ?? Number.NaN);
    if (!(size <= ignoreBytes)) throw ignoreTooLarge(ignoreBytes);
    const item = { key: IGNORE_KEY, etag, size };
    const bytes = await readObject(answer, item);
    return { etag, size, bytes: bytes.length, digest: await shelf.add(item, bytes) };
  } finally {
    answer.close();
  }
}

/**
 * What of a listing belongs to the source: no folder marks, no rules, nothing that the rules leave out. Fault
 * `source-bounds` for too many patterns.
 */
export async function visibleObjects(
  listed: ReadonlyMap<string, Listed>,
  rules: { readonly file: string; readonly spec: string | undefined; readonly limits: Pick<Limits, 'ignorePatterns'> },
): Promise<readonly Listed[]> {
  const patterns = [...patternsOf(rules.file), ...patternsOf(rules.spec ?? '')];
  checkPatterns(patterns.length, rules.limits);
  const leavesOut = createMatcher(patterns);
  const out: Listed[] = [];
  for (const object of listed.values()) {
    if (object.key.endsWith('/') || object.key === IGNORE_KEY) continue;
    if (!leavesOut(object.key)) out.push(object);
  }
  return out;
}
