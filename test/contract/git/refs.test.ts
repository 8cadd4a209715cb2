import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repo } from '../../gitserver/index.ts';
import { type Bench, startBench } from './support.ts';

describe('spec.ref against a real server', () => {
  let bench: Bench;
  let repo: Repo;
  let first: string;
  let second: string;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('team/refs');
    first = await repo.commit({ 'a.yaml': 'a: 1\n' });
    await repo.tag('v1.9.0');
    await repo.tag('1.10.0', { message: 'ten' });
    second = await repo.commit({ 'a.yaml': 'a: 2\n' });
    await repo.tag('v1.10.5', { message: 'ten five' });
    await repo.tag('v1.11.0-rc.1');
    await repo.tag('2.0.0');
    await repo.tag('not-a-version');
    await repo.commit({ 'a.yaml': 'a: branch\n' }, { branch: 'release/2026.1', from: first });
    await repo.setRef('refs/pull/7/head', first);
    await repo.setRef('refs/heads/main-2', first);
  });
  afterAll(() => bench.stop());

  const revision = async (ref: Parameters<Bench['site']>[1]): Promise<string> => {
    const outcome = await bench.site(repo.url, ref).fetch();
    return outcome.kind === 'fetched' ? outcome.content.revision : outcome.kind;
  };

  it('follows a branch, also one with slashes, and not its namesakes', async () => {
    expect(await revision({ ref: { branch: 'main' } })).toBe(`main@sha1:${second}`);
    const head = await repo.head('refs/heads/release/2026.1');
    expect(await revision({ ref: { branch: 'release/2026.1' } })).toBe(`release/2026.1@sha1:${head}`);
  });

  it('takes the commit behind an annotated tag and keeps the tag object', async () => {
    const site = bench.site(repo.url, { ref: { tag: '1.10.0' } });
    await site.fetch();
    expect(site.have?.revision).toBe(`1.10.0@sha1:${first}`);
    const kept = (site.have?.keep ?? []).map((digest) => Buffer.from(site.store.get(digest)).toString());
    expect(kept[0]).toMatch(/^tree /);
    expect(kept[1]).toMatch(new RegExp(`^object ${first}\ntype commit\ntag 1.10.0\n`));
  });

  it('takes a tag that was made anew at the same commit, once', async () => {
    const signed = await bench.server.repo('signed');
    await signed.commit({ a: '1' });
    await signed.tag('v1', { message: 'first' });
    const site = bench.site(signed.url, { ref: { tag: 'v1' } });
    await site.fetch();
    const before = site.have;
    await signed.tag('v1', { message: 'second' });
    expect((await site.fetch()).kind).toBe('fetched');
    expect([site.have?.revision, site.have?.root]).toEqual([before?.revision, before?.root]);
    const kept = Buffer.from(site.store.get(site.have?.keep[1] ?? 'sha256:')).toString();
    expect(kept).toContain('second');
    signed.resetRequests();
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(signed.totals().requests).toBe(1);
  });

  it.each([
    ['1.x', 'v1.10.5'],
    ['>=1.11.0-0 <2.0.0-0', 'v1.11.0-rc.1'],
    ['>=1.10.0, <1.10.5', '1.10.0'],
    ['~> 1.9', 'v1.9.0'],
    ['^1.9.0 || >=3', 'v1.10.5'],
    ['*', '2.0.0'],
    ['1.9 - 1.10.1', '1.10.0'],
  ])('reads the version range %s', async (range, tag) => {
    expect(await revision({ ref: { semver: range } })).toMatch(new RegExp(`^${tag}@sha1:`));
  });

  it('takes any ref by its whole name', async () => {
    expect(await revision({ ref: { name: 'refs/pull/7/head' } })).toBe(`refs/pull/7/head@sha1:${first}`);
    expect(await revision({ ref: { name: 'refs/heads/main' } })).toBe(`refs/heads/main@sha1:${second}`);
    expect(await revision({ ref: { name: 'refs/tags/1.10.0' } })).toBe(`refs/tags/1.10.0@sha1:${first}`);
  });

  it('takes a commit in one request, and asks nothing when it is here', async () => {
    repo.resetRequests();
    const site = bench.site(repo.url, { ref: { commit: first } });
    await site.fetch();
    expect(site.have?.revision).toBe(`sha1:${first}`);
    expect(site.text('a.yaml')).toBe('a: 1\n');
    expect(repo.totals().requests).toBe(1);
    expect(await site.fetch()).toEqual({
      kind: 'unchanged',
      revision: `sha1:${first}`,
      count: { requests: 0, up: 0, down: 0 },
    });
    expect(repo.totals().requests).toBe(1);
  });

  it('names the branch with a commit that stands beside it', async () => {
    expect(await revision({ ref: { commit: first, branch: 'main' } })).toBe(`main@sha1:${first}`);
  });

  it('prefers commit over name over tag over semver over branch', async () => {
    const all = { branch: 'main', semver: '2.x', tag: 'v1.9.0', name: 'refs/pull/7/head' };
    expect(await revision({ ref: { ...all, commit: second } })).toBe(`main@sha1:${second}`);
    expect(await revision({ ref: all })).toBe(`refs/pull/7/head@sha1:${first}`);
    expect(await revision({ ref: { branch: 'main', semver: '2.x', tag: 'v1.9.0' } })).toBe(`v1.9.0@sha1:${first}`);
    expect(await revision({ ref: { branch: 'main', semver: '1.9.x' } })).toBe(`v1.9.0@sha1:${first}`);
  });

  it('breaks ties of build metadata by the time of the commit', async () => {
    const ties = await bench.server.repo('ties');
    await ties.commit({ a: '1' }, { date: 1_700_000_000 });
    await ties.tag('1.0.0+a');
    const newest = await ties.commit({ a: '2' }, { date: 1_700_009_000 });
    await ties.tag('1.0.0+b', { message: 'annotated' });
    await ties.commit({ a: '3' }, { date: 1_700_005_000 });
    await ties.tag('1.0.0+c');
    const site = bench.site(ties.url, { ref: { semver: '1.x' } });
    await site.fetch();
    // Neither the first of the list nor the last.
    expect(site.have?.revision).toBe(`1.0.0+b@sha1:${newest}`);
  });

  it.each([
    [{}, 'couldn\'t find remote ref "refs/heads/master"'],
    [{ branch: 'nope' }, 'couldn\'t find remote ref "refs/heads/nope"'],
    [{ tag: 'v9' }, 'couldn\'t find remote ref "refs/tags/v9"'],
    [{ name: 'refs/pull/8/head' }, 'couldn\'t find remote ref "refs/pull/8/head"'],
    [{ semver: '>=9' }, 'no match found for semver: >=9'],
    [{ commit: '1'.repeat(40) }, `unable to resolve commit object for '${'1'.repeat(40)}': object not found`],
    [{ commit: 'abc' }, "unable to resolve commit object for 'abc': object not found"],
  ])('says what is missing for %o', async (ref, message) => {
    const failed = await bench.site(repo.url, { ref }).fails();
    expect(failed.code).toBe('source-ref-missing');
    expect(failed.message).toContain(message);
  });

  it('refuses a version range that cannot be read', async () => {
    repo.resetRequests();
    expect(await bench.site(repo.url, { ref: { semver: 'latest' } }).fails()).toEqual({
      code: 'source-ref-missing',
      message: expect.stringContaining('semver parse error: improper constraint'),
    });
    expect(repo.requests()).toEqual([]);
  });

  it.each([{ tag: 'v1' }, { semver: '*' }, { name: 'refs/pull/1/head' }])(
    'of an empty repository has no %j',
    async (ref) => {
      const empty = await bench.server.repo(`empty-${Object.keys(ref).join()}`);
      expect(await bench.site(empty.url, { ref }).fails()).toEqual({
        code: 'source-ref-missing',
        message: expect.stringContaining('remote repository is empty'),
      });
    },
  );

  it('of a full name that is not there says so as Flux', async () => {
    const { message } = await bench.site(repo.url, { ref: { name: 'refs/heads/nope' } }).fails();
    expect(message).toContain("unable to resolve ref 'refs/heads/nope' to a specific commit");
    expect(message).toContain('couldn\'t find remote ref "refs/heads/nope"');
  });

  it('tells an empty repository from one that lost its refs', async () => {
    const lost = await bench.server.repo('lost');
    const site = bench.site(lost.url);
    expect(await site.fails()).toEqual({
      code: 'source-empty',
      message: expect.stringContaining('git repository is empty'),
    });
    await lost.commit({ a: '1' });
    await site.fetch();
    await lost.deleteRef('refs/heads/main');
    const gone = await site.fails();
    expect(gone).toEqual({
      code: 'source-ref-missing',
      message: expect.stringContaining('remote repository is empty'),
    });
    expect(site.text('a')).toBe('1');
  });

  describe.each([
    ['a server that can leave out folders and files', {}],
    ['one that cannot', { config: { 'uploadpack.allowFilter': 'false' } }],
    ['one of protocol v0', { protocol: 0 as const }],
  ])('a commit of a branch, from %s', (_what, options) => {
    let pinned: Repo;
    let commits: Readonly<Record<'old' | 'fork' | 'merged' | 'head', string>>;
    beforeAll(async () => {
      pinned = await bench.server.repo(`pinned-${Object.keys(options).join()}`, options);
      const old = await pinned.commit({ 'a.yaml': 'a: 1\n' });
      const fork = await pinned.commit({ 'a.yaml': 'a: fork\n' }, { branch: 'fork', from: old });
      const merged = await pinned.commit({ 'b.yaml': 'b: 1\n' }, { branch: 'side', from: old });
      await pinned.commit({ 'a.yaml': 'a: 2\n' });
      await pinned.commit({ 'b.yaml': 'b: 1\n' }, { merge: merged });
      const head = await pinned.commit({ 'a.yaml': 'a: 3\n' });
      commits = { old, fork, merged, head };
    });

    it.each(['head', 'old', 'merged'] as const)(
      'is taken where its history has it (%s), and not looked for again',
      async (which) => {
        pinned.resetRequests();
        const site = bench.site(pinned.url, { ref: { commit: commits[which], branch: 'main' } });
        await site.fetch();
        const asked = pinned.requests().map(({ kind }) => kind);
        if (!('protocol' in options) && which === 'old') expect(asked).toEqual(['ls-refs', 'fetch', 'info', 'fetch']);
        expect(site.have?.revision).toBe(`main@sha1:${commits[which]}`);
        pinned.resetRequests();
        expect((await site.fetch()).kind).toBe('unchanged');
        expect(pinned.requests()).toEqual([]);
      },
    );

    it.each([
      ['fork', 'main'],
      ['head', 'side'],
    ] as const)('is not found where its history does not have it (%s of %s)', async (which, branch) => {
      const site = bench.site(pinned.url, { ref: { commit: commits[which], branch } });
      const said = `unable to resolve commit object for '${commits[which]}': object not found`;
      const failed = { code: 'source-ref-missing', message: `failed to checkout and determine revision: ${said}` };
      expect(await site.fails()).toEqual(failed);
      // Nor where all of it is on the disk, for another ref.
      await site.fetch({ ref: { commit: commits[which] } });
      expect(site.have?.revision).toBe(`sha1:${commits[which]}`);
      expect(await site.fails()).toEqual(failed);
    });

    it('is not found of a branch that is missing', async () => {
      const site = bench.site(pinned.url, { ref: { commit: commits.head, branch: 'nope' } });
      expect((await site.fails()).message).toContain(
        `unable to clone '${pinned.url}': couldn't find remote ref "refs/heads/nope"`,
      );
    });
  });

  it('says the subject, author and time of the commit', async () => {
    const said = await bench.server.repo('said');
    const author = { name: 'Ada Ö', email: 'ada@example.com' };
    await said.commit({ a: '1' }, { message: 'Say it\n\nwith a body', date: 1_767_225_600, author });
    const site = bench.site(said.url);
    await site.fetch();
    expect(site.have?.metadata).toEqual({
      commit: await said.head(),
      subject: 'Say it',
      author: 'Ada Ö <ada@example.com>',
      time: '2026-01-01T00:00:00Z',
      ref: 'refs/heads/main',
    });
  });
});
