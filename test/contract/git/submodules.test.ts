import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repo } from '../../gitserver/index.ts';
import { type Bench, startBench } from './support.ts';

const ON = { recurseSubmodules: true };

const gitmodules = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([path, url]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n\tbranch = lib\n`)
    .join('');

describe('submodules', () => {
  let bench: Bench;
  const repo = (name: string, config: Readonly<Record<string, string>> = {}): Promise<Repo> =>
    bench.server.repo(name, { config });
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  it('come along at the commit that is pinned, with absolute and relative urls, and theirs in turn', async () => {
    const [inner, lib, app] = [await repo('m/inner'), await repo('m/lib'), await repo('m/app')];
    const innerOne = await inner.commit({ 'deep.yaml': 'deep: 1' });
    await inner.commit({ 'deep.yaml': 'deep: 2' });
    const libOne = await lib.commit({
      'lib.yaml': 'lib: 1',
      'sub/inner': { submodule: innerOne },
      '.gitmodules': gitmodules({ 'sub/inner': '../inner.git' }),
    });
    await app.commit({
      'app.yaml': 'app: 1',
      'vendor/lib': { submodule: libOne },
      'vendor/again': { submodule: libOne },
      '.gitmodules': gitmodules({ 'vendor/lib': lib.url, 'vendor/again': './../lib.git' }),
    });
    const site = bench.site(app.url, ON);
    await site.fetch();
    expect(site.files()).toEqual([
      'app.yaml',
      'vendor/again/lib.yaml',
      'vendor/again/sub/inner/deep.yaml',
      'vendor/lib/lib.yaml',
      'vendor/lib/sub/inner/deep.yaml',
    ]);
    expect(site.text('vendor/lib/sub/inner/deep.yaml')).toBe('deep: 1');
    expect(site.have?.composed?.parts.map(({ toPath, revision }) => [toPath, revision])).toEqual([
      ['vendor/lib', `sha1:${libOne}`],
      ['vendor/lib/sub/inner', `sha1:${innerOne}`],
      ['vendor/again', `sha1:${libOne}`],
      ['vendor/again/sub/inner', `sha1:${innerOne}`],
    ]);
    expect(site.have?.revision).toBe(`main@sha1:${await app.head()}`);
  });

  it('stay empty without recurseSubmodules, and come and go with it', async () => {
    const [lib, app] = [await repo('t/lib'), await repo('t/app')];
    const at = await lib.commit({ 'lib.yaml': 'lib: 1' });
    await app.commit({ 'a.yaml': 'a: 1', lib: { submodule: at }, '.gitmodules': gitmodules({ lib: lib.url }) });
    const site = bench.site(app.url);
    await site.fetch();
    expect(site.files()).toEqual(['a.yaml']);
    const plain = site.have?.root;
    expect((await site.fetch(ON)).kind).toBe('fetched');
    expect(site.files()).toEqual(['a.yaml', 'lib/lib.yaml']);
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have).toMatchObject({ root: plain });
    expect(site.have?.composed).toBeUndefined();
  });

  it('cost nothing when nothing moved, and the difference when they do', async () => {
    const [lib, app] = [await repo('d/lib'), await repo('d/app')];
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`f/${i}.yaml`, `v: ${i} ${'x'.repeat(500)}`]),
    );
    const one = await lib.commit(many);
    await app.commit({ 'a.yaml': 'a: 1', lib: { submodule: one }, '.gitmodules': gitmodules({ lib: lib.url }) });
    const site = bench.site(app.url, ON);
    await site.fetch();
    lib.resetRequests();
    app.resetRequests();
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(app.totals().requests).toBe(1);
    expect(lib.totals().requests).toBe(0);
    const two = await lib.commit({ 'f/7.yaml': 'v: changed' });
    await app.commit({ lib: { submodule: two } });
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.text('lib/f/7.yaml')).toBe('v: changed');
    expect(lib.totals().requests).toBe(1);
    expect(lib.totals().bodyOut).toBeLessThan(4_000);
    expect(site.files()).toHaveLength(201);
  });

  it('are under the rules of the whole', async () => {
    const [lib, app] = [await repo('r/lib'), await repo('r/app')];
    const at = await lib.commit({
      'keep.yaml': 'k: 1',
      'drop.yaml': 'd: 1',
      'picture.png': 'png',
      '.github/x.yaml': 'x: 1',
      '.gitmodules': '',
      'own/.sourceignore': 'secret.yaml\n',
      'own/secret.yaml': 's: 1',
      'own/plain.yaml': 'p: 1',
    });
    await app.commit({ 'a.png': 'png', lib: { submodule: at }, '.gitmodules': gitmodules({ lib: lib.url }) });
    const site = bench.site(app.url, ON);
    await site.fetch();
    // The submodule has a pattern of its own, so the default exclusions hold nowhere.
    expect(site.files()).toEqual([
      'a.png',
      'lib/.github/x.yaml',
      'lib/drop.yaml',
      'lib/keep.yaml',
      'lib/own/.sourceignore',
      'lib/own/plain.yaml',
      'lib/picture.png',
    ]);
    await site.fetch({ ignore: '/lib/drop.yaml\n*.png\n' });
    expect(site.files()).toEqual([
      'lib/.github/x.yaml',
      'lib/keep.yaml',
      'lib/own/.sourceignore',
      'lib/own/plain.yaml',
    ]);
    // As in Flux, a folder of a submodule is none of the repository.
    expect((await site.fails({ sparseCheckout: ['lib/own'] })).message).toContain("'lib/own' does not exist");
  });

  it('are given the credentials of the parent on its own server, and on no other', async () => {
    const other = await startBench();
    try {
      const basic = { username: 'reader', password: 'open-sesame' };
      const near = await bench.server.repo('c/near', { auth: { basic } });
      const far = await other.server.repo('c/far');
      const [n, f] = [await near.commit({ 'n.yaml': 'n: 1' }), await far.commit({ 'f.yaml': 'f: 1' })];
      const app = await bench.server.repo('c/app', { auth: { basic } });
      await app.commit({
        near: { submodule: n },
        far: { submodule: f },
        '.gitmodules': gitmodules({ near: '../near.git', far: far.url }),
      });
      const site = bench.site(app.url, { ...ON, auth: { kind: 'basic', ...basic } });
      await site.fetch();
      expect(site.files()).toEqual(['far/f.yaml', 'near/n.yaml']);
      expect(near.requests().length).toBeGreaterThan(0);
      expect(near.requests().every((one) => one.authorization !== '')).toBe(true);
      expect(far.requests().map((one) => one.authorization)).toEqual(['']);
    } finally {
      await other.stop();
    }
  });

  it('that cannot be had leave the revision before in use, and say which', async () => {
    const [lib, app] = [await repo('g/lib'), await repo('g/app')];
    const at = await lib.commit({ 'lib.yaml': 'lib: 1' });
    await app.commit({ lib: { submodule: at }, '.gitmodules': gitmodules({ lib: lib.url }) });
    const site = bench.site(app.url, ON);
    await site.fetch();
    await app.commit({ lib: { submodule: 'ab'.repeat(20) } });
    expect(await site.fails()).toMatchObject({
      code: 'source-ref-missing',
      message: expect.stringContaining(`submodule 'lib': unable to resolve commit object for '${'ab'.repeat(20)}'`),
    });
    lib.fault({ status: 404 });
    await app.commit({ lib: { submodule: 'cd'.repeat(20) } });
    expect(await site.fails()).toMatchObject({ code: 'source-not-found', message: expect.stringContaining(`'lib'`) });
    expect(site.files()).toEqual(['lib/lib.yaml']);
  });

  it.each([
    ['a way out', { '../up': 'http://127.0.0.1:9/x' }, /path '\.\.\/up' of a submodule is refused/],
    ['Git’s own folder', { 'a/.GIT/x': 'http://127.0.0.1:9/x' }, /is refused/],
    ['an option as path', { '-x': 'http://127.0.0.1:9/x' }, /path '-x'/],
    ['an option as url', { lib: '--upload-pack=touch x' }, /form of an option/],
    ['an option as host', { lib: 'ssh://-oProxyCommand=x/y' }, /names no host/],
    ['a file', { lib: 'file:///etc' }, /only http:\/\/, https:\/\/ and ssh/],
    ['a path', { lib: '/srv/git/x.git' }, /only http/],
    ['a helper', { lib: 'ext::sh -c touch% x' }, /space|only http/],
    ['a helper without spaces', { lib: 'ext::x' }, /only http/],
    ['the old protocol', { lib: 'git://127.0.0.1/x' }, /only http/],
    ['a relative way out of the server', { lib: '../../../../../etc' }, /leads out of the server/],
  ])('are refused by name: %s', async (_what, modules: Readonly<Record<string, string>>, message) => {
    const app = await repo(`h/${Math.random().toString(36).slice(2)}`);
    await app.commit({
      lib: { submodule: 'ab'.repeat(20) },
      'a.yaml': 'a: 1',
      '.gitmodules': gitmodules(modules),
    });
    const fault = await bench.site(app.url, ON).fails();
    expect(fault.code).toBe('source-refused');
    expect(fault.message).toMatch(message);
  });

  it('reached through a symbolic link, or over a file, are none', async () => {
    const [lib, app] = [await repo('l/lib'), await repo('l/app')];
    const at = await lib.commit({ 'lib.yaml': 'lib: 1' });
    await app.commit({
      'a.yaml': 'a: 1',
      'real/sub': { submodule: at },
      link: { link: 'real' },
      '.gitmodules': gitmodules({ 'link/sub': lib.url, 'a.yaml': lib.url, nowhere: lib.url }),
    });
    const site = bench.site(app.url, ON);
    await site.fetch();
    expect(site.files()).toEqual(['a.yaml']);
  });

  it('are bounded in depth and number', async () => {
    const app = await repo('b/app');
    let below = await app.commit({ 'leaf.yaml': 'l: 1' }, { branch: 'x0' });
    for (let i = 1; i <= 4; i++)
      below = await app.commit(
        { s: { submodule: below }, t: { submodule: below }, '.gitmodules': gitmodules({ s: app.url, t: app.url }) },
        { branch: `x${i}` },
      );
    const site = bench.site(app.url, { ...ON, ref: { branch: 'x4' } });
    expect((await site.fails({}, { submoduleDepth: 3 })).message).toContain('limits.submoduleDepth');
    expect((await site.fails({}, { submodules: 10 })).message).toContain('limits.submodules');
    expect((await site.fails({}, { treeFiles: 20 })).message).toContain('limits.treeFiles');
    await site.fetch();
    expect(site.files()).toHaveLength(16);
  });

  it('with pointers of Git LFS are refused, unless they are left out', async () => {
    const [lib, app] = [await repo('p/lib'), await repo('p/app')];
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
    const at = await lib.commit({ 'big.yaml': pointer, 'small.yaml': 's: 1' });
    await app.commit({ 'own.bin': pointer, lib: { submodule: at }, '.gitmodules': gitmodules({ lib: lib.url }) });
    const site = bench.site(app.url, ON);
    expect(await site.fails()).toMatchObject({
      code: 'source-refused',
      message: expect.stringContaining("'lib/big.yaml' of a submodule is a pointer of Git LFS"),
    });
    await site.fetch({ ignore: 'big.yaml\n' });
    expect(site.files()).toEqual(['lib/small.yaml', 'own.bin']);
  });
});
