import http from 'node:http';
import { Fault, type WireCount } from '../../../src/model/index.ts';
import type { WireLimits, WireResponse } from '../../../src/ports/index.ts';
import type { AttemptOptions, Pool, PooledConnection, Seat } from './agents.ts';
import { readBody } from './body.ts';
import { type Route, targetOf, viaForwardProxy } from './connect.ts';
import { abortError, timeoutFault, wireFault } from './faults.ts';
import { basicAuth } from './tunnel.ts';

/** One request to one server, redirects not followed. */
export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly route: Route;
  readonly limits: WireLimits;
  readonly signal: AbortSignal | undefined;
  readonly maxHeaderBytes: number;
}

/** An answer whose head was read. */
export interface Exchange {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  count(): WireCount;
  close: WireResponse['close'];
}

interface Life {
  readonly target: string;
  /** Aborts with a Fault as reason: total time, silence, or the caller's signal. */
  readonly cut: AbortController;
  /** Ends the total timer, stops listening to the caller, lets the next exchange begin. May be called twice. */
  finish(): void;
}

/** Runs one exchange; resolves when the head is there. Throws Faults. */
export async function exchange(pool: Pool, request: ExchangeRequest): Promise<Exchange> {
  const life = beginLife(request);
  const meter = createMeter(pool);
  let seat: Seat | undefined;
  const finish = (): void => {
    seat?.leave();
    life.finish();
  };
  try {
    if (life.cut.signal.aborted) throw life.cut.signal.reason;
    seat = await pool.enter(request.route, life.cut.signal);
    const message = await withRetry(seat.agent, request, life, meter);
    return answer(message, request, { ...life, finish }, meter);
  } catch (error) {
    finish();
    throw faultOf(error, life, false);
  }
}

function beginLife(request: ExchangeRequest): Life {
  const cut = new AbortController();
  const target = targetOf(request.route);
  const { totalMs } = request.limits;
  const timer = setTimeout(
    () => cut.abort(timeoutFault(target, 'the exchange did not end', totalMs)),
    Math.max(0, totalMs),
  );
  const { signal } = request;
  const stop = (): void => cut.abort(signal === undefined ? undefined : abortError(signal));
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  return {
    target,
    cut,
    finish() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    },
  };
}

/** A kept connection that the server had closed meanwhile gives an error before any answer: then a new one is tried. */
async function withRetry(
  agent: http.Agent,
  request: ExchangeRequest,
  life: Life,
  meter: Meter,
): Promise<http.IncomingMessage> {
  for (let attempt = 0; ; attempt++) {
    const result = await once(agent, request, life, meter);
    if (!('stale' in result)) return result;
    if (attempt === 4) throw result.stale;
  }
}

function once(
  agent: http.Agent,
  request: ExchangeRequest,
  life: Life,
  meter: Meter,
): Promise<http.IncomingMessage | { stale: unknown }> {
  return new Promise((resolve, reject) => {
    const { cut } = life;
    if (cut.signal.aborted) return reject(cut.signal.reason);
    const { idleMs } = request.limits;
    const sent = http.request(optionsOf(agent, request, cut.signal));
    const silence = setTimeout(() => cut.abort(timeoutFault(life.target, 'no answer came', idleMs)), idleMs);
    const stop = (): void => void sent.destroy(cut.signal.reason as Error);
    const settle = (end: () => void): void => {
      clearTimeout(silence);
      cut.signal.removeEventListener('abort', stop);
      end();
    };
    cut.signal.addEventListener('abort', stop);
    sent.on('socket', (socket) => meter.begin(socket));
    sent.on('response', (message) => settle(() => resolve(message)));
    sent.on('error', (error) =>
      settle(() => {
        meter.end();
        if (sent.reusedSocket && !cut.signal.aborted && !(error instanceof Fault)) resolve({ stale: error });
        else reject(error);
      }),
    );
    sent.end(request.body);
  });
}

function optionsOf(agent: http.Agent, request: ExchangeRequest, attempt: AbortSignal): AttemptOptions {
  const { url, route, body } = request;
  const forward = viaForwardProxy(route);
  const headers: Record<string, string> = { host: url.host, ...request.headers };
  if (body !== undefined || request.method === 'POST' || request.method === 'PUT')
    headers['content-length'] = String(body?.length ?? 0);
  if (forward && route.proxy?.username !== undefined)
    headers['proxy-authorization'] = basicAuth(route.proxy.username, route.proxy.password ?? '');
  return {
    agent,
    method: request.method,
    host: route.host,
    port: route.port,
    path: forward ? `${url.protocol}//${url.host}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
    headers,
    setDefaultHeaders: false,
    maxHeaderSize: request.maxHeaderBytes,
    attempt,
  };
}

function answer(message: http.IncomingMessage, request: ExchangeRequest, life: Life, meter: Meter): Exchange {
  const { cut } = life;
  const idleMs = request.limits.bodyIdleMs ?? request.limits.idleMs;
  const end = (): void => {
    meter.end();
    life.finish();
    cut.signal.removeEventListener('abort', stop);
  };
  const stop = (): void => {
    message.destroy(cut.signal.reason as Error);
    end();
  };
  cut.signal.addEventListener('abort', stop);
  message.on('error', () => {});
  const onEnd = (whole: boolean): void => {
    end();
    if (!whole) message.destroy();
  };
  if (message.statusCode === 407 && request.route.proxy !== undefined) {
    onEnd(false);
    throw new Fault('wire-proxy', `proxy of ${life.target}: unexpected requesting: status code: 407`);
  }
  return {
    status: message.statusCode ?? 0,
    headers: headersOf(message),
    body: readBody(message, {
      target: life.target,
      maxBytes: request.limits.maxBytes,
      idleMs,
      onIdle: () => cut.abort(timeoutFault(life.target, 'nothing more came', idleMs)),
      fault: (error) => faultOf(error, life, true),
      onEnd,
    }),
    count: () => meter.count(),
    close: () => onEnd(false),
  };
}

function faultOf(error: unknown, life: Life, answered: boolean): unknown {
  if (life.cut.signal.aborted) return life.cut.signal.reason;
  return wireFault(error, { target: life.target, answered });
}

function headersOf(message: http.IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

interface Meter {
  begin(socket: object): void;
  end(): void;
  count(): WireCount;
}

/** Charges this exchange with what its sockets moved since the exchange before; a new socket with its handshakes. */
function createMeter(pool: Pool): Meter {
  let done = { requests: 0, up: 0, down: 0 };
  let now: PooledConnection | undefined;
  const running = (): WireCount => {
    if (now === undefined) return done;
    return {
      requests: done.requests,
      up: done.up + now.raw.bytesWritten - now.chargedUp,
      down: done.down + now.raw.bytesRead - now.chargedDown,
    };
  };
  return {
    begin(socket) {
      now = pool.connection(socket as Parameters<Pool['connection']>[0]);
      done = { ...done, requests: done.requests + 1 };
    },
    end() {
      done = running();
      if (now !== undefined) {
        now.chargedUp = now.raw.bytesWritten;
        now.chargedDown = now.raw.bytesRead;
      }
      now = undefined;
    },
    count: running,
  };
}
