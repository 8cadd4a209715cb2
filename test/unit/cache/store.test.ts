import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../../src/model/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { file, open, text } from './support.ts';

describe('a writer', () => {
  it('shows what it took to itself at once, to others after commit, and to other processes too', async () => {
    const model = faultDisk();
    const { store } = open(model);
    const writer = await store.writer();
    const digest = writer.put(text('content'), 'git-id');
    const folder = writer.putFolder([file('f', digest)]);
    expect(digest).toBe(sha256('content'));
    expect(Buffer.from(writer.get(digest)).toString()).toBe('content');
    expect(writer.byAlias('git-id')).toBe(digest);
    expect(writer.folder(folder)).toEqual([file('f', digest)]);
    expect([store.has(digest), store.byAlias('git-id')]).toEqual([false, undefined]);
    await writer.commit();
    for (const reader of [store, open(model).store]) {
      expect(Buffer.from(reader.get(digest)).toString()).toBe('content');
      expect(reader.byAlias('git-id')).toBe(digest);
      expect(reader.folder(folder)).toEqual([file('f', digest)]);
    }
  });

  it('reads back what it has already spooled to the disk', async () => {
    const { store } = open(faultDisk());
    const writer = await store.writer();
    const contents = Array.from({ length: 40 }, (_, i) => randomBytes(10_000 + 5_000 * (i % 9)));
    const large = randomBytes(700_000);
    const digests = contents.map((one) => writer.put(one));
    const largeDigest = writer.put(large);
    expect(large.equals(writer.get(largeDigest))).toBe(true);
    await writer.drain();
    contents.forEach((one, i) => {
      expect(one.equals(writer.get(digests[i] ?? sha256('')))).toBe(true);
    });
    expect(large.equals(writer.get(largeDigest))).toBe(true);
    await writer.commit();
    contents.forEach((one) => {
      expect(one.equals(store.get(sha256(one)))).toBe(true);
    });
  });

  it('writes nothing for what is there already', async () => {
    const model = faultDisk();
    const { store } = open(model);
    const first = await store.writer();
    first.put(text('same'), 'alias');
    await first.commit();
    const before = model.steps();
    const second = await store.writer();
    second.put(text('same'), 'alias');
    await second.commit();
    expect(model.steps()).toBe(before);
    const empty = await store.writer();
    await empty.commit();
    expect(model.steps()).toBe(before);
  });

  it('takes a new alias for content that is there already, and moves an alias to other content', async () => {
    const model = faultDisk();
    const { store } = open(model);
    for (const [content, alias] of [
      ['one', 'a'],
      ['one', 'b'],
      ['two', 'a'],
    ] as const) {
      const writer = await store.writer();
      writer.put(text(content), alias);
      await writer.commit();
    }
    const again = open(model).store;
    expect(again.byAlias('b')).toBe(sha256('one'));
    expect(again.byAlias('a')).toBe(sha256('two'));
    expect(Buffer.from(again.get(sha256('one'))).toString()).toBe('one');
  });

  it('stores ten thousand contents with a handful of syncs', async () => {
    const model = faultDisk();
    const writer = await open(model).store.writer();
    for (let i = 0; i < 10_000; i++) writer.put(text(`content ${i}`), `alias ${i}`);
    await writer.commit();
    expect(model.files()).toEqual(['packs/00000001.pack']);
    expect(model.steps()).toBeLessThan(20);
    const { store } = open(model);
    for (let i = 0; i < 10_000; i += 97) expect(store.byAlias(`alias ${i}`)).toBe(sha256(`content ${i}`));
    expect(store.byAlias('alias 10000')).toBeUndefined();
  });

  it('leaves nothing when it is discarded, and refuses further use', async () => {
    const model = faultDisk();
    const writer = await open(model).store.writer();
    writer.put(randomBytes(600_000));
    await writer.drain();
    await writer.discard();
    await writer.discard();
    expect(model.files()).toEqual([]);
    expect(() => writer.put(text('x'))).toThrow(/committed or discarded/);
    await expect(writer.commit()).rejects.toThrow(/committed or discarded/);
  });

  it('fails with the reason when the disk is full, and keeps what was there', async () => {
    const model = faultDisk();
    const { store } = open(model);
    const first = await store.writer();
    const kept = first.put(text('kept'));
    await first.commit();
    model.failAt(model.steps() + 1, 'ENOSPC', { stays: true });
    const second = await store.writer();
    second.put(randomBytes(600_000));
    await expect(second.commit()).rejects.toMatchObject({
      code: 'cache-full',
      message: expect.stringMatching(/no space left/),
    });
    expect(Buffer.from(store.get(kept)).toString()).toBe('kept');
    expect(Buffer.from(open(model.restart()).store.get(kept)).toString()).toBe('kept');
  });

  it('stops early when one fetch alone is more than limits.cacheBytes', async () => {
    const { store } = open(faultDisk(), 100_000);
    const writer = await store.writer();
    writer.put(randomBytes(200_000));
    await expect(writer.drain()).rejects.toMatchObject({
      code: 'cache-full',
      message: expect.stringMatching(/limits\.cacheBytes/),
    });
    await writer.discard();
  });
});

