import { createHash } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, Fault, type FetchOutcome, type SourceRevision } from '../../../src/model/index.ts';
import { fetchGit } from '../../../src/source/git/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { portOf } from '../../support/ports.ts';
import { silentLog } from '../../support/quiet.ts';
import { startRelay } from '../../support/relay.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bench, type Site, startBench } from './support.ts';

/** Bytes that do not compress, the same each time. */
function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

const large = (count: number, size: number): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${i % 7}/f${i}.bin`, noise(`f${i}`, size)]));

const text = (i: number): string =>
  `kind: ConfigMap\nname: c${i}\nvalue: "${createHash('sha256').update(`${i}`).digest('hex')}"\n`;

const sites = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`site-${i >> 3}/part-${i & 7}.yaml`, text(i)]));

/** Bytes of the bodies, both ways, since the last reset. */
const moved = (repo: Repo): number => repo.totals().bodyIn + repo.totals().bodyOut;

async function uncut(bench: Bench, repo: Repo): Promise<{ bytes: number; root: string }> {
  repo.resetRequests();
  const site = bench.site(repo.url);
  await site.fetch();
  const bytes = moved(repo);
  repo.resetRequests();
  return { bytes, root: site.have?.root ?? '' };
}

describe('a transfer that is cut again and again', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  it('is one request for the content when it is not cut, as before', async () => {
    const repo = await bench.server.repo('whole');
    await repo.commit(large(40, 10_000));
    await uncut(bench, repo);
    await bench.site(repo.url).fetch();
    expect(repo.requests().map(({ kind }) => kind)).toEqual(['ls-refs', 'fetch']);
  });

  it.each([
    ['filters', {}],
    ['no filters', { 'uploadpack.allowFilter': 'false' }],
    [
      'no filters, and no objects by id allowed',
      { 'uploadpack.allowFilter': 'false', 'uploadpack.allowAnySHA1InWant': 'false' },
    ],
  ])('ends at no more than 1.3 times the bytes: %s', async (name, config) => {
    const repo = await bench.server.repo(`cut-${name.replace(/\W/g, '')}`, { config });
    await repo.commit(large(160, 30_000));
    const whole = await uncut(bench, repo);
    expect(whole.bytes).toBeGreaterThan(4_800_000);
    repo.fault({ cut: 200_000 }, { on: 'fetch' });
    const site = bench.site(repo.url);
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.root).toBe(whole.root);
    expect(moved(repo)).toBeLessThan(1.3 * whole.bytes);
    expect(repo.requests().length).toBeLessThan(60);
    expect(site.store.open()).toBe(0);
  });

  it('ends where each connection dies, whatever was asked over it', async () => {
    const repo = await bench.server.repo('relay');
    await repo.commit(large(100, 30_000));
    const whole = await uncut(bench, repo);
    const relay = await startRelay({ port: bench.server.port });
    relay.cutAfter(200_000, 'out');
    const site = bench.site(repo.url.replace(/:[0-9]+\//, `:${relay.port}/`));
    await site.fetch();
    expect(site.have?.root).toBe(whole.root);
    expect(relay.in() + relay.out()).toBeLessThan(1.3 * whole.bytes);
    await relay.stop();
  });

  it('ends with thousands of small files, more than the trees fit through', async () => {
    const repo = await bench.server.repo('small');
    await repo.commit(sites(4_000));
    await repo.git('repack', '-adq');
    const whole = await uncut(bench, repo);
    repo.fault({ cut: 30_000 }, { on: 'fetch' });
    const site = bench.site(repo.url);
    await site.fetch();
    expect(site.have?.root).toBe(whole.root);
    expect(site.files().length).toBe(4_000);
    expect(moved(repo)).toBeLessThan(1.3 * whole.bytes);
  });

  it('whose change is cut asks for the rest of the change', async () => {
    const repo = await bench.server.repo('change');
    await repo.commit(sites(800));
    const site = bench.site(repo.url);
    await site.fetch();
    await repo.commit(large(30, 20_000));
    repo.resetRequests();
    repo.fault({ cut: 100_000 }, { on: 'fetch' });
    await site.fetch();
    expect(moved(repo)).toBeLessThan(1.3 * 600_000);
    expect(site.files().length).toBe(830);
    repo.fault();
    const fresh = bench.site(repo.url);
    await fresh.fetch();
    expect(site.have?.root).toBe(fresh.have?.root);
  });

  it('keeps what came when the link goes away, and never takes a part for a revision', async () => {
    const repo = await bench.server.repo('away');
    await repo.commit(large(60, 30_000));
    const whole = await uncut(bench, repo);
    const site = bench.site(repo.url);
    let sum = 0;
    for (let attempt = 0; attempt < 3; attempt++) {
      repo.resetRequests();
      // So little that three attempts cannot bring all, in time enough for a busy machine to read it.
      repo.fault({ hang: 250_000 }, { on: 'fetch', times: 1 });
      const failed = await site.fails({ timeoutMs: 3_000 });
      expect(failed.code).toBe('wire-timeout');
      expect(site.have).toBeUndefined();
      sum += moved(repo);
    }
    repo.fault();
    repo.resetRequests();
    await site.fetch();
    sum += moved(repo);
    expect(site.have?.root).toBe(whole.root);
    // Each attempt loses the file that it was in the middle of.
    expect(moved(repo)).toBeLessThan(whole.bytes - 3 * (250_000 - 31_000));
    expect(sum).toBeLessThan(1.3 * whole.bytes);
    expect((await site.fetch()).kind).toBe('unchanged');
  });

  it('goes on with a newer commit that came meanwhile', async () => {
    const repo = await bench.server.repo('newer');
    await repo.commit(large(60, 30_000));
    const site = bench.site(repo.url);
    repo.fault({ hang: 900_000 }, { on: 'fetch' });
    await site.fails({ timeoutMs: 3_000 });
    repo.fault();
    await repo.commit({ 'd0/f0.bin': 'new', 'more.txt': 'more' });
    repo.resetRequests();
    await site.fetch();
    expect(site.text('more.txt')).toBe('more');
    expect(site.files().length).toBe(61);
    expect(moved(repo)).toBeLessThan(1_000_000);
    // That transfer has ended: the next commit is a difference like any other.
    await repo.commit({ 'more.txt': 'changed' });
    repo.resetRequests();
    await site.fetch();
    expect(repo.requests().map(({ kind }) => kind)).toEqual(['ls-refs', 'fetch']);
    expect(moved(repo)).toBeLessThan(3_000);
  });

  it('that brings nothing at all ends with the reason, after a few requests', async () => {
    const repo = await bench.server.repo('nothing');
    await repo.commit({ ...large(20, 30_000), 'huge.bin': noise('huge', 900_000) });
    repo.fault({ cut: 300_000 }, { on: 'fetch' });
    const site = bench.site(repo.url);
    const failed = await site.fails();
    expect(failed.code).toBe('wire-cut');
    expect(repo.requests().length).toBeLessThan(10);
    // All the others have come.
    repo.fault();
    repo.resetRequests();
    await site.fetch();
    expect(moved(repo)).toBeLessThan(950_000);
    expect(repo.requests().length).toBeLessThan(6);
  });
});

describe('a hostile server, once a transfer was cut', () => {
  let bench: Bench;
  let repo: Repo;
  let front: Server;
  /** What becomes of the body of a request for objects. */
  let twist: (body: string, fetches: number) => string;
  let fetches = 0;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('twisted');
    await repo.commit(large(40, 20_000));
    front = createServer((request, response) => {
      void readAll(request).then((bytes) => {
        const zipped = request.headers['content-encoding'] === 'gzip';
        const body = (zipped ? gunzipSync(bytes) : bytes).toString('latin1');
        const fetch = body.includes('command=fetch');
        if (fetch) fetches += 1;
        const sent = Buffer.from(fetch ? twist(body, fetches) : body, 'latin1');
        const { 'content-encoding': _coding, 'content-length': _length, ...headers } = request.headers;
        const to = {
          host: '127.0.0.1',
          port: bench.server.port,
          path: request.url ?? '/',
          method: request.method ?? 'GET',
        };
        const out = httpRequest({ ...to, headers: { ...headers, 'content-length': sent.length } }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.on('error', () => response.destroy());
          answer.pipe(response);
        });
        out.on('error', () => response.destroy());
        out.end(sent);
      });
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    front.closeAllConnections();
    front.close();
    await bench.stop();
  });
  const site = (): Site => bench.site(repo.url.replace(/:[0-9]+\//, `:${portOf(front)}/`));

  it('that sends other objects than asked for is left, and none of them is kept', async () => {
    const other = await repo.object('blob', 'nobody asked for this');
    twist = (body, n) => (n < 3 ? body : body.replace(/want [0-9a-f]{40}/g, `want ${other}`));
    fetches = 0;
    repo.fault({ cut: 100_000 }, { on: 'fetch', times: 1 });
    const one = site();
    const failed = await one.fails();
    repo.fault();
    expect(failed).toEqual({
      code: 'source-corrupt',
      message: expect.stringContaining('does not send what it is asked'),
    });
    expect(fetches).toBeLessThan(8);
    expect(one.have).toBeUndefined();
    expect(one.store.byAlias(other)).toBeUndefined();
  });

  it('that ignores the filter costs bytes and nothing else', async () => {
    let ignored = 0;
    twist = (body) => {
      if (body.includes('filter blob:none')) ignored += 1;
      return body.replace('0015filter blob:none\n', '');
    };
    const one = site();
    await one.fetch();
    // Where another commit is here, folders are asked for without their files.
    await repo.commit(
      Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`new/n${i}.bin`, noise(`n${i}`, 20_000)])),
    );
    repo.fault({ cut: 60 }, { on: 'fetch', times: 2 });
    await one.fetch();
    repo.fault();
    expect(ignored).toBeGreaterThan(0);
    expect(one.files().length).toBe(52);
  });

  it('that does not give objects by id is asked for the whole', async () => {
    fetches = 0;
    let refused = 0;
    twist = (body, n) => {
      const wants = body.match(/want [0-9a-f]{40}/g)?.length ?? 0;
      if (wants > 1 && n > 1) {
        refused += 1;
        return body.replace(/want [0-9a-f]{39}/g, `want ${'1'.repeat(39)}`);
      }
      return body;
    };
    repo.fault({ cut: 100_000 }, { on: 'fetch', times: 1 });
    const one = site();
    await one.fetch();
    repo.fault();
    expect(refused).toBe(1);
    expect(one.files().length).toBe(52);
  });
});

describe('a part on a real disk', () => {
  it('outlives restarts and garbage collections, and goes when a pointer names the whole', async () => {
    const bench = await startBench();
    const repo = await bench.server.repo('disk');
    await repo.commit(large(60, 30_000));
    const { path, remove } = await tempDir('git-resume');
    const clock = {
      now: () => 1_000,
      monotonic: () => performance.now(),
      sleep: () => Promise.resolve(),
      after: () => () => {},
    };
    const open = (): ReturnType<typeof openCache> => openCache({ disk: createDisk(path), limits: DEFAULT_LIMITS });
    const fetch = (cache: ReturnType<typeof open>, have?: SourceRevision): Promise<FetchOutcome> =>
      fetchGit(
        { wire: bench.wire, store: cache.store, clock, log: silentLog },
        {
          url: repo.url,
          ref: { branch: 'main' },
          sparseCheckout: [],
          timeoutMs: 3_000,
          ...(have === undefined ? {} : { have }),
        },
        { limits: DEFAULT_LIMITS },
      );
    for (const bytes of [500_000, 400_000, 400_000]) {
      repo.fault({ hang: bytes }, { on: 'fetch' });
      await expect(fetch(open())).rejects.toBeInstanceOf(Fault);
      const restarted = open();
      for (let i = 0; i < 3; i++) expect((await restarted.gc()).held).toBe('');
    }
    repo.fault();
    repo.resetRequests();
    const cache = open();
    const outcome = await fetch(cache);
    if (outcome.kind !== 'fetched') throw new Error('nothing came');
    expect(repo.totals().bodyOut).toBeLessThan(700_000);
    expect(createDisk(path).list('parts').length).toBeGreaterThan(0);
    const note = { at: 1_000, request: '', count: outcome.count };
    await cache.sources.admit('GitRepository/default/site', outcome.content, note);
    expect(createDisk(path).list('parts')).toEqual([]);
    expect((await fetch(cache, outcome.content)).kind).toBe('unchanged');
    for (let i = 0; i < 4; i++) await cache.gc();
    expect((await open().verify()).missing).toBe(0);
    await bench.stop();
    await remove();
  });
});

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
