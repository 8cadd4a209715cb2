import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import type { PartView } from '../../../src/source/git/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { type Bench, type Site, startBench } from './support.ts';

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

  /** What a path leads to, as a render sees it. */
  const kind = (site: Site, path: string): string => {
    try {
      return site.store.tree(site.have?.root ?? 'sha256:').stat(path)?.type === 'directory'
        ? `folder of ${site.store.tree(site.have?.root ?? 'sha256:').list(path)?.length}`
        : (site.text(path) ?? 'none');
    } catch (error) {
      return error instanceof Fault ? error.code : String(error);
    }
  };

  it('is its folder and the bases it reaches, at a fraction of the bytes', async () => {
    repo.resetRequests();
    const site = bench.site(repo.url, { needs: { paths: ['./clusters/site-7'], more: bases } });
    await site.fetch();
    expect(site.have?.part?.paths).toEqual(['bases/0', 'bases/shop', 'clusters/site-7']);
    const { bodyIn, bodyOut, requests } = repo.totals();
    expect(bodyIn + bodyOut).toBeLessThan(80_000);
    expect(requests).toBeLessThan(12);
    expect(['bases/0', 'bases/shop', 'clusters/site-7', 'bases/0/only.yaml'].map((path) => kind(site, path))).toEqual([
      'folder of 1',
      'folder of 20',
      'folder of 10',
      'kind: ConfigMap\n',
    ]);
    const away = ['clusters/site-8', 'bases/unused', 'README.md', 'clusters/site-8/part-1.yaml'];
    expect(away.map((path) => kind(site, path))).toEqual(away.map(() => 'source-incomplete'));
    // What is not there is told from what was not fetched.
    expect(['clusters/site-7/no.yaml', 'clusters/site-9999'].map((path) => kind(site, path))).toEqual(['none', 'none']);
  });

  it('is nothing where nothing is there', async () => {
    const small = await bench.server.repo('small');
    await small.commit({ 'a/b': '1', c: '2' });
    const site = bench.site(small.url, { needs: { paths: ['x/y', 'c/d', '../a'] } });
    await site.fetch();
    expect(site.have?.part?.paths).toEqual(['c/d', 'x/y']);
    expect(['x', 'x/y', 'a'].map((path) => kind(site, path))).toEqual(['none', 'none', 'source-incomplete']);
  });

  it('goes on after cuts, and leaves no writer open', async () => {
    const site = bench.site(repo.url, { needs: { paths: ['clusters/site-7', 'bases'] } });
    repo.fault({ cut: 20_000 }, { on: 'fetch' });
    // The folder of all sites is one tree of 70 KB: it does not get through.
    expect((await site.fails()).code).toBe('wire-cut');
    expect(site.have).toBeUndefined();
    repo.fault({ cut: 60_000 }, { on: 'fetch', times: 2 });
    await site.fetch();
    repo.fault();
    expect(site.text('bases/unused/x.yaml')).toBe('never\n');
    expect(site.store.open()).toBe(0);
  });

  it('is bounded where builds never end', async () => {
    let n = 0;
    const more = async (): Promise<readonly string[]> => [`never/${n++}`];
    const site = bench.site(repo.url, { needs: { paths: ['bases/0'], more } });
    const failed = await site.fails({}, { reachRounds: 5 });
    expect(failed).toEqual({ code: 'source-bounds', message: expect.stringContaining('limits.reachRounds') });
    expect(n).toBe(5);
  });
});
