import type { GitRef } from '../../flux/index.ts';
import type { Limits, SourceRevision, WireCount } from '../../model/index.ts';
import type { Clock, ContentStore, Log, Ssh, SshAuth, Wire, WireProxy, WireTls } from '../../ports/index.ts';
import type { Attempt } from '../attempt.ts';
import type { SiteNeeds } from './site-needs.ts';
import type { SshLine } from './ssh-line.ts';

/** How the agent proves who it is. Never logged. */
export type GitAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** All that a fetch of a GitRepository depends on, Secrets already read. */
export interface GitRequest {
  /** http, https or ssh. User info in it counts as basic auth, or as the user of ssh, and is never printed. */
  readonly url: string;
  readonly ref: GitRef;
  /** Who may share what is on this disk of a repository, such as a namespace; others fetch it themselves. */
  readonly tenant?: string;
  readonly auth?: GitAuth;
  readonly tls?: WireTls;
  /** For ssh. */
  readonly ssh?: SshAuth;
  readonly proxy?: WireProxy;
  /** Folders to show; empty shows all. */
  readonly sparseCheckout: readonly string[];
  /** Fetch only this, where the server gives parts; absent for the whole. Not with `sparseCheckout`. */
  readonly needs?: SiteNeeds;
  /** `spec.ignore`, gitignore syntax. */
  readonly ignore?: string;
  /** For the whole attempt, all requests together. */
  readonly timeoutMs: number;
  /**
   * The revision that is here and whole: the server is asked for the difference to it, and its content is not looked
   * through again. Leave it out after damage was found: then what is here is checked, and what is missing is fetched.
   */
  readonly have?: SourceRevision;
}

export interface GitPorts {
  readonly wire: Wire;
  /** Without it ssh is refused. */
  readonly ssh?: Ssh;
  readonly store: ContentStore;
  readonly clock: Clock;
  readonly log: Log;
}

export interface GitOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /**
   * Servers found to have no protocol v2, by URL. Kept by the caller between fetches, it saves one request a poll on
   * such servers; nothing else hangs on it.
   */
  readonly servers?: Map<string, 'v0'>;
  /** Told of each exchange when it ends, so that bytes of fetches that fail are counted too. */
  readonly onExchange?: (count: WireCount) => void;
  /** Told when something of the content has been kept for good: should this attempt fail, the next goes on from there. */
  readonly onKept?: () => void;
}

/** What a v2 server says it can do. */
export interface Offers {
  /** Answers may be without trees or files (partial clone). */
  readonly filter: boolean;
}

/** What one attempt shares: ports, request, deadline and the running count of bytes. */
export interface GitSession extends Attempt {
  readonly ports: GitPorts;
  readonly request: GitRequest;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
  readonly servers: Map<string, 'v0'>;
  /** The URL without user info and without a slash at its end; for messages too. */
  readonly url: string;
  readonly authorization: string | undefined;
  /** Where requests go: the URL, or where the server has sent us. Changed by `call` alone. */
  readonly place: { base: string };
  /** The open connection of ssh. Changed by `callSsh` and `hangUp` alone. */
  readonly link: { ssh: SshLine | undefined };
  /** What the server has said that it can do. Changed by `offersOf` alone. */
  readonly told: { offers: Offers | undefined };
  /** Something has been kept for good. */
  kept(): void;
}
