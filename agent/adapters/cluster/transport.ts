import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Limits } from '../../../src/model/index.ts';
import { Fault } from '../../../src/model/index.ts';
import { BUILD } from '../../version.ts';
import type { Credentials, Link } from './credentials.ts';
import { type Answer, abortable, type ClusterRequest, exchange, head, pause } from './exchange.ts';
import { connectionFault, isStale, isTlsRefusal } from './faults.ts';
import { createGate } from './gate.ts';
import { createReadiness } from './readiness.ts';
import { type ClusterStats, newCounters } from './stats.ts';

export type ClusterLimits = Pick<Limits, 'requestsInFlight' | 'requestMs' | 'responseBytes' | 'watchEventBytes'>;

export interface Transport {
  /** One request within the bound; every HTTP status but a waited-for 429 and a first 401 is an answer. */
  send(request: ClusterRequest): Promise<Answer>;
  /** Opens an endless answer on a socket of its own, outside the bound; resolves with its head. */
  open(request: ClusterRequest): Promise<IncomingMessage>;
  stats(): ClusterStats;
  /** Resolves when the server is past its start; Fault `cluster-unreachable` before. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Counts bytes of a body that the caller reads itself. */
  received(bytes: number): void;
  /** Ends all connections. */
  close(): void;
}

/** Idle connections are closed after this time: each holds 100 KiB, and a new one costs 5 ms. */
const IDLE_MS = 5_000;
/** First probe of a silent connection; Node then probes every second, ten times. */
const TCP_KEEPALIVE_MS = 15_000;
const DEFAULT_RETRY_MS = 1_000;
/** A watch is answered at once: after this time it is tried anew, for the link may be back. */
const HEAD_MS = 10_000;
const JSON_TYPE = 'application/json';

interface Pool {
  readonly key: string;
  readonly normal: Agent;
  readonly watch: Agent;
}

