import type { OciLayer, OciRef } from '../../flux/index.ts';
import type { Limits, SourceRevision, WireCount } from '../../model/index.ts';
import type { Clock, ContentStore, Log, Partials, Wire, WireProxy, WireTls } from '../../ports/index.ts';
import type { SignatureCheck } from '../../trust/artifact/index.ts';
import type { Attempt } from '../attempt.ts';
import type { RegistryLogin } from './credentials.ts';
import type { OciPlace } from './reference.ts';
import type { KeptToken, TokenShelf } from './tokens.ts';

/** All that a fetch of an OCIRepository depends on, Secrets already read. */
export interface OciRequest {
  /** `oci://HOST/NAME` */
  readonly url: string;
  readonly ref: OciRef;
  readonly layer: OciLayer;
  /** `spec.ignore`, gitignore syntax. */
  readonly ignore?: string;
  /** Who may share what is on this disk of a repository, such as a namespace; others fetch it themselves. */
  readonly tenant: string;
  /** Names the source itself, for the transfer that goes on later. */
  readonly owner: string;
  readonly logins: readonly RegistryLogin[];
  readonly tls?: WireTls;
  readonly proxy?: WireProxy;
  /** Plain HTTP is allowed. */
  readonly insecure: boolean;
  /** For the whole attempt, all requests together. */
  readonly timeoutMs: number;
  /**
   * The revision that is here and whole. Leave it out after damage was found: then what is here is read through, and
   * what is missing is fetched.
   */
  readonly have?: SourceRevision;
  /** What of it must be signed by whom; absent: nothing. */
  readonly verify?: OciVerify;
}

/** What is verified, and when. */
export interface VerifyWhere {
  /** `HOST/NAME` */
  readonly repository: string;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
}

/** Whose signatures are looked for. */
export type SignatureForm = 'cosign' | 'notation';

/** `spec.verify`, its Secrets read. */
export interface OciVerify {
  /** As Flux's messages call it. */
  readonly provider: 'cosign' | 'cosign keyless' | 'notation';
  readonly form: SignatureForm;
  /** Names who is trusted: another value means that everything is to be verified again. */
  readonly key: string;
  /** Reads keys and policies, and loads what checks by them. Fault `signature-keys`. */
  readonly check: (on: VerifyWhere) => Promise<SignatureCheck>;
}

export interface OciPorts {
  readonly wire: Wire;
  readonly store: ContentStore;
  readonly partials: Partials;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OciOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** What was found out about registries, by host. Kept by the caller between fetches, it saves requests; only that. */
  readonly registries?: Map<string, RegistryNote>;
  /** Tokens of registries, kept by the caller in memory between fetches: it saves two requests a poll. */
  readonly tokens?: Map<string, KeptToken>;
  /** Told of each exchange when it ends, so that bytes of fetches that fail are counted too. */
  readonly onExchange?: (count: WireCount) => void;
  /** Told when something of the content has been kept for good: should this attempt fail, the next goes on from there. */
  readonly onKept?: () => void;
  /** Told of the revision that the reference leads to, before its content is fetched. */
  readonly onRevision?: (revision: string) => void;
  /** Told before a layer is transferred how many bytes are to come. */
  readonly onSize?: (bytes: number) => void;
}

/** How a registry is spoken to. */
export interface RegistryNote {
  readonly scheme: 'http' | 'https';
  /** It wants user and password with each request. */
  readonly basic: boolean;
}

/** What one attempt shares: ports, request, deadline and the running count of bytes. */
export interface OciSession extends Attempt {
  readonly ports: OciPorts;
  readonly request: OciRequest;
  readonly limits: Limits;
  readonly options: OciOptions;
  readonly place: OciPlace;
  readonly login: RegistryLogin | undefined;
  /** How the registry is reached. Changed by `call` alone. */
  readonly registry: { scheme: 'http' | 'https' | undefined; authorization: string | undefined };
  readonly token: TokenShelf;
}
