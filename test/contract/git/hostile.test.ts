import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repo } from '../../gitserver/index.ts';
import { type Bench, startBench } from './support.ts';

describe('a hostile repository is refused', () => {
  let bench: Bench;
  let repo: Repo;
  let blob: string;
  let tree: string;
  let branches = 0;
  beforeAll(async () => {
    bench = await startBench();
    repo = await bench.server.repo('hostile', { config: { 'core.protectHFS': 'false', 'core.protectNTFS': 'false' } });
    blob = await repo.object('blob', 'a: 1\n');
    tree = await repo.rawTree([{ mode: '100644', name: 'x.yaml', id: blob }]);
  });
  afterAll(() => bench.stop());

  const refuse = async (
    root: string,
    limits: Parameters<ReturnType<Bench['site']>['fails']>[1] = {},
  ): Promise<{ code: string; message: string }> => {
    const branch = `b${branches++}`;
    await repo.commitTree(root, { branch });
    const site = bench.site(repo.url, { ref: { branch } });
    const failed = await site.fails({}, limits);
    expect(site.store.sizes()).toEqual({ blobs: 0, folders: 0, bytes: 0 });
    expect(site.store.open()).toBe(0);
    return failed;
  };

  it.each([
    ['..'],
    ['.'],
    ['a/b'],
    ['/etc'],
    ['a\\b'],
    ['.git'],
    ['.GIT'],
    ['.Git '],
    ['.git.'],
    ['.git::$INDEX_ALLOCATION'],
    ['git~1'],
    ['GIT~2'],
    ['.g\u200cit'],
    ['.gi\ufefft'],
    ['a\nb'],
    ['n'.repeat(256)],
  ])('for the name %j', async (name) => {
    for (const [mode, id] of [
      ['100644', blob],
      ['40000', tree],
    ] as const) {
      const failed = await refuse(await repo.rawTree([{ mode, name, id }]));
      expect(failed.code).toBe('source-refused');
      expect(failed.message).toMatch(/is refused: it/);
    }
  });

  it('for such a name deep in the tree', async () => {
    const inner = await repo.rawTree([{ mode: '100644', name: '..', id: blob }]);
    const middle = await repo.rawTree([{ mode: '40000', name: 'b', id: inner }]);
    const failed = await refuse(await repo.rawTree([{ mode: '40000', name: 'a', id: middle }]));
    expect(failed).toEqual({ code: 'source-refused', message: expect.stringContaining("'a/b/..'") });
  });

  it.each([
    ['case', 'Readme.md', 'README.md'],
    ['Unicode form', 'caf\u00e9', 'cafe\u0301'],
    ['nothing', 'same', 'same'],
  ])('for two names that differ in %s', async (_what, a, b) => {
    const root = await repo.rawTree([
      { mode: '100644', name: a, id: blob },
      { mode: '100644', name: b, id: blob },
    ]);
    expect((await refuse(root)).code).toBe('source-refused');
  });

  it('for a file and a folder of one name', async () => {
    const root = await repo.rawTree([
      { mode: '100644', name: 'a', id: blob },
      { mode: '40000', name: 'a', id: tree },
    ]);
    expect(await refuse(root)).toEqual({
      code: 'source-refused',
      message: expect.stringContaining('it is there twice'),
    });
  });

  it('for a name that is not UTF-8, and a mode that is none', async () => {
    const bytes = Buffer.from([0x66, 0xff, 0x67]);
    expect((await refuse(await repo.rawTree([{ mode: '100644', name: bytes, id: blob }]))).message).toContain(
      'is not UTF-8',
    );
    expect((await refuse(await repo.rawTree([{ mode: '107777', name: 'a', id: blob }]))).code).toBe('source-corrupt');
  });

  it('for a tree bomb: few objects, ten thousand million files', async () => {
    let root = tree;
    for (let level = 0; level < 10; level++)
      root = await repo.rawTree(Array.from({ length: 10 }, (_, i) => ({ mode: '40000', name: `d${i}`, id: root })));
    const start = performance.now();
    expect(await refuse(root)).toEqual({ code: 'source-bounds', message: expect.stringContaining('limits.treeFiles') });
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('for folders nested too deep', async () => {
    let root = tree;
    for (let level = 0; level < 70; level++) root = await repo.rawTree([{ mode: '40000', name: 'd', id: root }]);
    expect(await refuse(root)).toEqual({ code: 'source-bounds', message: expect.stringContaining('limits.treeDepth') });
  });

  it('for 100,000 files, in one fetch or one after another', async () => {
    const entries = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({
        mode: '100644',
        name: `f${String(from + i).padStart(6, '0')}`,
        id: blob,
      }));
    const failed = await refuse(await repo.rawTree(entries(0, 100_000)));
    expect(failed).toEqual({ code: 'source-bounds', message: expect.stringContaining('limits.treeFiles') });
    const many = await bench.server.repo('many');
    const id = await many.object('blob', 'a: 1\n');
    const site = bench.site(many.url);
    const folders: { mode: string; name: string; id: string }[] = [];
    for (const name of ['a', 'b', 'c']) {
      folders.push({ mode: '40000', name, id: await many.rawTree(entries(0, 400).map((e) => ({ ...e, id }))) });
      await many.commitTree(await many.rawTree(folders));
      if (name === 'c') expect((await site.fails({}, { treeFiles: 1_000 })).message).toContain('limits.treeFiles');
      else await site.fetch({}, { treeFiles: 1_000 });
    }
    await many.commitTree(await many.rawTree(folders.slice(1)));
    expect((await site.fetch({}, { treeFiles: 1_000 })).kind).toBe('fetched');
  });

  it.each([
    ['objectBytes', 1_000],
    ['treeBytes', 4_000],
    ['packObjects', 2],
    ['packBytes', 30],
    ['pathBytes', 8],
    ['packHeldBytes', 20],
    ['advertisedRefs', 0],
  ] as const)('past limits.%s', async (name, value) => {
    const big = await repo.object('blob', 'y'.repeat(5_000));
    const root = await repo.rawTree([{ mode: '100644', name: 'a-long-name.yaml', id: big }]);
    const failed = await refuse(root, { [name]: value });
    expect(failed).toEqual({ code: 'source-bounds', message: expect.stringContaining(`limits.${name}`) });
  });

  it('for a branch or tag that does not lead to a commit', async () => {
    await repo.setRef('refs/tags/tree', tree);
    expect((await bench.site(repo.url, { ref: { tag: 'tree' } }).fails()).code).toBe('source-refused');
  });
});
