import { createServer, request as httpRequest, type Server } from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repo } from '../../gitserver/index.ts';
import { portOf } from '../../support/ports.ts';
import { startRelay } from '../../support/relay.ts';
import { type Bench, startBench } from './support.ts';

describe('a server with 50,000 references', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('many');
    await repo.commit({ a: '1' });
    await repo.tag('v1.0.0');
    await repo.manyRefs(50_000);
    await repo.manyRefs(50_000, { prefix: 'refs/pull/' });
  });
  afterAll(() => bench.stop());

  it.each([
    ['a branch', { branch: 'main' }],
    ['a tag', { tag: 'v1.0.0' }],
    ['a name', { name: 'refs/heads/main' }],
    ['a commit', undefined],
    ['versions, of which there is one', { semver: '>=1.0.0' }],
  ])('answers a poll for %s in under 1 KB, both ways and heads included', async (_what, ref) => {
    const relay = await startRelay({ port: bench.server.port });
    const url = repo.url.replace(/:[0-9]+\//, `:${relay.port}/`);
    const site = bench.site(url, { ref: ref ?? { commit: await repo.head() } });
    await site.fetch();
    relay.resetCounts();
    const outcome = await site.fetch();
    expect(outcome.kind).toBe('unchanged');
    expect(relay.in() + relay.out()).toBeLessThan(1_000);
    // The connection of the first fetch serves again.
    expect(relay.connections()).toBe(0);
    expect(outcome.count.up + outcome.count.down).toBe(relay.in() + relay.out());
    await relay.stop();
  });
});

describe('what a server puts in front of Git', () => {
  let bench: Bench;
  let repo: Repo;
  let front: Server;
  let mode: 'zstd' | 'gzip' | 'relative' | 'dot' = 'gzip';
  let sent = 0;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('deep/er/site');
    await repo.commit({ a: '1' });
    await repo.manyRefs(2_000, { prefix: 'refs/tags/v0.0.' });
    await repo.tag('v1.0.0');
    front = createServer((request, response) => {
      const path = request.url ?? '';
      const moves = mode === 'relative' || mode === 'dot';
      if (moves && path.startsWith('/old/')) {
        const rest = path.slice('/old/site.git'.length);
        response.writeHead(308, {
          location: mode === 'relative' ? `/deep/er/site.git${rest}` : `../../deep/er/site.git${rest}`,
        });
        request.resume().on('end', () => response.end());
        return;
      }
      const { host: _host, ...headers } = request.headers;
      const to = { host: '127.0.0.1', port: bench.server.port, path, method: request.method ?? 'GET', headers };
      const out = httpRequest(to, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          const whole = Buffer.concat(parts);
          const takes = (request.headers['accept-encoding'] ?? '').includes(mode);
          const body = !takes ? whole : mode === 'zstd' ? zstdCompressSync(whole) : gzipSync(whole);
          sent += body.length;
          const { 'transfer-encoding': _coding, ...kept } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, {
            ...kept,
            ...(takes ? { 'content-encoding': mode } : {}),
            'content-length': body.length,
          });
          response.end(body);
        });
      });
      request.pipe(out);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    front.closeAllConnections();
    front.close();
    await bench.stop();
  });
  const at = (path: string): string => `http://127.0.0.1:${portOf(front)}/${path}`;

  it.each(['zstd', 'gzip'] as const)('a long list of refs is taken compressed by %s', async (coding) => {
    mode = coding;
    const site = bench.site(at('deep/er/site.git'), { ref: { semver: '>=1.0.0' } });
    await site.fetch();
    sent = 0;
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(sent).toBeGreaterThan(100);
    expect(sent).toBeLessThan(30_000);
  });

  it.each(['relative', 'dot'] as const)('a redirect without a host is followed: %s', async (how) => {
    mode = how;
    const site = bench.site(at('old/site.git'));
    await site.fetch();
    expect(site.text('a')).toBe('1');
    expect((await site.fetch()).kind).toBe('unchanged');
  });
});

describe('each way to fail has its own reason, and time to come again', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('fails');
    await repo.commit({ a: '1' });
  });
  afterAll(() => bench.stop());

  it.each([
    ['too many requests, for seconds', 429, 30, 30_000],
    ['in maintenance, for seconds', 503, 120, 120_000],
    ['in maintenance, for longer than a day', 503, 999_999, 86_400_000],
    ['in maintenance, with nonsense', 503, 'soon', undefined],
    ['a bad gateway', 502, undefined, undefined],
    ['a gateway that waits', 504, undefined, undefined],
  ] as const)('%s', async (_what, status, retryAfter, ms) => {
    for (const on of ['ls-refs', 'fetch'] as const) {
      repo.fault({ status, ...(retryAfter === undefined ? {} : { retryAfter }) }, { on });
      await expect(bench.site(repo.url).fetch()).rejects.toMatchObject({
        code: status === 429 ? 'wire-throttled' : 'wire-server',
        reason: 'GitOperationFailed',
        message: expect.stringContaining(String(status)),
        retryAfterMs: ms,
      });
    }
    repo.fault();
  });

  it('until a date', async () => {
    repo.fault({ status: 429, retryAfter: new Date(Date.now() + 90_000).toUTCString() });
    const failed = await bench
      .site(repo.url)
      .fetch()
      .catch((error: unknown) => error);
    repo.fault();
    expect(failed).toMatchObject({ code: 'wire-throttled' });
    const { retryAfterMs } = failed as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(80_000);
    expect(retryAfterMs).toBeLessThanOrEqual(90_000);
  });

  it.each([
    [401, 'source-auth'],
    [403, 'source-auth'],
    [404, 'source-not-found'],
    [407, 'wire-proxy'],
    [400, 'wire-protocol'],
  ] as const)('a %i on the content alone', async (status, code) => {
    repo.fault({ status }, { on: 'fetch' });
    expect((await bench.site(repo.url).fails()).code).toBe(code);
    repo.fault({ portal: true }, { on: 'fetch' });
    expect((await bench.site(repo.url).fails()).code).toBe('wire-protocol');
    repo.fault();
  });

  it('a certificate that has run out', async () => {
    const old = await startBench({ tls: { notAfter: new Date(Date.now() - 86_400_000) } });
    const there = await old.server.repo('x');
    const failed = await old.site(there.url, { tls: { ca: old.server.caPem } }).fails();
    expect(failed).toEqual({ code: 'wire-tls', message: expect.stringMatching(/expired|clock/) });
    await old.stop();
  });
});
