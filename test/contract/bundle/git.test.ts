import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceRevision } from '../../../src/model/index.ts';
import { gitContent, writeGitBundle } from '../../../src/source/bundle/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { type Bench, startBench } from '../git/support.ts';
import { offlineSite, readFileAt } from './support.ts';

let bench: Bench;
let dir: TempDir;
beforeAll(async () => {
  [bench, dir] = [await startBench(), await tempDir('bundles')];
});
afterAll(async () => {
  await bench.stop();
  await dir.remove();
});

let count = 0;
let files = 0;
/** A bundle of plain `git bundle create`. */
async function gitBundle(repo: Repo, ...what: string[]): Promise<Buffer> {
  const path = join(dir.path, `${++files}.bundle`);
  await repo.git('bundle', 'create', path, ...what);
  return readFileAt(path);
}

const written = (store: MemoryStore, revision: SourceRevision, base?: SourceRevision): Buffer =>
  Buffer.concat([...writeGitBundle(store, gitContent(store, revision, base))]);

const repoOf = (): Promise<Repo> => bench.server.repo(`bundle-${++count}`);
const at = (date: number) => ({ date });
const big = (seed: string): string => Array.from({ length: 400 }, (_, i) => `${seed} ${i}\n`).join('');

describe('a bundle of git', () => {
  it('is taken whole: the revision, its files and its metadata are those of a fetch', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': 'one', 'dir/b.yaml': big('b') });
    const head = await repo.commit({ 'a.yaml': 'two', '.sourceignore': 'left/', 'left/c': 'c' });
    const online = bench.site(repo.url);
    await online.fetch();
    const site = offlineSite(repo.url);
    const outcome = await site.take(await gitBundle(repo, 'main'));
    expect(outcome).toEqual({ kind: 'fetched', content: online.have, count: { requests: 0, up: 0, down: 0 } });
    expect(site.have?.revision).toBe(`main@sha1:${head}`);
    expect([site.text('a.yaml'), site.text('left/c')]).toEqual(['two', undefined]);
    expect((await site.take(await gitBundle(repo, 'main'))).kind).toBe('unchanged');
    expect(site.store.open()).toBe(0);
  });

  it('is taken as a difference, a thin one too, and refused with the commit it needs where that is not here', async () => {
    const repo = await repoOf();
    const first = await repo.commit({ 'a.yaml': big('a'), 'b.yaml': 'b' });
    const whole = await gitBundle(repo, 'main');
    const second = await repo.commit({ 'a.yaml': `${big('a')}more\n` });
    const difference = await gitBundle(repo, 'main', `^${first}`);
    expect(difference.length).toBeLessThan(whole.length);
    const site = offlineSite(repo.url);
    expect(await site.refuses(difference)).toMatch(new RegExp(`^bundle-base-missing: .*commit ${first}`));
    await site.take(whole);
    await site.take(difference);
    expect(site.have?.revision).toBe(`main@sha1:${second}`);
    expect(site.text('a.yaml')).toContain('more');
    expect(site.text('b.yaml')).toBe('b');
  });

  it('that leaves out what only older history has is no damage: a whole one is asked for', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': 'old words that come back' });
    const middle = await repo.commit({ 'a.yaml': 'others' });
    await repo.commit({ 'a.yaml': 'old words that come back' });
    await repo.git('repack', '-adb');
    const difference = await gitBundle(repo, 'main', `^${middle}`);
    const site = offlineSite(repo.url);
    // As a fetch does, which brings one commit alone.
    const maker = bench.site(repo.url, { ref: { commit: middle } });
    await maker.fetch();
    const alone = maker.have as SourceRevision;
    await site.take(written(maker.store, { ...alone, metadata: { ...alone.metadata, ref: 'refs/heads/main' } }));
    expect(await site.refuses(difference)).toMatch(/^bundle-base-missing: .*bring a whole bundle/);
    await site.take(await gitBundle(repo, 'main'));
  });

  it('is chosen from by spec.ref: branch, tag, semver, name and commit', async () => {
    const repo = await repoOf();
    const one = await repo.commit({ v: '1' }, at(1_700_000_000));
    await repo.tag('v1.0.0', { message: 'one', date: 1_700_000_001 });
    const two = await repo.commit({ v: '2' }, at(1_700_000_100));
    await repo.tag('v1.1.0');
    await repo.commit({ v: 'dev' }, { branch: 'dev', date: 1_700_000_200 });
    const bundle = await gitBundle(repo, '--all');
    const taken = async (ref: SourceRevision['metadata'] & object): Promise<string> => {
      const site = offlineSite(repo.url, { ref });
      await site.take(bundle);
      return `${site.have?.revision} ${site.text('v')}`;
    };
    expect(await taken({ branch: 'main' })).toBe(`main@sha1:${two} 2`);
    expect(await taken({ tag: 'v1.0.0' })).toBe(`v1.0.0@sha1:${one} 1`);
    expect(await taken({ semver: '>=1.0.0' })).toBe(`v1.1.0@sha1:${two} 2`);
    expect(await taken({ name: 'refs/heads/main' })).toBe(`refs/heads/main@sha1:${two} 2`);
    expect(await taken({ commit: one })).toBe(`sha1:${one} 1`);
    const site = offlineSite(repo.url, { ref: { branch: 'none' } });
    expect(await site.refuses(bundle)).toMatch(/^bundle-unreadable: .*refs\/heads\/none.*it has refs\/heads/);
  });

  it('that is older is refused, by history, by what was here, and by the clock; a named commit is meant', async () => {
    const repo = await repoOf();
    const old = await repo.commit({ v: '1' }, at(1_700_000_000));
    const older = await gitBundle(repo, 'main');
    await repo.commit({ v: '2' }, at(1_700_000_100));
    const newer = await gitBundle(repo, 'main');
    const site = offlineSite(repo.url);
    await site.take(newer);
    expect(await site.refuses(older)).toMatch(/^bundle-older: .*ancestor/);
    expect(await site.refuses(older, { ref: { branch: 'main', commit: '' } })).toMatch(/^bundle-older/);
    await site.take(older, { ref: { commit: old } });
    expect(site.text('v')).toBe('1');

    // History that has nothing to do with it: the clock decides.
    const back = offlineSite(repo.url);
    await back.take(newer);
    await repo.rewrite({ v: '3' }, at(1_700_000_050));
    expect(await back.refuses(await gitBundle(repo, 'main'))).toMatch(
      /^bundle-older: .*2023-11-14T22:14:10Z.*2023-11-14T22:15:00Z/,
    );
    await repo.rewrite({ v: '4' }, at(1_700_000_150));
    await back.take(await gitBundle(repo, 'main'));
    expect(back.text('v')).toBe('4');
  });

  it('that is older is refused also while the disk is damaged, and one that is not heals it', async () => {
    const repo = await repoOf();
    await repo.commit({ v: '1' }, at(1_700_000_000));
    const older = await gitBundle(repo, 'main');
    await repo.commit({ v: '2' }, at(1_700_000_100));
    const newer = await gitBundle(repo, 'main');
    const site = offlineSite(repo.url);
    await site.take(newer);
    site.damaged = true;
    expect(await site.refuses(older)).toMatch(/^bundle-older: .*ancestor/);
    // Its own commit cannot be read either: the time is noted beside it.
    site.store.damage(site.have?.keep[0] ?? 'sha256:');
    expect(await site.refuses(older)).toMatch(/^bundle-older: .*2023-11-14T22:15:00Z/);
    await site.take(newer);
    expect(site.text('v')).toBe('2');
  });

  it('that goes back in time but has what is here in its history is newer', async () => {
    const repo = await repoOf();
    await repo.commit({ v: '1' }, at(1_700_000_100));
    const site = offlineSite(repo.url);
    await site.take(await gitBundle(repo, 'main'));
    await repo.commit({ v: '2' }, at(1_600_000_000));
    await site.take(await gitBundle(repo, 'main'));
    expect(site.text('v')).toBe('2');
  });

  it('cut anywhere, or with a byte changed, changes nothing', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': 'hello', 'd/b.yaml': big('x') });
    const bundle = await gitBundle(repo, 'main');
    for (let length = 0; length < bundle.length; length += 7) {
      const site = offlineSite(repo.url);
      expect(await site.refuses(bundle.subarray(0, length))).toMatch(/^bundle-(damaged|unreadable)/);
      expect(site.store.open()).toBe(0);
    }
    for (let i = 0; i < bundle.length; i += 11) {
      const broken = Buffer.from(bundle);
      broken[i] = (broken[i] ?? 0) ^ 0x10;
      await offlineSite(repo.url).refuses(broken);
    }
  });

  it('breaks no bound', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': big('a'), b: '1', c: '2' });
    const bundle = await gitBundle(repo, 'main');
    for (const [limit, value] of [
      ['packBytes', 100],
      ['packObjects', 2],
      ['objectBytes', 100],
      ['treeBytes', 100],
      ['treeFiles', 2],
      ['advertisedRefs', 0],
    ] as const)
      expect(await offlineSite(repo.url).refuses(bundle, {}, { [limit]: value })).toMatch(
        new RegExp(`^source-bounds: .*limits.${limit}`),
      );
  });
});