describe('damaged content', () => {
  async function damaged() {
    const model = faultDisk();
    const writer = await open(model).store.writer();
    const digest = writer.put(text('precious'), 'git-id');
    const other = writer.put(text('other'), 'other-id');
    await writer.commit();
    model.flip('packs/00000001.pack', 8 * 8 + 3);
    return { model, cache: open(model), digest, other };
  }

  it('is named, and from then on not there, so that it is fetched again', async () => {
    const { cache, digest, other } = await damaged();
    expect(cache.store.has(digest)).toBe(true);
    expect(() => cache.store.get(digest)).toThrowError(
      expect.objectContaining({ code: 'cache-damaged', message: expect.stringContaining('packs/00000001.pack') }),
    );
    expect(cache.damage()).toMatchObject([{ file: 'packs/00000001.pack', digest }]);
    expect(cache.store.has(digest)).toBe(false);
    expect(cache.store.byAlias('git-id')).toBeUndefined();
    expect(cache.store.byAlias('other-id')).toBe(other);
    expect(() => cache.store.get(digest)).toThrowError(expect.objectContaining({ code: 'cache-damaged' }));
  });

  it('is whole again once it has been put again', async () => {
    const { model, cache, digest } = await damaged();
    expect(() => cache.store.get(digest)).toThrow();
    const writer = await cache.store.writer();
    writer.put(text('precious'), 'git-id');
    await writer.commit();
    expect(cache.damage()).toEqual([]);
    for (const { store } of [cache, open(model)]) {
      expect(Buffer.from(store.get(digest)).toString()).toBe('precious');
      expect(store.byAlias('git-id')).toBe(digest);
    }
  });

  it('that was never there is reported as missing', () => {
    const cache = open(faultDisk());
    expect(() => cache.store.get(sha256('x'))).toThrowError(expect.objectContaining({ code: 'cache-damaged' }));
    expect(() => cache.store.folder(sha256('x'))).toThrowError(expect.objectContaining({ code: 'cache-damaged' }));
    expect(() => cache.loadRender(sha256('x'))).toThrowError(expect.objectContaining({ code: 'cache-damaged' }));
  });

  it('of another kind than asked for is no folder and no render', async () => {
    const cache = open(faultDisk());
    const writer = await cache.store.writer();
    const digest = writer.put(text('{"format":"other"}'));
    await writer.commit();
    expect(() => cache.store.folder(digest)).toThrow(/not the listing of a folder/);
    expect(() => cache.loadRender(digest)).toThrow(/not a stored render/);
  });
});

