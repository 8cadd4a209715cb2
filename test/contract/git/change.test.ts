import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../../gitserver/index.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bench, startBench } from './support.ts';

const config = (i: number): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-${i}\ndata:\n  value: "${Math.sin(i)}"\n`;

describe('bytes and requests', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  it('asks once, under 300 bytes, when nothing changed, whatever the number of refs', async () => {
    const repo = await bench.server.repo('poll');
    await repo.commit({ 'a.yaml': 'a: 1\n' });
    const site = bench.site(repo.url);
    await site.fetch();
    await repo.manyRefs(5_000);
    repo.resetRequests();
    const outcome = await site.fetch();
    expect(outcome.kind).toBe('unchanged');
    const { requests, bodyIn, bodyOut } = repo.totals();
    expect(requests).toBe(1);
    expect(bodyIn + bodyOut).toBeLessThan(300);
    expect(outcome.count).toEqual({ requests: 1, up: expect.any(Number), down: expect.any(Number) });
    expect(outcome.count.up + outcome.count.down).toBeLessThan(832);
  });

  it('moves at most twice what git moves for one file of 5,000', async () => {
    const repo = await bench.server.repo('large');
    const files = Array.from({ length: 5_000 }, (_, i) => [`site-${i % 250}/config-${i}.yaml`, config(i)] as const);
    await repo.commit(Object.fromEntries(files));
    const { path, remove } = await tempDir('clone');
    const site = bench.site(repo.url);
    await site.fetch();
    expect(site.files()).toHaveLength(5_000);
    await runGit(['clone', '-q', '--depth=1', '--bare', repo.url, path]);
    await repo.commit({ 'site-7/config-7.yaml': 'changed: true\n' });
    repo.resetRequests();
    await runGit(['fetch', '-q', '--depth=1', repo.url, 'refs/heads/main:refs/heads/next'], { cwd: path });
    const theirs = repo.totals();
    repo.resetRequests();
    const outcome = await site.fetch();
    const ours = repo.totals();
    expect(outcome.kind).toBe('fetched');
    expect(site.text('site-7/config-7.yaml')).toBe('changed: true\n');
    expect(site.text('site-8/config-8.yaml')).toBe(config(8));
    expect(ours.requests).toBe(2);
    expect(ours.bodyIn + ours.bodyOut).toBeLessThanOrEqual(2 * (theirs.bodyIn + theirs.bodyOut));
    await remove();
  });

  it('follows many small commits, each by its difference, to the same content as a fresh fetch', async () => {
    const repo = await bench.server.repo('walk');
    const base = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`d${i % 6}/f${i}.yaml`, config(i).repeat(5)]),
    );
    await repo.commit(base);
    const site = bench.site(repo.url);
    await site.fetch();
    for (let i = 0; i < 12; i++) {
      await repo.commit({
        [`d${i % 6}/f${i}.yaml`]: config(i * 100).repeat(6),
        [`d${i % 6}/new-${i}.yaml`]: i % 3 === 0 ? null : config(i),
        [`d${(i + 1) % 6}/f${(i + 1) % 60}.yaml`]: i % 2 === 0 ? null : config(i + 7),
      });
      repo.resetRequests();
      await site.fetch();
      expect(repo.totals().bodyOut).toBeLessThan(6_000);
    }
    const fresh = bench.site(repo.url);
    await fresh.fetch();
    expect(site.have?.root).toBe(fresh.have?.root);
    expect(site.files()).toEqual(fresh.files());
  });

  it('takes a rewritten history, and the way back from what is here', async () => {
    const repo = await bench.server.repo('rewrite');
    const old = await repo.commit({ 'a.yaml': 'a: 1\n', 'b.yaml': 'b: 1\n' });
    const site = bench.site(repo.url);
    await site.fetch();
    await repo.rewrite({ 'a.yaml': 'a: 2\n' });
    await repo.git('reflog', 'expire', '--expire=now', '--all');
    await repo.git('gc', '-q', '--prune=now');
    await site.fetch();
    expect(site.files()).toEqual(['a.yaml']);
    repo.resetRequests();
    await site.fetch({ ref: { commit: old } });
    expect(repo.totals().requests).toBe(0);
    expect(site.files()).toEqual(['a.yaml', 'b.yaml']);
  });

  it('makes a new view without fetching when only ignore or sparseCheckout changed', async () => {
    const repo = await bench.server.repo('view');
    await repo.commit({ 'a/x.yaml': 'x', 'b/y.yaml': 'y', 'z.yaml': 'z' });
    const site = bench.site(repo.url);
    await site.fetch();
    const whole = site.have?.root;
    repo.resetRequests();
    expect((await site.fetch({ ignore: 'b/' })).kind).toBe('fetched');
    expect(site.files()).toEqual(['a/x.yaml', 'z.yaml']);
    expect((await site.fetch({ ignore: 'b/' })).kind).toBe('unchanged');
    await site.fetch({ sparseCheckout: ['b'] });
    expect(site.files()).toEqual(['b/y.yaml']);
    await site.fetch();
    expect(site.have?.root).toBe(whole);
    expect(repo.requests().map((r) => r.kind)).toEqual(['ls-refs', 'ls-refs', 'ls-refs', 'ls-refs']);
  });

  it('fetches only what is missing after damage', async () => {
    const repo = await bench.server.repo('damage');
    const files = Array.from({ length: 300 }, (_, i) => [`d${i % 5}/f${i}.yaml`, config(i)] as const);
    await repo.commit(Object.fromEntries(files));
    const site = bench.site(repo.url);
    await site.fetch();
    const root = site.have?.root;
    const hurt = site.store.tree(root ?? 'sha256:').stat('d3/f3.yaml')?.digest;
    if (hurt === undefined) throw new Error('no such file');
    const folder = site.store.tree(root ?? 'sha256:').stat('d1')?.digest ?? hurt;
    for (const met of [true, false]) {
      site.store.damage(hurt);
      if (met) expect(() => site.text('d3/f3.yaml')).toThrow('damaged');
      repo.resetRequests();
      await site.fetchAnew();
      expect(site.have?.root).toBe(root);
      expect(site.text('d3/f3.yaml')).toBe(config(3));
      expect(repo.totals().bodyOut).toBeLessThan(1_000);
    }
    site.store.damage(folder);
    repo.resetRequests();
    await site.fetchAnew();
    expect(site.files()).toHaveLength(300);
    expect(repo.totals().bodyOut).toBeLessThan(8_000);
  });

  it('gives nothing of a private repository to another tenant or URL that knows its commit', async () => {
    const repo = await bench.server.repo('private', { auth: { bearer: 'secret' } });
    const commit = await repo.commit({ 'secret.yaml': 'key: 1\n' });
    const owner = bench.site(repo.url, { tenant: 'a', auth: { kind: 'bearer', token: 'secret' } });
    await owner.fetch();
    const other = await bench.server.repo('other');
    await other.commit({ 'a.yaml': 'a: 1\n' });
    const wish = { ref: { commit } };
    expect((await bench.site(repo.url, { ...wish, tenant: 'b' }, owner.store).fails()).code).toBe('source-auth');
    const elsewhere = await bench.site(other.url, { ...wish, tenant: 'a' }, owner.store).fails();
    expect(elsewhere.code).toBe('source-ref-missing');
    repo.resetRequests();
    await bench.site(repo.url, { ...wish, tenant: 'a' }, owner.store).fetch();
    expect(repo.totals().requests).toBe(0);
  });

  it('asks for the whole when the base of a thin pack is gone from the disk', async () => {
    const repo = await bench.server.repo('base');
    const big = Array.from({ length: 400 }, (_, i) => `line ${i} ${Math.cos(i)}`).join('\n');
    await repo.commit({ 'a.yaml': big, 'b.yaml': 'b' });
    const site = bench.site(repo.url);
    await site.fetch();
    const base = site.store.tree(site.have?.root ?? 'sha256:').stat('a.yaml')?.digest;
    if (base === undefined) throw new Error('no such file');
    site.store.forget(base);
    await repo.commit({ 'a.yaml': `${big}\nmore` });
    repo.resetRequests();
    await site.fetch();
    expect(repo.requests().map(({ kind }) => kind)).toEqual(['ls-refs', 'fetch', 'fetch']);
    expect(site.text('a.yaml')).toBe(`${big}\nmore`);
    expect(site.text('b.yaml')).toBe('b');
  });
});

describe.each([0, 1] as const)('a server with protocol v%i only', (protocol) => {
  it('is asked once a poll when the caller remembers what it speaks', async () => {
    const repo = await bench.server.repo('remembered', { protocol });
    expect((await bench.site(repo.url).fails()).code).toBe('source-empty');
    await repo.commit({ a: '1' });
    const servers = new Map<string, 'v0'>();
    const site = bench.site(repo.url, {}, undefined, servers);
    await site.fetch();
    repo.resetRequests();
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(repo.requests().map((r) => r.kind)).toEqual(['info']);
  });

  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  it('is read by way of isomorphic-git, with the same content', async () => {
    const repo = await bench.server.repo('old', { protocol });
    const first = await repo.commit({ 'a.yaml': 'a: 1\n', 'b/c.yaml': 'c' });
    await repo.commit({ 'a.yaml': 'a: 2\n' });
    await repo.tag('v1.0.0', { message: 'one' });
    const site = bench.site(repo.url);
    await site.fetch();
    expect(site.have?.revision).toBe(`main@sha1:${await repo.head()}`);
    expect(site.text('a.yaml')).toBe('a: 2\n');
    expect(site.files()).toEqual(['a.yaml', 'b/c.yaml']);
    expect((await site.fetch()).kind).toBe('unchanged');
    await site.fetch({ ref: { semver: '1.x' } });
    expect(site.have?.revision).toBe(`v1.0.0@sha1:${await repo.head()}`);
    const pinned = bench.site(repo.url, { ref: { commit: first, branch: 'main' } });
    await pinned.fetch();
    expect(pinned.text('a.yaml')).toBe('a: 1\n');
    expect((await pinned.fails({ ref: { commit: '2'.repeat(40) } })).code).toBe('source-ref-missing');
    expect((await site.fails({ ref: { branch: 'nope' } })).message).toContain(
      'couldn\'t find remote ref "refs/heads/nope"',
    );
  });
});
