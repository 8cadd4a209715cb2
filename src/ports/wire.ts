import type { WireCount } from '../model/index.ts';

/** One HTTP exchange. Credentials are in `headers` and `tls` only and are never logged, nor sent to another host. */
export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** http or https. No user info. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly tls?: WireTls;
  readonly proxy?: WireProxy;
  readonly limits: WireLimits;
  readonly signal?: AbortSignal;
  /** Redirects followed; credentials are dropped when the origin changes. Default 5. */
  readonly redirects?: number;
}

export interface WireTls {
  /** PEM; added to the system's authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Takes any certificate, of any name: only where an object asks for it by `insecure`. */
  readonly anyServer?: true;
}

export interface WireProxy {
  /** http://, https:// or socks5:// */
  readonly address: string;
  readonly username?: string;
  readonly password?: string;
}

export interface WireLimits {
  /** Whole exchange, body included. */
  readonly totalMs: number;
  /** Longest silence before the head and between two parts of the body. */
  readonly idleMs: number;
  /** Longest silence between two parts of the body, where it is another one. */
  readonly bodyIdleMs?: number;
  /** Of the body, as transferred and as decoded. */
  readonly maxBytes: number;
}

export interface WireResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** Lower-case names; several values joined by ', '. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded body (gzip, deflate, zstd undone). A cut throws `wire-cut`, silence `wire-timeout`, too much `source-bounds`. Read once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Bytes so far, at the socket. Complete when the body has ended. */
  count(): WireCount;
  /** Ends the exchange early. */
  close(): void;
}

/**
 * The network. Throws Faults: `wire-unreachable` (DNS, refused, reset), `wire-tls`, `wire-timeout`, `wire-cut`,
 * `wire-proxy`; every HTTP status is an answer, not an error. Connections are kept alive for a while.
 */
export interface Wire {
  send(request: WireRequest): Promise<WireResponse>;
}
