import type { BucketProvider } from '../../flux/index.ts';
import type { Limits, SourceRevision, WireCount } from '../../model/index.ts';
import type { Clock, ContentStore, Log, Wire, WireProxy, WireTls } from '../../ports/index.ts';
import type { SharedKey } from './shared-key.ts';
import type { BucketKeys } from './sigv4.ts';

/** How the agent proves who it is. Never logged. */
export type BucketLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 's3'; readonly keys: BucketKeys }
  /** Temporary keys from a service, for a user of a directory. */
  | {
      readonly kind: 'ldap';
      readonly endpoint: string;
      readonly username: string;
      readonly password: string;
      readonly tls?: WireTls;
    }
  | { readonly kind: 'shared-key'; readonly key: SharedKey }
  /** A query that carries its own signature (Azure SAS), without the question mark. */
  | { readonly kind: 'sas'; readonly query: string };

/** All that a fetch of a Bucket depends on, Secrets already read. */
export interface BucketRequest {
  readonly provider: BucketProvider;
  /** Names the source itself: its temporary keys are kept by this. */
  readonly owner: string;
  readonly bucket: string;
  /** Host and port; an address with scheme for azure. */
  readonly endpoint: string;
  /** '' when not named: then it is taken from the endpoint, or from what the server says. */
  readonly region: string;
  readonly prefix: string;
  /** Plain HTTP. */
  readonly insecure: boolean;
  readonly login: BucketLogin;
  readonly tls?: WireTls;
  readonly proxy?: WireProxy;
  /** `spec.ignore`, gitignore syntax. */
  readonly ignore?: string;
  /** For listing, and once more for downloading, as in Flux. */
  readonly timeoutMs: number;
  /** Who may share what is on this disk of a bucket, such as a namespace; others fetch it themselves. */
  readonly tenant?: string;
  /**
   * The revision that is here and whole: only objects that differ from it are downloaded. Leave it out after damage was
   * found: then what is here is read and checked, and what is missing is fetched.
   */
  readonly have?: SourceRevision;
}

export interface BucketPorts {
  readonly wire: Wire;
  readonly store: ContentStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Temporary keys, and until when they hold by the wall clock. */
export interface TemporaryKeys {
  /** Digest of what they were got with: another password gets others. */
  readonly login: string;
  readonly keys: BucketKeys;
  readonly until: number;
}

export interface BucketOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** Told of each exchange when it ends, so that bytes of fetches that fail are counted too. */
  readonly onExchange?: (count: WireCount) => void;
  /** Told when something of the content has been kept for good: should this attempt fail, the next goes on from there. */
  readonly onKept?: () => void;
  /** Told what is to be downloaded, before it is. */
  readonly onSize?: (size: { readonly objects: number; readonly bytes: number }) => void;
  /**
   * Temporary keys by the owner, kept by the caller in memory between fetches: it saves one request a poll with
   * `spec.sts`. The caller deletes those of a source that is gone.
   */
  readonly logins?: Map<string, TemporaryKeys>;
}
