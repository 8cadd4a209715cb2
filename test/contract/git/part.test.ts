import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type LimitName } from '../../../src/model/index.ts';
import { fetchPart, type GitPart, type PartView, type SiteNeeds } from '../../../src/source/git/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { realTime, silentLog } from '../../support/quiet.ts';
import { type Bench, startBench } from './support.ts';

const SITES = 2_000;

/** 2,000 sites of ten files, each on a base, which is on another. */
const fleet = (): Record<string, string> => ({
  ...Object.fromEntries(
    Array.from({ length: SITES * 10 }, (_, i) => [
      `clusters/site-${i % SITES}/part-${Math.floor(i / SITES)}.yaml`,
      i < SITES ? 'base: ../../bases/shop\n' : `kind: ConfigMap\nvalue: "${Math.sin(i)}"\n`,
    ]),
  ),
  ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`bases/shop/f${i}.yaml`, `base: ../${i}\n`])),
  'bases/0/only.yaml': 'kind: ConfigMap\n',
  'bases/unused/x.yaml': 'never\n',
  'README.md': '# Fleet\n',
});

/** What the paths name by lines `base: PATH`. */
async function bases(view: PartView): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of ['clusters/site-7/part-0.yaml', 'bases/shop/f0.yaml'].filter((one) => view.kind(one) === 'file')) {
    const text = Buffer.from(view.read(path) ?? []).toString();
    const at = /^base: (.*)$/m.exec(text)?.[1] ?? '';
    found.push(new URL(at, `file:///${path}`).pathname.slice(1));
  }
  return found;
}

describe('the part of a repository that a site needs', () => {
  let bench: Bench;
  let repo: Repo;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('fleet');
    await repo.commit(fleet());
    await repo.git('repack', '-adq');
  });
  afterAll(() => bench.stop());

  const part = (
    store: MemoryStore,
    needs: SiteNeeds,
    { url = repo.url, limits = {} }: { url?: string; limits?: Partial<Record<LimitName, number>> } = {},
  ): Promise<GitPart | undefined> =>
    fetchPart(
      { wire: bench.wire, store, clock: realTime, log: silentLog },
      { url, ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: 30_000 },
      { limits: { ...DEFAULT_LIMITS, ...limits } },
      needs,
    );

  it('is its folder and the bases it reaches, at a fraction of the bytes', async () => {
    repo.resetRequests();
    const found = await part(memoryStore(), { paths: ['./clusters/site-7'], more: bases });
    expect(found?.paths).toEqual(['bases/0', 'bases/shop', 'clusters/site-7']);
    const { bodyIn, bodyOut, requests } = repo.totals();
    expect(bodyIn + bodyOut).toBeLessThan(80_000);
    expect(requests).toBeLessThan(12);
    const view = found?.view;
    expect(
      ['clusters/site-7/part-9.yaml', 'bases/0/only.yaml', 'clusters/site-8', 'bases/unused', 'README.md'].map((path) =>
        view?.kind(path),
      ),
    ).toEqual(['file', 'file', 'away', 'away', 'away']);
    // What is not there is told from what was not fetched.
    expect(
      ['clusters/site-7/no.yaml', 'clusters/site-9999', 'clusters/site-8/part-1.yaml'].map((p) => view?.kind(p)),
    ).toEqual(['none', 'none', 'away']);
  });

  it('costs little more for a next commit, and leaves only the rest to a fetch of the whole', async () => {
    const store = memoryStore();
    await part(store, { paths: ['clusters/site-7', 'clusters/site-1'], more: bases });
    await repo.commit({ 'clusters/site-7/part-3.yaml': 'kind: ConfigMap\nvalue: changed\n' });
    repo.resetRequests();
    const next = await part(store, { paths: ['clusters/site-7', 'clusters/site-1'], more: bases });
    expect(Buffer.from(next?.view.read('clusters/site-7/part-3.yaml') ?? []).toString()).toContain('changed');
    expect(repo.totals().bodyOut).toBeLessThan(60_000);
    const site = bench.site(repo.url, {}, store);
    await site.fetch();
    const whole = bench.site(repo.url);
    await whole.fetch();
    expect(site.have?.root).toBe(whole.have?.root);
  });

  it('is everything where everything is asked for, and nothing where nothing is there', async () => {
    const small = await bench.server.repo('small');
    await small.commit({ 'a/b': '1', c: '2' });
    const all = await part(memoryStore(), { paths: ['a', './'] }, { url: small.url });
    expect(all?.paths).toEqual(['']);
    expect(['a/b', 'c'].map((path) => all?.view.kind(path))).toEqual(['file', 'file']);
    const none = await part(memoryStore(), { paths: ['x/y', 'c/d', '../a'] }, { url: small.url });
    expect(none?.paths).toEqual(['c/d', 'x/y']);
    expect(['x', 'c/d', 'a'].map((path) => none?.view.kind(path))).toEqual(['none', 'none', 'away']);
  });

  it('goes on after cuts, and leaves no writer open', async () => {
    const store = memoryStore();
    repo.fault({ cut: 20_000 }, { on: 'fetch' });
    // The folder of all sites is one tree of 70 KB: it does not get through.
    await expect(part(store, { paths: ['clusters/site-7'] })).rejects.toMatchObject({ code: 'wire-cut' });
    repo.fault({ cut: 60_000 }, { on: 'fetch', times: 2 });
    expect((await part(store, { paths: ['clusters/site-7', 'bases'] }))?.view.kind('bases/unused/x.yaml')).toBe('file');
    repo.fault();
    expect(store.open()).toBe(0);
  });

  it('is left to the whole where filters are refused, and is bounded where builds never end', async () => {
    const plain = await bench.server.repo('plain', { config: { 'uploadpack.allowFilter': 'false' } });
    await plain.commit({ a: '1' });
    expect(await part(memoryStore(), { paths: ['a'] }, { url: plain.url })).toBeUndefined();
    const old = await bench.server.repo('old', { protocol: 0 });
    await old.commit({ a: '1' });
    expect(await part(memoryStore(), { paths: ['a'] }, { url: old.url })).toBeUndefined();
    let n = 0;
    const more = async (): Promise<readonly string[]> => [`never/${n++}`];
    await expect(
      part(memoryStore(), { paths: ['bases/0'], more }, { limits: { reachRounds: 5 } }),
    ).rejects.toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.reachRounds'),
    });
  });
});
