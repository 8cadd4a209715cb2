import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SiteNeeds } from '../../../src/source/git/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { type Bench, type Site, startBench } from './support.ts';

const SITES = 2_000;

/** 2,000 sites of ten files, and a base. */
const fleet = (): Record<string, string> => ({
  ...Object.fromEntries(
    Array.from({ length: SITES * 10 }, (_, i) => [
      `clusters/site-${i % SITES}/part-${Math.floor(i / SITES)}.yaml`,
      `kind: ConfigMap\nvalue: "${Math.sin(i)}"\n`,
    ]),
  ),
  ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`bases/shop/f${i}.yaml`, `kind: x${i}\n`])),
  'bases/unused/x.yaml': 'never\n',
  'README.md': '# Fleet\n',
});

const SCOPE: SiteNeeds = {
  paths: ['clusters/site-7', 'clusters/site-8'],
  more: async ({ kind }) => (kind('clusters/site-7/part-0.yaml') === 'file' ? ['bases/shop'] : []),
};

const awayAt = (site: Site, path: string) => () => site.text(path);

describe('a source of which only what is needed is fetched', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('fleet');
    await repo.commit(fleet());
    await repo.git('repack', '-adq');
  });
  afterAll(() => bench.stop());

  /** Bytes of bodies that an act moves, and how many requests. */
  async function cost(act: () => Promise<unknown>): Promise<{ bytes: number; requests: number }> {
    repo.resetRequests();
    await act();
    const { bodyIn, bodyOut, requests } = repo.totals();
    return { bytes: bodyIn + bodyOut, requests };
  }

  it('is a revision of these folders; the rest is away, which is not absent', async () => {
    const site = bench.site(repo.url, { needs: SCOPE });
    const { bytes } = await cost(() => site.fetch());
    expect(bytes).toBeLessThan(80_000);
    // What the server can do is asked once, however many rounds it takes.
    expect(repo.requests().filter(({ kind }) => kind === 'info')).toHaveLength(1);
    expect(site.have?.part?.paths).toEqual(['bases/shop', 'clusters/site-7', 'clusters/site-8']);
    expect(site.text('clusters/site-7/part-3.yaml')).toContain('ConfigMap');
    expect(site.text('clusters/none/x')).toBeUndefined();
    for (const path of ['clusters/site-9/part-0.yaml', 'clusters/site-9/none', 'README.md', 'bases/unused/x.yaml'])
      expect(awayAt(site, path)).toThrow(expect.objectContaining({ code: 'source-incomplete', paths: [path] }));
    const whole = bench.site(repo.url);
    const all = await cost(() => whole.fetch());
    expect(all.bytes).toBeGreaterThan(5 * bytes);
    expect(whole.have?.revision).toBe(site.have?.revision);
    expect(whole.have?.root).not.toBe(site.have?.root);
  });

  it('costs one request a poll, and no pack of other folders for commits anywhere', async () => {
    const site = bench.site(repo.url, { needs: SCOPE });
    await site.fetch();
    const idle = await cost(async () => expect((await site.fetch()).kind).toBe('unchanged'));
    expect(idle).toMatchObject({ requests: 1 });
    expect(idle.bytes).toBeLessThan(1_000);
    const before = site.store.tree(site.have?.root ?? 'sha256:').stat('clusters/site-7')?.digest;
    await repo.commit({ 'clusters/site-99/part-1.yaml': `kind: ConfigMap\nvalue: "${'x'.repeat(200_000)}"\n` });
    const elsewhere = await cost(async () => expect((await site.fetch()).kind).toBe('fetched'));
    // Not the list of 2,000 sites, which is 70 KB: what changed of it.
    expect(elsewhere.bytes).toBeLessThan(4_000);
    expect(site.store.tree(site.have?.root ?? 'sha256:').stat('clusters/site-7')?.digest).toBe(before);
    await repo.commit({ 'clusters/site-7/part-1.yaml': 'kind: ConfigMap\nvalue: changed\n' });
    const inside = await cost(() => site.fetch());
    expect(inside.bytes).toBeLessThan(4_000);
    expect(site.text('clusters/site-7/part-1.yaml')).toContain('changed');
  });

  it('grows where more is needed, and shrinks only with the next commit', async () => {
    const site = bench.site(repo.url, { needs: SCOPE });
    await site.fetch();
    const wider = { needs: { ...SCOPE, paths: ['clusters/site-7', 'clusters/site-8', 'clusters/site-20'] } };
    const more = await cost(async () => expect((await site.fetch(wider)).kind).toBe('fetched'));
    expect(more.bytes).toBeLessThan(6_000);
    expect(site.text('clusters/site-20/part-0.yaml')).toContain('ConfigMap');
    const narrow = { needs: { paths: ['clusters/site-8'] } };
    const root = site.have?.root;
    const less = await cost(() => site.fetch(narrow));
    expect([site.have?.root, less.requests]).toEqual([root, 1]);
    expect((await site.fetch(narrow)).kind).toBe('unchanged');
    await repo.commit({ 'clusters/site-1/part-0.yaml': 'kind: ConfigMap\n' });
    await site.fetch(narrow);
    expect(site.have?.part?.paths).toEqual(['clusters/site-8']);
    expect(awayAt(site, 'clusters/site-7/part-1.yaml')).toThrow('was not fetched');
    // A folder that the repository does not have is known not to be there.
    await site.fetch({ needs: { paths: ['clusters/none/x', 'clusters/site-8'] } });
    expect(site.text('clusters/none/x')).toBeUndefined();
    expect((await site.fetch({ needs: { paths: ['clusters/none/x', 'clusters/site-8'] } })).kind).toBe('unchanged');
  });

  it('keeps what was here when only the commit is another, of the same tree', async () => {
    const site = bench.site(repo.url, { needs: SCOPE });
    await site.fetch({ needs: { ...SCOPE, paths: ['clusters/site-7', 'clusters/site-8', 'clusters/site-20'] } });
    const before = site.have;
    await repo.git('update-ref', 'refs/heads/main', await repo.git('commit-tree', '-m', 'reworded', 'main^{tree}'));
    const reworded = await cost(async () => expect((await site.fetch()).kind).toBe('fetched'));
    expect(site.have?.revision).not.toBe(before?.revision);
    expect([site.have?.part?.paths, site.have?.root]).toEqual([before?.part?.paths, before?.root]);
    expect(reworded.bytes).toBeLessThan(2_000);
    expect((await site.fetch()).kind).toBe('unchanged');
  });

  it('becomes the whole, and a part again, with what is here', async () => {
    const site = bench.site(repo.url);
    await site.fetch({ needs: SCOPE });
    await site.fetch();
    expect(site.have?.part).toBeUndefined();
    const fresh = bench.site(repo.url);
    await fresh.fetch();
    expect(site.have?.root).toBe(fresh.have?.root);
    // The whole is here: nothing is gained by a part of it.
    expect((await site.fetch({ needs: SCOPE })).kind).toBe('unchanged');
    await repo.commit({ 'clusters/site-8/part-0.yaml': 'kind: ConfigMap\nvalue: again\n' });
    const part = await cost(() => site.fetch({ needs: SCOPE }));
    expect(site.have?.part?.paths).toContain('clusters/site-8');
    expect(part.bytes).toBeLessThan(80_000);
    expect(site.text('clusters/site-8/part-0.yaml')).toContain('again');
    // The difference to a part would lack what is away: the whole is asked for, or the rest.
    await repo.commit({ 'bases/unused/x.yaml': 'other\n' });
    await site.fetch();
    await fresh.fetch();
    expect([site.have?.part, site.have?.root]).toEqual([undefined, fresh.have?.root]);
  });

  it('mends what was lost, and asks for no more', async () => {
    const store = memoryStore();
    const site = bench.site(repo.url, { needs: SCOPE }, store);
    await site.fetch();
    const { root } = site.have ?? { root: 'sha256:' };
    const digest = store.tree(root).stat('bases/shop/f3.yaml')?.digest ?? 'sha256:';
    store.forget(digest);
    const mended = await cost(() => site.fetchAnew());
    expect(mended.bytes).toBeLessThan(4_000);
    expect([site.have?.root, site.text('bases/shop/f3.yaml')]).toEqual([root, 'kind: x3\n']);
  });

  it('is the whole where the server gives no parts, or all is reached', async () => {
    const plain = await bench.server.repo('plain', { config: { 'uploadpack.allowFilter': 'false' } });
    await plain.commit({ 'a/x': '1', 'b/x': '2' });
    const site = bench.site(plain.url, { needs: { paths: ['a'] } });
    await site.fetch();
    expect([site.have?.part, site.files()]).toEqual([undefined, ['a/x', 'b/x']]);
    await plain.commit({ 'b/x': '3' });
    await site.fetch();
    expect(site.text('b/x')).toBe('3');
    expect((await site.fetch()).kind).toBe('unchanged');
    for (const config of [{ 'uploadpackfilter.allow': 'false' }, { 'uploadpackfilter.tree.maxDepth': '0' }]) {
      const some = await bench.server.repo(`some-${Object.keys(config)[0]?.length}`, { config });
      await some.commit({ 'a/x': '1', 'b/x': '2' });
      const picky = bench.site(some.url, { needs: { paths: ['a'] } });
      await picky.fetch();
      expect(picky.text('a/x')).toBe('1');
      await some.commit({ 'a/x': '2' });
      await picky.fetch();
      expect(picky.text('a/x')).toBe('2');
      // Who allows no depth still gives folders one by one.
      expect(picky.have?.part?.paths).toEqual('uploadpackfilter.allow' in config ? undefined : ['a']);
    }
    const small = await bench.server.repo('small');
    await small.commit({ 'a/x': '1', 'b/x': '2' });
    for (const needs of [{ paths: [''] }, { paths: ['a'], more: async () => ['.'] }]) {
      const other = bench.site(small.url, { needs });
      await other.fetch();
      expect([other.have?.part, other.files()]).toEqual([undefined, ['a/x', 'b/x']]);
    }
  });

  it('comes as well where folders beside the way are sent as differences to what was never here', async () => {
    const deep = await bench.server.repo('deep');
    const wide = (value: string) =>
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x/y/file-${i}.yaml`, `${i < 1 ? value : i}\n`]));
    await deep.commit({ 'a/b/c/1.yaml': '1', 'a/b/d.yaml': 'd', ...wide('one') });
    const site = bench.site(deep.url, { needs: { paths: ['a/b/c'] } });
    await site.fetch();
    await deep.commit({ 'a/b/c/1.yaml': '2', ...wide('two') });
    await site.fetch();
    expect(site.text('a/b/c/1.yaml')).toBe('2');
    expect(awayAt(site, 'x/y/file-1.yaml')).toThrow('was not fetched');
    expect(site.store.open()).toBe(0);
  });

  it('follows tags and ignore rules', async () => {
    const tagged = await bench.server.repo('tagged');
    await tagged.commit({ 'a/x.yaml': '1', 'a/y.yaml': '2', 'b/x': '3', '.sourceignore': 'y.yaml\n' });
    await tagged.git('tag', '-a', '-m', 'one', 'v1');
    const needs = { paths: ['a'] };
    const site = bench.site(tagged.url, { needs, ref: { tag: 'v1' } });
    await site.fetch();
    expect([site.text('a/x.yaml'), site.text('a/y.yaml')]).toEqual(['1', undefined]);
    expect((await site.fetch()).kind).toBe('unchanged');
    const { bytes } = await cost(() => site.fetch({ ignore: 'x.yaml' }));
    expect([site.text('a/x.yaml'), bytes < 1_000]).toEqual([undefined, true]);
    expect(awayAt(site, 'b/x')).toThrow('was not fetched');
  });
});
