import { answerFault, bareEtag, notStorage, readError } from './answer.ts';
import type { ObjectAnswer, ObjectCondition } from './api.ts';
import type { BucketAnswer, BucketSession } from './session.ts';

/** Statuses of a GET of an object that `objectAnswer` reads. */
export const OBJECT_STATUSES: readonly number[] = [200, 304, 404, 412];

/** The conditional headers of a request; `quote` writes an etag as the server does. */
export function conditionHeaders(
  { match, noneMatch }: ObjectCondition,
  quote: (etag: string) => string,
): Record<string, string> {
  return {
    ...(match === undefined ? {} : { 'if-match': quote(match) }),
    ...(noneMatch === undefined ? {} : { 'if-none-match': quote(noneMatch) }),
  };
}

/** What an answer to a GET of an object means. Everything but `found` is closed. */
export async function objectAnswer(session: BucketSession, answer: BucketAnswer, lead: string): Promise<ObjectAnswer> {
  const etag = bareEtag(answer.headers['etag'] ?? '');
  if (answer.status === 200) {
    if (etag !== '') return { kind: 'found', etag, answer };
    answer.close();
    throw notStorage(lead);
  }
  const error = await readError(answer);
  if (answer.status === 304) return { kind: 'same' };
  if (answer.status === 412) return { kind: 'changed' };
  // A page of 404 that no storage server wrote tells nothing about the object.
  if (error.code === 'NoSuchKey' || error.code === 'BlobNotFound') return { kind: 'missing' };
  throw answerFault(session, answer, error, lead);
}