describe('a view of a tree', () => {
  async function tree() {
    const { store } = open(faultDisk());
    const writer = await store.writer();
    const put = (value: string): Digest => writer.put(text(value));
    const sub = writer.putFolder([file('b.yaml', put('b')), file('secret', put('s'), { hidden: true })]);
    const hidden = writer.putFolder([file('x', put('x'))]);
    const root = writer.putFolder([
      file('z.yaml', put('z'), { size: 1 }),
      file('run.sh', put('r'), { mode: 'exec' }),
      file('link', put('z.yaml'), { mode: 'link' }),
      file('module', undefined, { mode: 'module', alias: 'ab'.repeat(20) }),
      file('unfetched', undefined, { hidden: true, alias: 'cd'.repeat(20) }),
      file('sub', sub, { mode: 'dir', size: 0 }),
      file('out', hidden, { mode: 'dir', hidden: true }),
      file('__proto__', put('p')),
    ]);
    await writer.commit();
    return { view: store.tree(root), root, sub };
  }

  it('lists what is away, and cannot be read there: absent is what the source does not have', async () => {
    const { store } = open(faultDisk());
    const writer = await store.writer();
    const away = { digest: undefined, size: 0 };
    const root = writer.putFolder([
      file('here', writer.put(text('h'))),
      file('file', undefined, { ...away, alias: 'ab'.repeat(20) }),
      file('exec', undefined, { ...away, mode: 'exec', alias: 'ef'.repeat(20) }),
      file('dir', undefined, { ...away, mode: 'dir', alias: 'cd'.repeat(20) }),
      file('link', undefined, { ...away, mode: 'link', alias: 'cd'.repeat(20) }),
      file('same', undefined, { ...away, alias: 'ab'.repeat(20) }),
    ]);
    await writer.commit();
    const view = store.tree(root);
    expect(view.list('')?.map((one) => [one.name, one.type])).toEqual([
      ['dir', 'directory'],
      ['exec', 'file'],
      ['file', 'file'],
      ['here', 'file'],
      ['same', 'file'],
    ]);
    // Equal where the source has the same content, and never the digest of something that is here.
    expect(view.stat('file')?.digest).toBe(view.stat('same')?.digest);
    expect(view.stat('file')?.digest).not.toBe(view.stat('exec')?.digest);
    expect(store.has(view.stat('file')?.digest ?? sha256(''))).toBe(false);
    const throwing: (readonly [string, () => unknown])[] = [
      ['file', () => view.read('file')],
      ['exec', () => view.read('exec')],
      ['dir', () => view.list('dir')],
      ['dir/x', () => view.stat('dir/x')],
      ['dir/x/y', () => view.read('dir/x/y')],
      ['dir/x', () => view.list('dir/x')],
    ];
    for (const [path, ask] of throwing)
      expect(ask).toThrow(expect.objectContaining({ code: 'source-incomplete', paths: [path] }));
    expect([view.read('dir'), view.list('file'), view.stat('file/x'), view.stat('none'), view.stat('link')]).toEqual(
      Array(5).fill(undefined),
    );
  });

  it('shows files and folders, and neither links, submodules nor what is hidden', async () => {
    const { view, sub } = await tree();
    expect(view.list('')?.map((one) => [one.name, one.type])).toEqual([
      ['__proto__', 'file'],
      ['run.sh', 'file'],
      ['sub', 'directory'],
      ['z.yaml', 'file'],
    ]);
    expect(view.list('sub')?.map((one) => one.name)).toEqual(['b.yaml']);
    expect(view.stat('sub')).toEqual({ name: 'sub', type: 'directory', digest: sub, size: 0 });
    expect(Buffer.from(view.read('sub/b.yaml') ?? []).toString()).toBe('b');
    expect(Buffer.from(view.read('__proto__') ?? []).toString()).toBe('p');
  });

  it.each([
    'link',
    'module',
    'unfetched',
    'out',
    'out/x',
    'sub/secret',
    'none',
    'sub/..',
    '.',
    '/',
    'sub/',
    'z.yaml/x',
    'constructor',
    ' ',
  ])('has nothing at %j', async (path) => {
    const { view } = await tree();
    expect([view.stat(path), view.list(path), view.read(path)]).toEqual([undefined, undefined, undefined]);
  });

  it('tells a file from a folder, and names its root', async () => {
    const { view, root } = await tree();
    expect(view.stat('')).toEqual({ name: '', type: 'directory', digest: root, size: 0 });
    expect(view.list('z.yaml')).toBeUndefined();
    expect(view.read('sub')).toBeUndefined();
    expect(view.read('')).toBeUndefined();
  });
});
