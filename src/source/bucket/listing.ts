import { createHash } from 'node:crypto';
import { Fault } from '../../model/index.ts';
import type { BucketApi, Listed } from './api.ts';
import { listLead } from './leads.ts';
import type { BucketSession } from './session.ts';

/** Pages that may bring nothing new before a listing counts as one that never ends. */
const EMPTY_PAGES = 16;

/** Everything that a bucket lists, by key; of a key that comes twice the last, as in Flux. Bounded: Fault `source-bounds`. */
export async function listBucket(session: BucketSession, api: BucketApi): Promise<ReadonlyMap<string, Listed>> {
  const { bucketKeys, bucketListBytes } = session.limits;
  const { bucket } = session.request;
  const lead = listLead(bucket, false);
  const objects = new Map<string, Listed>();
  const tokens = new Set<string>();
  let [bytes, empty] = [0, 0];
  let token: string | undefined;
  for (;;) {
    const page = await api.list(token);
    const before = objects.size;
    for (const object of page.objects) objects.set(object.key, object);
    bytes += page.bytes;
    if (objects.size > bucketKeys)
      throw new Fault(
        'source-bounds',
        `${lead}there are more than ${bucketKeys} objects (limits.bucketKeys): narrow it by spec.prefix`,
      );
    if (bytes > bucketListBytes)
      throw new Fault('source-bounds', `${lead}it is larger than ${bucketListBytes} bytes (limits.bucketListBytes)`);
    if (objects.size === before) empty += 1;
    token = page.next;
    if (token === undefined) break;
    if (tokens.has(token) || empty > EMPTY_PAGES)
      throw new Fault('wire-protocol', `${lead}the server's listing does not end`);
    tokens.add(token);
  }
  return objects;
}

/** Flux's revision of a bucket: the digest of `KEY ETAG` lines, sorted by the bytes of the keys. */
export function revisionOf(objects: Iterable<Pick<Listed, 'key' | 'etag'>>): string {
  const sum = createHash('sha256');
  for (const { key, etag } of [...objects].sort((a, b) => byBytes(a.key, b.key))) sum.update(`${key} ${etag}\n`);
  return `sha256:${sum.digest('hex')}`;
}

/** The order of UTF-8, which differs from that of code units where there are surrogates. */
export function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

const SURROGATE = /[\ud800-\udfff]/;
