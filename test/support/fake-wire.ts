import { Fault, type WireCount } from '../../src/model/index.ts';
import type { Wire, WireRequest, WireResponse } from '../../src/ports/index.ts';

/** A request as a fake server sees it. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What a fake server answers; as in the contract suite. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly parts?: readonly (string | Uint8Array)[];
  readonly end?: 'whole' | 'cut' | 'hang' | 'silent';
}

export type FakeServer = (request: FakeRequest) => FakeAnswer;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const SECRET = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** A Wire without a network: servers are functions by origin. It keeps the contract of the port. */
export function fakeWire(servers: ReadonlyMap<string, FakeServer>): Wire {
  return {
    async send(request) {
      let count: WireCount = { requests: 0, up: 0, down: 0 };
      let hop = firstHop(request);
      for (let left = request.redirects ?? 5; ; left--) {
        if (request.signal?.aborted === true) throw request.signal.reason;
        const server = servers.get(hop.url.origin);
        if (server === undefined) throw new Fault('wire-unreachable', `${hop.url.host}: connection refused`);
        const answer = server(seen(hop));
        count = { requests: count.requests + 1, up: count.up + 60 + hop.body.length, down: count.down + 80 };
        if (answer.end === 'silent') throw await silence(request, hop.url.host);
        if (answer.end === 'cut' && answer.parts === undefined)
          throw new Fault('wire-unreachable', `${hop.url.host}: EOF`);
        const location = answer.headers?.['location'];
        if (!REDIRECTS.has(answer.status ?? 200) || location === undefined || request.redirects === 0)
          return respond(request, hop, answer, count);
        if (left <= 0) throw new Fault('wire-protocol', `${hop.url.host}: too many redirects`);
        hop = nextHop(hop, location, answer.status ?? 200);
      }
    },
  };
}

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function firstHop(request: WireRequest): Hop {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '')
    throw new Fault('wire-unreachable', 'not an address of http');
  const headers = Object.fromEntries(Object.entries(request.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  return { url, method: request.method, headers, body: Buffer.from(request.body ?? []).toString('utf8') };
}

function nextHop(hop: Hop, location: string, status: number): Hop {
  const url = new URL(location, hop.url);
  if (!/^https?:$/.test(url.protocol) || (hop.url.protocol === 'https:' && url.protocol === 'http:'))
    throw new Fault('wire-protocol', `${hop.url.host}: redirect refused`);
  const keep = url.origin === hop.url.origin;
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => keep || !SECRET.has(name)));
  return status === 303 ? { url, headers, method: 'GET', body: '' } : { ...hop, url, headers };
}

function seen(hop: Hop): FakeRequest {
  const length = hop.method === 'POST' ? { 'content-length': String(Buffer.byteLength(hop.body)) } : {};
  return {
    method: hop.method,
    path: hop.url.pathname + hop.url.search,
    headers: { ...hop.headers, ...length },
    body: hop.body,
  };
}

/** Waits as a request does that nobody answers; gives what it ends with. */
function silence(request: WireRequest, host: string): Promise<unknown> {
  return new Promise((resolve) => {
    const ms = Math.min(request.limits.idleMs, request.limits.totalMs);
    const timer = setTimeout(() => resolve(new Fault('wire-timeout', `${host}: context deadline exceeded`)), ms);
    const stop = (): void => {
      clearTimeout(timer);
      resolve(request.signal?.reason);
    };
    if (request.signal?.aborted === true) stop();
    request.signal?.addEventListener('abort', stop);
  });
}

function respond(request: WireRequest, hop: Hop, answer: FakeAnswer, before: WireCount): WireResponse {
  let down = before.down;
  const read = async function* (): AsyncGenerator<Uint8Array> {
    let size = 0;
    for (const part of hop.method === 'HEAD' ? [] : (answer.parts ?? [])) {
      const bytes = Buffer.from(part);
      size += bytes.length;
      down += bytes.length;
      if (size > request.limits.maxBytes) throw new Fault('source-bounds', `${hop.url.host}: the answer is too large`);
      yield bytes;
    }
    if (answer.end === 'cut') throw new Fault('wire-cut', `${hop.url.host}: unexpected EOF`);
    const { idleMs, bodyIdleMs = idleMs } = request.limits;
    if (answer.end === 'hang')
      throw await silence({ ...request, limits: { ...request.limits, idleMs: bodyIdleMs } }, hop.url.host);
  };
  const headers = Object.fromEntries(Object.entries(answer.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  return {
    status: answer.status ?? 200,
    url: hop.url.href,
    headers,
    body: read(),
    count: () => ({ ...before, down }),
    close() {},
  };
}
