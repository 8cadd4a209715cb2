import { createServer as createHttp } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { portOf } from '../../support/ports.ts';
import { startProxy } from '../../support/proxy.ts';
import { silentLog } from '../../support/quiet.ts';
import { startRelay } from '../../support/relay.ts';
import { type Bench, startBench } from './support.ts';

describe('a link or server that fails', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('link');
    await repo.commit(
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, `${Math.sin(i)}`.repeat(20)])),
    );
  });
  afterAll(() => bench.stop());

  it.each([
    ['a wrong password', { status: 401 }, 'source-auth', 'authentication required: unauthorized'],
    ['a refusal', { status: 403 }, 'source-auth', 'authorization failed'],
    ['an unknown repository', { status: 404 }, 'source-not-found', 'repository not found'],
    ['an error of the server', { status: 500 }, 'wire-server', 'status code: 500'],
    ['a server in maintenance', { status: 503 }, 'wire-server', 'status code: 503'],
    ['a login page', { portal: true }, 'wire-protocol', "not a Git server's"],
    ['a closed connection', { cut: 0 }, 'wire-cut', 'unexpected EOF'],
  ] as const)('%s has its own reason', async (_what, fault, code, message) => {
    repo.fault(fault);
    const site = bench.site(repo.url);
    const failed = await site.fails();
    repo.fault();
    expect(failed).toEqual({ code, message: expect.stringContaining(message) });
    expect(failed.message).toContain(repo.url);
    expect((await site.fetch()).kind).toBe('fetched');
  });

  it('waits as long as the server says', async () => {
    repo.fault({ status: 429, retryAfter: 7 });
    await expect(bench.site(repo.url).fetch()).rejects.toMatchObject({ code: 'wire-throttled', retryAfterMs: 7_000 });
    repo.fault();
  });

  it.each([
    ['changed in one bit', { flip: 9_000 }, 'source-corrupt'],
    ['cut in its first packet', { cut: 10 }, 'wire-cut'],
    ['reset in its first packet', { reset: 10 }, 'wire-cut'],
  ] as const)('a pack that is %s leaves nothing behind', async (_what, fault, code) => {
    const site = bench.site(repo.url);
    repo.fault(fault, { on: 'fetch' });
    const failed = await site.fails();
    repo.fault();
    expect(failed.code).toBe(code);
    if (code === 'wire-cut') expect(failed.message).toContain('unexpected EOF');
    expect(site.store.sizes().blobs).toBe(0);
    expect(site.store.open()).toBe(0);
  });

  it.each([
    ['after a part', 9_000],
    ['before its first byte', 0],
  ] as const)('a pack that stands still %s is gone on with after limits.bodyIdleMs', async (_what, hang) => {
    const site = bench.site(repo.url);
    repo.fault({ hang }, { on: 'fetch', times: 1 });
    const before = performance.now();
    await site.fetch({ timeoutMs: 60_000 }, { bodyIdleMs: 400 });
    repo.fault();
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(site.files().length).toBe(200);
    expect(site.store.open()).toBe(0);
  });

  it('a server that stands still each time is given up while there is time left', async () => {
    repo.fault({ hang: 0 }, { on: 'fetch' });
    const failed = await bench.site(repo.url).fails({ timeoutMs: 60_000 }, { bodyIdleMs: 200 });
    repo.fault();
    expect(failed).toMatchObject({ code: 'wire-timeout', message: expect.stringContaining('nothing more came') });
  });

  it.each([
    ['cut', { cut: 9_000 }],
    ['ended early', { truncate: 9_000 }],
    ['reset', { reset: 9_000 }],
  ] as const)('a pack that is %s is gone on with (resume.test.ts)', async (_what, fault) => {
    const site = bench.site(repo.url);
    repo.fault(fault, { on: 'fetch' });
    repo.resetRequests();
    await site.fetch();
    repo.fault();
    expect(repo.requests().filter(({ kind }) => kind === 'fetch').length).toBeGreaterThan(1);
    expect(site.files().length).toBe(200);
    expect(site.store.open()).toBe(0);
  });

  it.each([
    ['reset', { reset: 30 }, 'ECONNRESET'],
    ['cut', { cut: 30 }, 'end'],
  ] as const)('a connection that is %s is that on the socket, behind what was sent', async (_what, fault, end) => {
    repo.fault(fault);
    const socket = connect(bench.server.port, '127.0.0.1');
    let got = '';
    const ended = new Promise<string>((resolve) => {
      socket.on('data', (bytes: Buffer) => {
        got += bytes.toString('latin1');
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      socket.once('end', () => resolve('end'));
    });
    const path = `${new URL(repo.url).pathname}/info/refs?service=git-upload-pack`;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await ended).toBe(end);
    repo.fault();
    expect(got).toContain('001e# service=git-upload-pack\n');
  });

  it('no cut of the pack is taken for its end', async () => {
    const small = await bench.server.repo('small');
    await small.commit({ a: '1', b: '2' });
    const whole = bench.site(small.url);
    await whole.fetch();
    const length = small.requests().find((r) => r.kind === 'fetch')?.bodyOut ?? 0;
    expect(length).toBeGreaterThan(100);
    for (let at = 1; at < length; at += 7) {
      small.fault({ truncate: at }, { on: 'fetch' });
      const site = bench.site(small.url);
      const code = await site.fetch().then(
        () => '',
        (error: unknown) => (error instanceof Fault ? error.code : String(error)),
      );
      // What came by then may be all there is, or enough to ask for the rest in parts.
      expect(site.have?.root).toBe(code === 'wire-cut' ? undefined : whole.have?.root);
      expect(['', 'wire-cut']).toContain(code);
    }
  });

  it('a list of refs that is cut is not taken for a missing branch', async () => {
    const site = bench.site(repo.url);
    await site.fetch();
    for (const at of [1, 20, 61, 64]) {
      repo.fault({ truncate: at }, { on: 'ls-refs' });
      expect((await site.fails()).code).toBe('wire-cut');
    }
    repo.fault();
  });

  it.each([
    ['never answers', { hang: 'head' }],
    ['stops in the middle', { hang: 3_000 }],
    ['drips', { drip: 400 }],
  ] as const)('a server that %s is left at spec.timeout', async (_what, fault) => {
    repo.fault(fault);
    const start = performance.now();
    const failed = await bench.site(repo.url).fails({ timeoutMs: 600 });
    const took = performance.now() - start;
    repo.fault();
    expect(failed).toEqual({ code: 'wire-timeout', message: expect.stringContaining('context deadline exceeded') });
    expect(took).toBeGreaterThan(550);
    expect(took).toBeLessThan(4_000);
  });

  it('a port that accepts and says nothing is left too, and so is one that refuses', async () => {
    const mute: Server = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${portOf(mute)}/x.git`;
    expect((await bench.site(url).fails({ timeoutMs: 300 })).code).toBe('wire-timeout');
    await new Promise((resolve) => {
      mute.close(resolve);
    });
    expect(await bench.site(url).fails()).toEqual({
      code: 'wire-unreachable',
      message: expect.stringContaining('connection refused'),
    });
  });

  it('a host name that is none says so', async () => {
    const failed = await bench.site('http://no-such-host.invalid/x.git').fails();
    expect(failed).toEqual({ code: 'wire-unreachable', message: expect.stringContaining('no-such-host.invalid') });
  });

  it('a kept connection that died meanwhile is replaced without notice', async () => {
    const relay = await startRelay({ port: bench.server.port });
    const site = bench.site(repo.url.replace(/:[0-9]+\//, `:${relay.port}/`));
    await site.fetch();
    const before = relay.connections();
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(relay.connections()).toBe(before);
    relay.dropAll();
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(relay.connections()).toBe(before + 1);
    await relay.stop();
  });

  it('an aborted signal ends the fetch', async () => {
    repo.fault({ hang: 'head' });
    const { fetchGit } = await import('../../../src/source/git/index.ts');
    const { DEFAULT_LIMITS } = await import('../../../src/model/index.ts');
    const abort = new AbortController();
    const site = bench.site(repo.url);
    const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };
    const running = fetchGit(
      { wire: bench.wire, store: site.store, clock, log: silentLog },
      { url: repo.url, ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: 20_000 },
      { limits: DEFAULT_LIMITS, signal: abort.signal },
    );
    abort.abort(new Error('shutting down'));
    await expect(running).rejects.toThrow('shutting down');
    repo.fault();
  });

  it('is followed to another place, without the credentials', async () => {
    const other = await startBench();
    const there = await other.server.repo('link');
    await there.commit({ moved: 'yes' });
    repo.setAuth({ basic: { username: 'ada', password: 'secret' } });
    repo.fault({ redirect: other.server.url, status: 301 });
    const site = bench.site(repo.url, { auth: { kind: 'basic', username: 'ada', password: 'secret' } });
    await site.fetch();
    repo.fault();
    repo.setAuth(undefined);
    expect(site.text('moved')).toBe('yes');
    expect(there.requests().map((r) => r.authorization)).toEqual(['', '']);
    await other.stop();
  });
});

describe('a server that moves clients at discovery, as GitLab does for a URL without .git', () => {
  it('is followed, with credentials on the same origin only', async () => {
    const bench = await startBench();
    const repo = await bench.server.repo('moved');
    await repo.commit({ a: '1' });
    const front = createHttp((request, response) => {
      const found = request.url === '/moved/info/refs?service=git-upload-pack';
      response.writeHead(found ? 301 : 404, found ? { location: `${repo.url}/info/refs?service=git-upload-pack` } : {});
      request.resume().on('end', () => response.end());
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const site = bench.site(`http://127.0.0.1:${portOf(front)}/moved`, { auth: { kind: 'bearer', token: 'secret' } });
    await site.fetch();
    expect(site.text('a')).toBe('1');
    expect(repo.requests().map((r) => [r.kind, r.authorization])).toEqual([
      ['info', ''],
      ['ls-refs', ''],
      ['fetch', ''],
    ]);
    front.closeAllConnections();
    front.close();
    await bench.stop();
  });
});