/** The HTTP client of the API server: kept-alive connections, a bound on requests, credentials that renew themselves. */
export function createTransport(credentials: Credentials, limits: ClusterLimits): Transport {
  const gate = createGate(limits.requestsInFlight);
  const counters = newCounters();
  let pool: Pool | undefined;
  let closed = false;

  const poolFor = (link: Link): Pool => {
    if (pool?.key === link.tlsKey) return pool;
    const { servername, rejectUnauthorized, ...keys } = link.tls;
    const common = {
      // One for all connections: each would else parse and keep certificates of its own.
      ...(link.secure ? { secureContext: createSecureContext(keys) } : {}),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      keepAliveMsecs: TCP_KEEPALIVE_MS,
      ALPNProtocols: ['http/1.1'],
    };
    retire(pool);
    pool = {
      key: link.tlsKey,
      normal: new Agent({ ...common, keepAlive: true, scheduling: 'lifo', timeout: IDLE_MS }),
      watch: new Agent({ ...common, keepAlive: false }),
    };
    return pool;
  };

  const start = (link: Link, request: ClusterRequest, kind: 'normal' | 'watch'): ClientRequest => {
    counters.requests[request.verb] += 1;
    counters.bytesUp += request.body?.byteLength ?? 0;
    const options: RequestOptions = {
      host: link.host,
      port: link.port,
      method: request.method,
      path: link.prefix + request.path,
      headers: headersOf(link, request),
    };
    const out = link.secure ? httpsRequest({ ...options, agent: poolFor(link)[kind] }) : httpRequest(options);
    out.once('socket', (socket) => {
      if (!out.reusedSocket) counters.connections += 1;
      if (kind === 'watch') socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    });
    return out;
  };

  const attempt = (link: Link, request: ClusterRequest, deadline: number): Promise<Answer> =>
    exchange(start(link, request, 'normal'), request, {
      ms: Math.max(1, deadline - performance.now()),
      bytes: limits.responseBytes,
      received: (n) => {
        counters.bytesDown += n;
      },
    });

  /** One try with renewed credentials when the first ones are refused. */
  const withRenewal = async <T extends { readonly refused: boolean }>(
    signal: AbortSignal | undefined,
    tryOnce: (link: Link) => Promise<T>,
  ): Promise<T> => {
    const link = await abortable(credentials.current(), signal);
    try {
      const first = await tryOnce(link);
      if (!first.refused) return first;
    } catch (error) {
      if (!isTlsRefusal(error)) throw failed(error, link);
    }
    counters.renewals += 1;
    const renewed = await abortable(credentials.renew(link), signal);
    try {
      return await tryOnce(renewed);
    } catch (error) {
      throw failed(error, renewed);
    }
  };
  const failed = (error: unknown, link: Link): unknown => {
    const fault = connectionFault(error, link);
    if (fault instanceof Fault && fault.code === 'cluster-unreachable') readiness.lost();
    return fault;
  };
  const readiness = createReadiness(
    () =>
      withRenewal(undefined, async (link) => {
        const deadline = performance.now() + limits.requestMs;
        const { status } = await attempt(link, { verb: 'discovery', method: 'GET', path: '/readyz' }, deadline);
        return { refused: status === 401, status };
      }).then(({ status }) => status),
    () => performance.now(),
  );

  const send = async (request: ClusterRequest): Promise<Answer> => {
    if (closed) throw closedFault();
    const leave = await gate.enter(request.signal, request.yields);
    const deadline = performance.now() + limits.requestMs;
    try {
      for (let stale = 0; ; ) {
        let answer: Answer & { readonly refused: boolean };
        try {
          answer = await withRenewal(request.signal, async (link) => {
            const got = await attempt(link, request, deadline);
            return { ...got, refused: got.status === 401 };
          });
        } catch (error) {
          // A kept-alive connection that the server closed in the moment we used it; a create might have been done.
          if (request.method === 'POST' || stale >= 2 || !isStale(error)) throw error;
          stale += 1;
          continue;
        }
        // Before it knows its roles a server forbids everything.
        if (answer.status === 403) await abortable(readiness.check(), request.signal);
        const wait = throttledFor(answer);
        if (wait === undefined) return answer;
        if (performance.now() + wait > deadline) return answer;
        counters.throttled += 1;
        await pause(wait, request.signal);
      }
    } finally {
      leave();
    }
  };

  const open = async (request: ClusterRequest): Promise<IncomingMessage> => {
    if (closed) throw closedFault();
    const result = await withRenewal(request.signal, async (link) => {
      const message = await head(start(link, request, 'watch'), request, Math.min(HEAD_MS, limits.requestMs));
      if (message.statusCode === 401) message.resume();
      return { refused: message.statusCode === 401, message };
    });
    if (result.message.statusCode === 403)
      await abortable(readiness.check(), request.signal).catch((error: unknown) => {
        result.message.destroy();
        throw error;
      });
    return result.message;
  };

  return {
    send,
    open,
    ready: (signal) => abortable(readiness.check(), signal),
    stats: () => ({
      ...counters,
      requests: { ...counters.requests },
      inFlight: gate.inside,
      waiting: gate.waiting,
    }),
    received: (bytes) => {
      counters.bytesDown += bytes;
    },
    close: () => {
      closed = true;
      pool?.normal.destroy();
      pool?.watch.destroy();
      pool = undefined;
    },
  };
}

/** Lets running requests of an old pool end, and closes its idle connections. */
function retire(pool: Pool | undefined): void {
  if (pool === undefined) return;
  // Read by Node's agent whenever a socket becomes free: such a socket is then closed.
  Object.assign(pool.normal, { keepAlive: false });
  for (const sockets of Object.values(pool.normal.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function headersOf(link: Link, request: ClusterRequest): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    ...link.headers,
    Accept: request.accept ?? JSON_TYPE,
    'User-Agent': `holdfast/${BUILD.version}`,
    ...request.headers,
  };
  if (request.etag !== undefined && request.etag !== '') headers['If-None-Match'] = request.etag;
  if (request.body !== undefined) {
    headers['Content-Type'] = request.contentType ?? JSON_TYPE;
    headers['Content-Length'] = String(request.body.byteLength);
  }
  return headers;
}

/** How long the server asks us to wait before the same request is sent again; undefined when it does not. */
function throttledFor(answer: Answer): number | undefined {
  if (answer.status === 429) return answer.retryAfterMs ?? DEFAULT_RETRY_MS;
  return answer.status >= 500 ? answer.retryAfterMs : undefined;
}

function closedFault(): Fault {
  return new Fault('cluster-unreachable', 'the connection to the API server is closed');
}