describe('a bundle that we write', () => {
  it('is read by us and by git, whole and as a difference, and is the same each time', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': 'one', 'dir/b.yaml': big('b'), 'dir/sub/c': 'c' });
    const maker = bench.site(repo.url);
    await maker.fetch();
    const base = maker.have as SourceRevision;
    const whole = written(maker.store, base);
    const commit = await repo.commit({ 'dir/sub/c': 'changed', 'n/ew': 'new' });
    await maker.fetch();
    const tip = maker.have as SourceRevision;
    const difference = written(maker.store, tip, base);
    expect(difference.length).toBeLessThan(whole.length);
    expect(written(maker.store, tip, base).equals(difference)).toBe(true);

    const site = offlineSite(repo.url);
    expect(await site.refuses(difference)).toMatch(/^bundle-base-missing/);
    await site.take(whole);
    expect(site.have).toEqual(base);
    await site.take(difference);
    expect(site.have).toEqual(tip);
    expect([site.text('dir/sub/c'), site.text('n/ew'), site.text('a.yaml')]).toEqual(['changed', 'new', 'one']);

    const clone = join(dir.path, `clone-${count}`);
    execFileSync('git', ['clone', '-q', '--bare', repo.dir, clone]);
    const path = join(dir.path, `own-${count}.bundle`);
    await writeFile(path, difference);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', clone, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
    expect(git('bundle', 'list-heads', path)).toBe(`${commit} refs/heads/main\n`);
    expect(git('bundle', 'verify', path)).toContain(commit);
    git('fetch', '-q', path, 'refs/heads/main:refs/heads/brought');
    expect(git('fsck', '--full', '--strict')).toBe('');
  });

  it('has annotated tags, so that their signatures can be checked', async () => {
    const repo = await repoOf();
    const commit = await repo.commit({ v: '1' });
    await repo.tag('v1', { message: 'first' });
    const maker = bench.site(repo.url, { ref: { tag: 'v1' } });
    await maker.fetch();
    const site = offlineSite(repo.url, { ref: { tag: 'v1' } });
    await site.take(written(maker.store, maker.have as SourceRevision));
    expect(site.have).toEqual(maker.have);
    expect(site.have?.revision).toBe(`v1@sha1:${commit}`);
  });

  it('of a revision that is not whole on the disk is not written', async () => {
    const repo = await repoOf();
    await repo.commit({ 'a.yaml': 'gone' });
    const maker = bench.site(repo.url);
    await maker.fetch();
    const entry = maker.store.folder((maker.have as SourceRevision).root).find(({ name }) => name === 'a.yaml');
    maker.store.forget(entry?.digest ?? 'sha256:');
    expect(() => written(maker.store, maker.have as SourceRevision)).toThrowError(/'a.yaml'.*fetch it whole/);
  });
});