describe('credentials', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('private');
    await repo.commit({ a: '1' });
  });
  afterAll(() => bench.stop());

  it('are sent as basic auth, from the request or the URL, or as a bearer token', async () => {
    repo.setAuth({ basic: { username: 'ada', password: 'pässword' } });
    const auth = { kind: 'basic', username: 'ada', password: 'pässword' } as const;
    expect((await bench.site(repo.url, { auth }).fetch()).kind).toBe('fetched');
    const inUrl = repo.url.replace('://', '://ada:p%C3%A4ssword@');
    expect((await bench.site(inUrl).fetch()).kind).toBe('fetched');
    repo.setAuth({ bearer: 'token-1' });
    expect((await bench.site(repo.url, { auth: { kind: 'bearer', token: 'token-1' } }).fetch()).kind).toBe('fetched');
  });

  it('that cannot be sent are named as what they are', async () => {
    const failed = await bench.site(repo.url, { auth: { kind: 'bearer', token: 'line\nbreak' } }).fails();
    expect(failed.code).toBe('secret-invalid');
    expect(failed.message).not.toContain('break');
  });

  it('that are wrong give an error that does not repeat them', async () => {
    repo.setAuth({ basic: { username: 'ada', password: 'right' } });
    const inUrl = repo.url.replace('://', '://ada:topsecret@');
    const failed = await bench.site(inUrl).fails();
    expect(failed).toEqual({
      code: 'source-auth',
      message: expect.stringContaining('authentication required: unauthorized'),
    });
    expect(failed.message).not.toContain('topsecret');
    repo.fault({ hang: 'head' });
    repo.setAuth(undefined);
    expect((await bench.site(inUrl).fails({ timeoutMs: 200 })).message).not.toContain('topsecret');
    repo.fault();
  });
});

