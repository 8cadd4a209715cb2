import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type RevisionPart } from '../../../src/model/index.ts';
import { recompose } from '../../../src/source/git/index.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { type Bench, type Site, startBench } from './support.ts';

describe('include', () => {
  let bench: Bench;
  let number = 0;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  /** Two repositories in one store. */
  const pair = async () => {
    const store = memoryStore();
    const [app, lib] = [await bench.server.repo(`i${++number}/app`), await bench.server.repo(`i${number}/lib`)];
    return { store, app, lib, outer: bench.site(app.url, {}, store), inner: bench.site(lib.url, {}, store) };
  };
  const part = (inner: Site, fromPath: string, toPath: string): RevisionPart => {
    const { revision = '', root } = inner.have ?? {};
    if (root === undefined) throw new Error('nothing was fetched');
    return { kind: 'include', source: 'lib', fromPath, toPath, revision, root, keep: [] };
  };

  it('puts a folder, all of it, or a file in; the revision stays the own one', async () => {
    const { app, lib, outer, inner } = await pair();
    const sha = await app.commit({ 'a.yaml': 'a: 1', 'charts/x/c.yaml': 'c: 1' });
    await lib.commit({ 'pub/b.yaml': 'b: 1', 'own/c.yaml': 'c: 1', 'top.yaml': 't: 1' });
    await inner.fetch();
    await outer.fetch({
      includes: [
        part(inner, 'pub', 'vendor'),
        part(inner, '', 'charts/lib'),
        part(inner, 'top.yaml', 'charts/x/t.yaml'),
      ],
    });
    expect(outer.files()).toEqual([
      'a.yaml',
      'charts/lib/own/c.yaml',
      'charts/lib/pub/b.yaml',
      'charts/lib/top.yaml',
      'charts/x/c.yaml',
      'charts/x/t.yaml',
      'vendor/b.yaml',
    ]);
    expect(outer.have?.revision).toBe(`main@sha1:${sha}`);
    const includes = outer.have?.composed?.parts ?? [];
    app.resetRequests();
    expect((await outer.fetch({ includes })).kind).toBe('unchanged');
    expect(app.totals().requests).toBe(1);
  });

  it('follows the included source without a network', async () => {
    const { store, app, lib, outer, inner } = await pair();
    await app.commit({ 'a.yaml': 'a: 1' });
    await lib.commit({ 'b.yaml': 'b: 1' });
    await inner.fetch();
    await outer.fetch({ includes: [part(inner, '', 'vendor')] });
    await lib.commit({ 'b.yaml': 'b: 2' });
    await inner.fetch();
    const have = outer.have;
    if (have === undefined) throw new Error('nothing was fetched');
    app.resetRequests();
    const ask = (includes: readonly RevisionPart[], ignore?: string) =>
      recompose(
        { store },
        { includes, sparseCheckout: [], ...(ignore === undefined ? {} : { ignore }) },
        { limits: DEFAULT_LIMITS, have },
      );
    const next = await ask([part(inner, '', 'vendor')]);
    expect(app.totals().requests).toBe(0);
    expect(next).toMatchObject({ revision: have.revision, keep: have.keep });
    expect(next?.root).not.toBe(have.root);
    expect(Buffer.from(store.tree(next?.root ?? have.root).read('vendor/b.yaml') ?? []).toString()).toBe('b: 2');
    expect(await ask(have.composed?.parts ?? [])).toBeUndefined();
    // Other rules also hide other files of its own, which only a fetch does.
    expect(await ask([part(inner, '', 'vendor')], 'b.yaml')).toBeUndefined();
  });

  it('keeps hidden what the included source hides, and hides by the rules of the whole', async () => {
    const { app, lib, outer, inner } = await pair();
    await app.commit({ 'a.yaml': 'a: 1', 'logo.png': 'x' });
    await lib.commit({
      'b.yaml': 'b: 1',
      'c.yaml': 'c: 1',
      'd/pic.png': 'x',
      '.gitmodules': '',
      link: { link: 'b.yaml' },
    });
    await inner.fetch({ ignore: 'c.yaml' });
    await outer.fetch({ includes: [part(inner, '', 'vendor')] });
    expect(outer.files()).toEqual(['a.yaml', 'vendor/b.yaml']);
    await outer.fetch({ includes: [part(inner, '', 'vendor')], ignore: '/vendor/*\n!/vendor/d\n' });
    expect(outer.files()).toEqual(['a.yaml', 'logo.png', 'vendor/d/pic.png']);
    await outer.fetch({ includes: [part(inner, '', 'vendor')], sparseCheckout: [] });
    expect(outer.files()).toEqual(['a.yaml', 'vendor/b.yaml']);
  });

  it('counts the patterns of both against one bound', async () => {
    const { app, lib, outer, inner } = await pair();
    await app.commit({ '.sourceignore': 'a\nb\n', 'a.yaml': 'a: 1' });
    await lib.commit({ '.sourceignore': 'c\nd\n', 'y.yaml': 'y: 1' });
    await inner.fetch({}, { ignorePatterns: 3 });
    const includes = [part(inner, '', 'vendor')];
    expect(await outer.fails({ includes }, { ignorePatterns: 3 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.ignorePatterns'),
    });
    await outer.fetch({ includes }, { ignorePatterns: 4 });
    expect(outer.files()).toContain('vendor/y.yaml');
  });

  it('counts the ignore files that come along', async () => {
    const { app, lib, outer, inner } = await pair();
    await app.commit({ 'a.yaml': 'a: 1', 'logo.png': 'x', 'd/e.png': 'x' });
    await lib.commit({ '.sourceignore': 'x.yaml\n', 'x.yaml': 'x: 1', 'y.yaml': 'y: 1' });
    await inner.fetch();
    await outer.fetch({ includes: [part(inner, '', 'vendor')] });
    // A pattern anywhere takes the default exclusions away everywhere.
    expect(outer.files()).toEqual(['a.yaml', 'd/e.png', 'logo.png', 'vendor/.sourceignore', 'vendor/y.yaml']);
  });

  it('puts into what was put in, and next to a sparse checkout', async () => {
    const { app, lib, outer, inner } = await pair();
    await app.commit({ 'one/a.yaml': 'a: 1', 'two/b.yaml': 'b: 1' });
    await lib.commit({ 'x/y.yaml': 'y: 1' });
    await inner.fetch();
    const includes = [part(inner, '', 'vendor'), part(inner, 'x', 'vendor/x2/deep')];
    await outer.fetch({ includes, sparseCheckout: ['one'] });
    expect(outer.files()).toEqual(['one/a.yaml', 'vendor/x/y.yaml', 'vendor/x2/deep/y.yaml']);
  });

  it.each([
    ['a folder that is not there', 'nope', 'vendor', /failed to copy 'lib' include from nope to vendor/],
    ['a hidden folder', 'hid', 'vendor', /no such file/],
    ['a path behind a file', 'b.yaml/x', 'vendor', /no such file/],
    ['a place that is taken', '', 'dir', /something already/],
    ['a folder over a file', '', 'a.yaml', /something already/],
    ['a place behind a file', '', 'a.yaml/x', /not a directory/],
    ['a place behind a link', '', 'link/x', /not a directory/],
    ['the root', '', '', /root of the repository/],
  ])('refuses %s', async (_what, from, to, message) => {
    const { app, lib, outer, inner } = await pair();
    await app.commit({ 'a.yaml': 'a: 1', 'dir/b.yaml': 'b: 1', link: { link: 'dir' } });
    await lib.commit({ 'b.yaml': 'b: 1', 'hid/x.yaml': 'x: 1' });
    await inner.fetch({ ignore: 'hid' });
    const fault = await outer.fails({ includes: [part(inner, from, to)] });
    expect(fault.code).toBe('include-failed');
    expect(fault.message).toMatch(message);
    expect(outer.store.open()).toBe(0);
  });
});
