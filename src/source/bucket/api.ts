import type { LimitName } from '../../model/index.ts';
import type { BucketAnswer } from './session.ts';

/** An object as a listing tells of it. */
export interface Listed {
  readonly key: string;
  /** Without quotes; for azure in hex of its letters, as Flux puts it into revisions. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

export interface ListPage {
  readonly objects: readonly Listed[];
  /** Bytes of the page. */
  readonly bytes: number;
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
}

/** What an object is asked for with: only this version of it, or only another. */
export interface ObjectCondition {
  readonly match?: string;
  readonly noneMatch?: string;
}

export type ObjectAnswer =
  | { readonly kind: 'found'; readonly etag: string; readonly answer: BucketAnswer }
  /** Not there any more. */
  | { readonly kind: 'missing' }
  /** Another version of it is there than was asked for. */
  | { readonly kind: 'changed' }
  /** It is as it was. */
  | { readonly kind: 'same' };

/** The two requests that a fetch needs, in the words of one kind of storage. Faults as of `answerFault`. */
export interface BucketApi {
  list(token: string | undefined): Promise<ListPage>;
  /** `found` must be closed. Its body, also as decoded, is bounded by `limit`, `objectBytes` when not given. */
  open(key: string, condition: ObjectCondition, limit?: LimitName): Promise<ObjectAnswer>;
  /** The region that the server named, to be remembered; '' without. */
  region(): string;
  /** What the server's clock said when it began the last listing, milliseconds since 1970; undefined when it did not tell. */
  listedAt(): number | undefined;
}