describe('TLS and proxies', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench({ tls: { clientCertificate: 'required' } });
    repo = await bench.server.repo('secure');
    await repo.commit({ a: '1' });
  });
  afterAll(() => bench.stop());

  const tls = (): { ca: string; cert: string; key: string } => {
    const { certPem, keyPem } = bench.server.clientCredentials('agent');
    return { ca: bench.server.caPem, cert: certPem, key: keyPem };
  };

  it('a given authority and client certificate are used', async () => {
    expect((await bench.site(repo.url, { tls: tls() }).fetch()).kind).toBe('fetched');
    expect(repo.requests().at(-1)?.certificate).toBe('agent');
  });

  it('an unknown authority, a missing client certificate and an unreadable key are told apart', async () => {
    const unknown = await bench.site(repo.url).fails();
    expect(unknown).toEqual({ code: 'wire-tls', message: expect.stringContaining('unknown authority') });
    const other = createAuthority('other').certPem;
    expect((await bench.site(repo.url, { tls: { ...tls(), ca: other } }).fails()).code).toBe('wire-tls');
    const bare = await bench.site(repo.url, { tls: { ca: bench.server.caPem } }).fails();
    expect(['wire-tls', 'wire-unreachable']).toContain(bare.code);
    const broken = await bench.site(repo.url, { tls: { ...tls(), key: 'no key' } }).fails();
    expect(broken).toEqual({ code: 'wire-tls', message: expect.stringContaining('cannot be used') });
  });

  it('a certificate for another host is refused', async () => {
    const failed = await bench.site(repo.url.replace('127.0.0.1', 'localhost'), { tls: tls() }).fetch();
    expect(failed.kind).toBe('fetched');
    const wrong = await startBench({ tls: { hosts: ['git.example.com'] } });
    const there = await wrong.server.repo('x');
    expect((await wrong.site(there.url, { tls: { ca: wrong.server.caPem } }).fails()).code).toBe('wire-tls');
    await wrong.stop();
  });

  it('go through a proxy: a tunnel for https, absolute form for http', async () => {
    const proxy = await startProxy({ auth: { username: 'p', password: 'q' } });
    const good = { address: proxy.url, username: 'p', password: 'q' };
    await bench.site(repo.url, { tls: tls(), proxy: good }).fetch();
    expect(proxy.requests().at(-1)).toMatchObject({
      method: 'CONNECT',
      target: `127.0.0.1:${bench.server.port}`,
      status: 200,
    });
    const plain = await startBench();
    const open = await plain.server.repo('open');
    await open.commit({ a: '1' });
    await plain.site(open.url, { proxy: good }).fetch();
    expect(proxy.requests().at(-1)?.target).toContain(open.url);
    for (const [url, more] of [
      [repo.url, { tls: tls() }],
      [open.url, {}],
    ] as const) {
      const failed = await bench.site(url, { ...more, proxy: { ...good, password: 'wrong-one' } }).fails();
      expect(failed).toEqual({ code: 'wire-proxy', message: expect.stringContaining('unexpected requesting') });
      expect(failed.message).not.toContain('wrong-one');
    }
    await proxy.stop();
    expect((await bench.site(repo.url, { tls: tls(), proxy: good }).fails()).code).toBe('wire-proxy');
    await plain.stop();
  });
});
