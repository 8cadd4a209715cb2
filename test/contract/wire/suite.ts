import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import type { Wire, WireLimits, WireRequest, WireResponse } from '../../../src/ports/index.ts';

/** A request as a server of the suite sees it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What the server does: a head, parts of a body, and an end. */
export interface ServerAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly parts?: readonly (string | Uint8Array)[];
  /** `silent`: not even a head comes. `cut`: the connection breaks after the parts. `hang`: nothing more comes. */
  readonly end?: 'whole' | 'cut' | 'hang' | 'silent';
}

/** A world with one Wire and servers it can reach. */
export interface WireWorld {
  readonly wire: Wire;
  /** Starts a server; its base URL, such as `http://127.0.0.1:4711`. */
  serve(handler: (request: SeenRequest) => ServerAnswer): Promise<string>;
  /** A base URL where nothing listens. */
  nowhere(): Promise<string>;
  stop(): Promise<void>;
}

export const LIMITS: WireLimits = { totalMs: 5_000, idleMs: 5_000, maxBytes: 1_000_000 };

/** The text of a body. */
export async function textOf(response: WireResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of response.body) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** The code of the Fault that a promise ends with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  return error instanceof Fault ? error.code : `not a Fault: ${String(error)}`;
}

/** What every Wire does. */
export function wireSuite(name: string, make: () => Promise<WireWorld>): void {
  describe(`Wire: ${name}`, () => {
    let world: WireWorld;
    let base: string;
    let other: string;
    const seen: SeenRequest[] = [];
    const answers: Record<string, ServerAnswer> = {
      '/hello': { parts: ['hel', 'lo'], headers: { 'X-Two': 'b' } },
      '/missing': { status: 404, parts: ['no'] },
      '/error': { status: 503, headers: { 'retry-after': '3' }, parts: ['later'] },
      '/cut': { headers: { 'content-length': '100' }, parts: ['part'], end: 'cut' },
      '/cut-chunked': { parts: ['part'], end: 'cut' },
      '/cut-early': { end: 'cut' },
      '/silent': { end: 'silent' },
      '/hang': { parts: ['part'], end: 'hang' },
      '/large': { parts: Array.from({ length: 40 }, () => 'x'.repeat(1_000)) },
      '/loop': { status: 302, headers: { location: '/loop' } },
      '/here': { status: 301, headers: { location: '/hello?moved=1' } },
      '/long-way': {
        status: 302,
        headers: { location: '/hello' },
        parts: Array.from({ length: 40 }, () => 'x'.repeat(1_000)),
        end: 'hang',
      },
      '/ftp': { status: 302, headers: { location: 'ftp://example.com/' } },
      '/see-other': { status: 303, headers: { location: '/hello' } },
      '/keep-post': { status: 307, headers: { location: '/hello' } },
    };
    beforeAll(async () => {
      world = await make();
      const handle = (request: SeenRequest): ServerAnswer => {
        seen.push(request);
        const path = request.path.split('?')[0] ?? '';
        if (path === '/elsewhere') return { status: 302, headers: { location: `${other}/hello` } };
        return answers[path] ?? { status: 400 };
      };
      base = await world.serve(handle);
      other = await world.serve(handle);
    });
    afterAll(() => world.stop());

    const send = (path: string, more: Partial<WireRequest> = {}): Promise<WireResponse> =>
      world.wire.send({ method: 'GET', url: base + path, limits: LIMITS, ...more });
    const last = (): SeenRequest | undefined => seen.at(-1);

    it('gives status, lower-case headers, address and body', async () => {
      const response = await send('/hello?a=1');
      expect(response.status).toBe(200);
      expect(response.headers['x-two']).toBe('b');
      expect(response.url).toBe(`${base}/hello?a=1`);
      expect(await textOf(response)).toBe('hello');
    });

    it('takes every status as an answer', async () => {
      for (const [path, status] of [
        ['/missing', 404],
        ['/error', 503],
        ['/unknown', 400],
      ] as const) {
        const response = await send(path);
        expect(response.status).toBe(status);
        await textOf(response);
      }
    });

    it('sends method, headers and body', async () => {
      const body = Buffer.from('{"ä":1}');
      await textOf(await send('/hello', { method: 'POST', body, headers: { 'X-Mine': 'yes' } }));
      expect(last()).toMatchObject({ method: 'POST', body: '{"ä":1}' });
      expect(last()?.headers['x-mine']).toBe('yes');
      expect(last()?.headers['content-length']).toBe('8');
      await textOf(await send('/hello', { method: 'HEAD' }));
      expect(last()?.method).toBe('HEAD');
    });

    it('counts bytes both ways, and requests', async () => {
      const response = await send('/large');
      await textOf(response);
      const { requests, up, down } = response.count();
      expect(requests).toBe(1);
      expect(up).toBeGreaterThan(20);
      expect(down).toBeGreaterThan(40_000);
      expect(down).toBeLessThan(50_000);
    });

    it.each(['/cut', '/cut-chunked'])('throws wire-cut when the body breaks off (%s)', async (path) => {
      const response = await send(path);
      expect(await codeOf(textOf(response))).toBe('wire-cut');
    });

    it('throws wire-unreachable when no answer begins, or nothing listens', async () => {
      expect(await codeOf(send('/cut-early'))).toBe('wire-unreachable');
      const url = await world.nowhere();
      expect(await codeOf(world.wire.send({ method: 'GET', url, limits: LIMITS }))).toBe('wire-unreachable');
    });

    it('throws wire-timeout after silence before the head and in the body, and past the whole time', async () => {
      const idle = { ...LIMITS, idleMs: 150 };
      expect(await codeOf(send('/silent', { limits: idle }))).toBe('wire-timeout');
      // Its head has to come in time, also on a machine that is busy.
      const hanging = await send('/hang', { limits: { ...LIMITS, idleMs: 1_500 } });
      expect(await codeOf(textOf(hanging))).toBe('wire-timeout');
      const began = performance.now();
      const stalled = await send('/hang', { limits: { ...LIMITS, bodyIdleMs: 150 } });
      expect(await codeOf(textOf(stalled))).toBe('wire-timeout');
      expect(performance.now() - began).toBeLessThan(LIMITS.idleMs);
      const total = { ...LIMITS, totalMs: 150 };
      expect(await codeOf(send('/silent', { limits: total }))).toBe('wire-timeout');
      const slow = await send('/hang', { limits: { ...LIMITS, totalMs: 1_500 } });
      expect(await codeOf(textOf(slow))).toBe('wire-timeout');
    });

    it('throws source-bounds past maxBytes', async () => {
      const response = await send('/large', { limits: { ...LIMITS, maxBytes: 39_999 } });
      expect(await codeOf(textOf(response))).toBe('source-bounds');
      expect(await textOf(await send('/large', { limits: { ...LIMITS, maxBytes: 40_000 } }))).toHaveLength(40_000);
    });

    it('ends with the reason of an aborted signal', async () => {
      const abort = new AbortController();
      const waiting = send('/silent', { signal: abort.signal });
      abort.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
      await expect(send('/hello', { signal: abort.signal })).rejects.toThrow('enough');
      const second = new AbortController();
      const reading = textOf(await send('/hang', { signal: second.signal }));
      second.abort(new Error('enough'));
      await expect(reading).rejects.toThrow('enough');
    });

    it('can be closed before the body is read', async () => {
      const response = await send('/large');
      response.close();
      response.close();
      expect(response.count().requests).toBe(1);
    });

    it('follows redirects and says where it ended', async () => {
      const response = await send('/here');
      expect(await textOf(response)).toBe('hello');
      expect(response.url).toBe(`${base}/hello?moved=1`);
      expect(response.count().requests).toBe(2);
    });

    it('does not wait for the end of what a redirect says besides', async () => {
      expect(await textOf(await send('/long-way'))).toBe('hello');
    });

    it('drops credentials when the origin changes, and only then', async () => {
      const headers = { Authorization: 'Bearer secret', Cookie: 'a=b', Accept: 'text/plain' };
      await textOf(await send('/here', { headers }));
      expect(last()?.headers['authorization']).toBe('Bearer secret');
      await textOf(await send('/elsewhere', { headers }));
      expect(last()?.headers['authorization']).toBeUndefined();
      expect(last()?.headers['cookie']).toBeUndefined();
      expect(last()?.headers['accept']).toBe('text/plain');
    });

    it('keeps POST through 307 and asks by GET after 303', async () => {
      const body = Buffer.from('data');
      await textOf(await send('/keep-post', { method: 'POST', body }));
      expect(last()).toMatchObject({ method: 'POST', body: 'data' });
      await textOf(await send('/see-other', { method: 'POST', body }));
      expect(last()).toMatchObject({ method: 'GET', body: '' });
    });

    it('refuses loops and other schemes, and follows nothing when told so', async () => {
      expect(await codeOf(send('/loop'))).toBe('wire-protocol');
      expect(await codeOf(send('/ftp'))).toBe('wire-protocol');
      const response = await send('/here', { redirects: 0 });
      expect(response.status).toBe(301);
      await textOf(response);
    });

    it('refuses addresses that are not http or hold credentials', async () => {
      for (const url of ['ftp://127.0.0.1/', 'nonsense', 'http://user:pass@127.0.0.1/'])
        expect(await codeOf(world.wire.send({ method: 'GET', url, limits: LIMITS }))).toBe('wire-unreachable');
    });
  });
}
