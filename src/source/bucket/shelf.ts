import { createHash } from 'node:crypto';
import { type Digest, Fault, type Limits, sha256 } from '../../model/index.ts';
import type { Clock, ContentStore, ContentWriter } from '../../ports/index.ts';
import { partLog } from '../part-log.ts';
import type { Listed } from './api.ts';
import type { BucketRequest } from './request.ts';

/** What an object holds: `bytes` of content. */
export interface ShelvedContent {
  readonly digest: Digest;
  readonly bytes: number;
}

/** Objects of one bucket in the store, by key and etag; what is added stays, whatever becomes of the fetch. */
export interface ObjectShelf {
  /** Names the bucket and the tenant. */
  readonly scope: string;
  has(digest: Digest): boolean;
  /** Content of this version of an object, when it was fetched before. */
  find(object: Listed): Digest | undefined;
  /** How many bytes a content has, read and proven; undefined when it is not here whole. */
  proven(digest: Digest): number | undefined;
  /** Takes the bytes of an object; resolves when there is room for more. */
  add(object: Listed, bytes: Uint8Array): Promise<Digest>;
  /** Makes durable what was added. */
  commit(): Promise<void>;
  /** The same, and keeps it from being freed until `settle`: the fetch does not end now. */
  keep(): Promise<void>;
  /** The fetch has ended: it needs no keeping once a pointer names the content with this root. */
  end(root: Digest): Promise<void>;
  /** A pointer names the revision: it needs no keeping any more. */
  settle(): Promise<void>;
}

/** A bucket as one tenant sees it. */
export type BucketPlace = Pick<BucketRequest, 'tenant' | 'provider' | 'endpoint' | 'bucket'>;

/** Names a bucket and a tenant: an etag proves nothing about the right to see what it stands for. */
export function scopeOf({ tenant, provider, endpoint, bucket }: BucketPlace): string {
  return createHash('sha256')
    .update([tenant ?? '', provider, endpoint, bucket].join('\0'))
    .digest('hex');
}

/** The alias of the content of this version of an object. */
export const objectAlias = (scope: string, { key, etag, size }: Listed): string =>
  `bucket:${scope.slice(0, 16)}:${size}:${etag}:${key}`;

/** A shelf of this bucket and tenant. */
export function objectShelf(
  { store, clock }: { readonly store: ContentStore; readonly clock: Clock },
  request: BucketRequest,
  { limits, onKept }: { readonly limits: Pick<Limits, 'treeBytes'>; readonly onKept?: (() => void) | undefined },
): ObjectShelf {
  const { prefix } = request;
  const scope = scopeOf(request);
  let writer: ContentWriter | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  /** One at a time: the writer is exchanged under them. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = tail.then(task, task);
    tail = mine.catch(() => undefined);
    return mine;
  };
  const log = partLog({ store, clock }, `bucket:${scope}:${sha256(prefix).slice(7, 15)}`, onKept);
  /** The writer that is to be committed; the next object goes into another one. */
  const take = (): ContentWriter | undefined => {
    const full = writer;
    writer = undefined;
    return full;
  };
  const flush = async (): Promise<void> => take()?.commit();
  const keep = async (): Promise<void> => {
    await log.pin(async () => take() ?? (await store.writer()));
    await flush();
    // A bucket that moves on all the time must not fill the disk with what nobody wants any more.
    if (log.total() > limits.treeBytes) await log.drop();
  };
  return {
    scope,
    has: (digest) => store.has(digest),
    find: (object) => {
      const digest = store.byAlias(objectAlias(scope, object));
      return digest === undefined || !store.has(digest) ? undefined : digest;
    },
    proven: (digest) => {
      try {
        return store.get(digest).length;
      } catch (error) {
        if (error instanceof Fault && error.code === 'cache-damaged') return undefined;
        throw error;
      }
    },
    add: (object, bytes) =>
      inTurn(async () => {
        writer ??= await store.writer();
        const digest = writer.put(bytes, objectAlias(scope, object));
        log.note(digest, bytes.length);
        if (log.due()) await keep();
        else await writer.drain();
        return digest;
      }),
    commit: () => inTurn(flush),
    keep: () => inTurn(keep),
    end: (root) => inTurn(() => log.end(root)),
    settle: () => inTurn(log.drop),
  };
}
