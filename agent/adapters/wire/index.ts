import { DEFAULT_LIMITS, Fault, type WireCount } from '../../../src/model/index.ts';
import type { Wire, WireProxy, WireRequest, WireResponse, WireTls } from '../../../src/ports/index.ts';
import { createPool } from './agents.ts';
import { namedProxy, type Route } from './connect.ts';
import { type Exchange, exchange } from './exchange.ts';

/** Settings of the network adapter. All have defaults. */
export interface WireOptions {
  /** The proxy for a URL where the request names none (from HTTPS_PROXY and so on); undefined: direct. */
  readonly proxyFor?: (url: URL) => WireProxy | undefined;
  /** An unused connection is closed after this many milliseconds. Default 90,000. */
  readonly keepMs?: number;
  /** Connections at once to one server. Default 4. */
  readonly sockets?: number;
  /** Largest head of an answer. Default `limits.responseHeaderBytes`. */
  readonly headerBytes?: number;
}

/** The Wire with an end. */
export interface NodeWire extends Wire {
  /** Closes all connections. */
  close(): void;
}

const CREDENTIALS = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'private-token']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** The Wire port on node:http and node:tls. Connections are kept and counted per exchange, TLS included. */
export function createWire(options: WireOptions = {}): NodeWire {
  const pool = createPool({ sockets: options.sockets ?? 4, keepMs: options.keepMs ?? 90_000, routes: 64 });
  const headerBytes = options.headerBytes ?? DEFAULT_LIMITS.responseHeaderBytes;
  const send = async (request: WireRequest): Promise<WireResponse> => {
    const deadline = performance.now() + request.limits.totalMs;
    let hop: Hop = firstHop(request);
    let spent: WireCount = { requests: 0, up: 0, down: 0 };
    for (let left = request.redirects ?? 5; ; left--) {
      const limits = { ...request.limits, totalMs: Math.max(1, deadline - performance.now()) };
      const route = routeOf(hop, request.proxy ?? options.proxyFor?.(hop.url));
      const got = await exchange(pool, {
        method: hop.method,
        url: hop.url,
        headers: hop.headers,
        body: hop.body,
        route,
        limits: left === (request.redirects ?? 5) ? request.limits : limits,
        signal: request.signal,
        maxHeaderBytes: headerBytes,
      });
      const location = got.headers['location'];
      if (!REDIRECTS.has(got.status) || location === undefined || request.redirects === 0)
        return responseOf(got, hop.url, spent);
      await skip(got);
      spent = add(spent, got.count());
      if (left <= 0) throw new Fault('wire-protocol', `${hop.url.host}: too many redirects`);
      hop = nextHop(hop, location, got.status);
    }
  };
  return { send, close: pool.close };
}

interface Hop {
  readonly url: URL;
  readonly method: WireRequest['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly tls: WireTls | undefined;
}

function firstHop(request: WireRequest): Hop {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Fault('wire-unreachable', 'the address is not an http:// or https:// URL');
  if (url.username !== '' || url.password !== '')
    throw new Fault('wire-unreachable', `${url.host}: the address holds credentials`);
  const headers = Object.fromEntries(Object.entries(request.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  return { url, method: request.method, headers, body: request.body, tls: request.tls };
}

/** Where a redirect leads. POST stays POST, as servers of Git and OCI mean it; only 303 asks for GET. */
function nextHop(hop: Hop, location: string, status: number): Hop {
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url.href) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Fault('wire-protocol', `${hop.url.host}: redirects to something that is not http or https`);
  if (hop.url.protocol === 'https:' && url.protocol === 'http:')
    throw new Fault('wire-protocol', `${hop.url.host}: redirect from https to http refused`);
  url.username = '';
  url.password = '';
  const toGet = status === 303 && hop.method !== 'HEAD';
  const next = { ...hop, url, ...(toGet ? { method: 'GET' as const, body: undefined } : {}) };
  if (url.origin === hop.url.origin) return next;
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !CREDENTIALS.has(name)));
  return { ...next, headers, tls: withoutIdentity(hop.tls) };
}

/** Whom we trust, without who we are. */
function withoutIdentity(tls: WireTls | undefined): WireTls | undefined {
  if (tls === undefined) return undefined;
  const { cert: _cert, key: _key, ...trust } = tls;
  return Object.keys(trust).length === 0 ? undefined : trust;
}

function routeOf(hop: Hop, proxy: WireProxy | undefined): Route {
  const secure = hop.url.protocol === 'https:';
  const host = hop.url.hostname.startsWith('[') ? hop.url.hostname.slice(1, -1) : hop.url.hostname;
  const port = hop.url.port === '' ? (secure ? 443 : 80) : Number(hop.url.port);
  return {
    secure,
    host,
    port,
    tls: secure ? hop.tls : undefined,
    proxy: proxy === undefined ? undefined : namedProxy(proxy),
  };
}

function responseOf(got: Exchange, url: URL, before: WireCount): WireResponse {
  return {
    status: got.status,
    url: url.href,
    headers: got.headers,
    body: got.body,
    count: () => add(before, got.count()),
    close: got.close,
  };
}

/** What is read of an answer that nobody wants. */
const SKIP_BYTES = 16_384;

/** Reads a small body so that the connection can serve again; closes it when it is large, or does not end. */
async function skip(got: Exchange): Promise<void> {
  if (Number(got.headers['content-length'] ?? 0) > SKIP_BYTES) return got.close();
  let size = 0;
  for await (const part of got.body) {
    size += part.length;
    if (size > SKIP_BYTES) return got.close();
  }
}

function add(a: WireCount, b: WireCount): WireCount {
  return { requests: a.requests + b.requests, up: a.up + b.up, down: a.down + b.down };
}
