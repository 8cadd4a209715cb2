import { describe, expect, it } from 'vitest';
import { type Digest, Fault, type StoredEntry, sha256 } from '../../../src/model/index.ts';
import type { ContentStore } from '../../../src/ports/index.ts';

/** A store to test. */
export interface StoreWorld {
  readonly store: ContentStore;
  /** The same store as a process that starts later finds it; absent where nothing outlives the process. */
  readonly reopen?: () => Promise<ContentStore>;
  stop?(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const textOf = (data: Uint8Array): string => Buffer.from(data).toString('utf8');

/** An entry of a folder, a visible file where not told otherwise. */
export function entry(name: string, digest: Digest | undefined, more: Partial<StoredEntry> = {}): StoredEntry {
  return { name, mode: 'file', digest, size: 1, alias: '', hidden: false, ...more };
}

/** What every ContentStore does. */
export function storeSuite(name: string, makeStore: () => Promise<StoreWorld>): void {
  describe(`ContentStore: ${name}`, () => {
    const using = async (use: (world: StoreWorld) => Promise<void>): Promise<void> => {
      const world = await makeStore();
      try {
        await use(world);
      } finally {
        await world.stop?.();
      }
    };
    const withStore = (use: (store: ContentStore) => Promise<void>) => () => using(({ store }) => use(store));

    it(
      'names content by its SHA-256 and gives it back',
      withStore(async (store) => {
        const writer = await store.writer();
        const digest = writer.put(bytes('one'));
        expect(digest).toBe(sha256('one'));
        expect(textOf(writer.get(digest))).toBe('one');
        await writer.commit();
        expect(store.has(digest)).toBe(true);
        expect(textOf(store.get(digest))).toBe('one');
      }),
    );

    it(
      'takes empty content, and content of a megabyte that does not compress',
      withStore(async (store) => {
        const large = Buffer.alloc(1_048_577);
        for (let i = 0, x = 1; i < large.length; i++) {
          x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
          large[i] = x >>> 24;
        }
        const writer = await store.writer();
        const digests = [writer.put(new Uint8Array()), writer.put(large)];
        await writer.drain();
        await writer.commit();
        expect(store.get(digests[0] ?? 'sha256:')).toHaveLength(0);
        expect(large.equals(store.get(digests[1] ?? 'sha256:'))).toBe(true);
      }),
    );

    it(
      'keeps what was given when the caller changes its buffer afterwards',
      withStore(async (store) => {
        const buffer = Buffer.from('before');
        const writer = await store.writer();
        const digest = writer.put(buffer);
        buffer.fill('x');
        await writer.commit();
        expect(textOf(store.get(digest))).toBe('before');
      }),
    );

    it(
      'shows nothing of a writer to others before its commit, nor after its discard',
      withStore(async (store) => {
        const writer = await store.writer();
        const digest = writer.put(bytes('secret'), 'alias-1');
        const folder = writer.putFolder([entry('a', digest)], 'alias-2');
        await writer.drain();
        for (const seen of [digest, folder]) expect(store.has(seen)).toBe(false);
        expect(store.byAlias('alias-1')).toBeUndefined();
        expect(() => store.get(digest)).toThrow(Fault);
        await writer.discard();
        expect(store.has(digest)).toBe(false);
        expect(store.byAlias('alias-2')).toBeUndefined();
      }),
    );

    it(
      'lets a writer see its own content, and what was there before',
      withStore(async (store) => {
        const first = await store.writer();
        const old = first.put(bytes('old'), 'old-alias');
        await first.commit();
        const writer = await store.writer();
        const own = writer.put(bytes('own'), 'own-alias');
        const folder = writer.putFolder([entry('a', own), entry('b', old)], 'folder-alias');
        expect([own, old, folder].map((digest) => writer.has(digest))).toEqual([true, true, true]);
        expect(['own-alias', 'old-alias', 'folder-alias', 'none'].map((a) => writer.byAlias(a))).toEqual([
          own,
          old,
          folder,
          undefined,
        ]);
        expect(textOf(writer.get(old))).toBe('old');
        expect(writer.folder(folder).map((e) => e.name)).toEqual(['a', 'b']);
        await writer.discard();
      }),
    );

    it(
      'finds content by any of its aliases, also one given to content that is there already',
      withStore(async (store) => {
        const first = await store.writer();
        const digest = first.put(bytes('same'), 'a1');
        first.put(bytes('same'), 'a2');
        const folder = first.putFolder([entry('x', digest)], 'f1');
        first.putFolder([entry('x', digest)], 'f2');
        await first.commit();
        const second = await store.writer();
        second.put(bytes('same'), 'a3');
        second.putFolder([entry('x', digest)], 'f3');
        await second.commit();
        expect(['a1', 'a2', 'a3'].map((a) => store.byAlias(a))).toEqual([digest, digest, digest]);
        expect(['f1', 'f2', 'f3'].map((a) => store.byAlias(a))).toEqual([folder, folder, folder]);
        expect(store.byAlias('')).toBeUndefined();
      }),
    );

    it(
      'gives a folder the same digest for the same entries in any order, another for any difference that shows',
      withStore(async (store) => {
        const writer = await store.writer();
        const x = writer.put(bytes('x'));
        const y = writer.put(bytes('y'));
        const base = writer.putFolder([entry('a', x), entry('b', y)]);
        expect(writer.putFolder([entry('b', y), entry('a', x)])).toBe(base);
        const others = [
          [entry('a', x)],
          [entry('a', y), entry('b', y)],
          [entry('a', x), entry('c', y)],
          [entry('a', x, { hidden: true }), entry('b', y)],
          [entry('a', x, { mode: 'exec' }), entry('b', y)],
          [entry('a', x, { mode: 'link' }), entry('b', y)],
          [],
        ].map((entries) => writer.putFolder(entries));
        expect(new Set([base, ...others]).size).toBe(others.length + 1);
        await writer.discard();
      }),
    );

    it(
      'keeps every field of an entry, names of any script, submodules without content',
      withStore(async (store) => {
        const writer = await store.writer();
        const x = writer.put(bytes('x'));
        const entries: StoredEntry[] = [
          entry('a file', x, { size: 4_294_967_296, alias: 'f'.repeat(40) }),
          entry('Ünïcode-\u{1f600}', x, { mode: 'exec' }),
          entry('link', x, { mode: 'link', hidden: true }),
          entry('module', undefined, { mode: 'module', size: 0, alias: '1'.repeat(40) }),
          entry('not-fetched', undefined, { hidden: true, size: 0 }),
        ];
        const folder = writer.putFolder(entries);
        await writer.commit();
        const byName = (list: readonly StoredEntry[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(byName(store.folder(folder))).toEqual(byName(entries));
      }),
    );

    it(
      'throws cache-damaged for content that is not there, and for a file read as a folder',
      withStore(async (store) => {
        const writer = await store.writer();
        const digest = writer.put(bytes('no folder'));
        await writer.commit();
        const missing = sha256('missing');
        expect(store.has(missing)).toBe(false);
        for (const read of [() => store.get(missing), () => store.folder(missing), () => store.folder(digest)]) {
          expect(read).toThrow(expect.objectContaining({ code: 'cache-damaged' }));
        }
      }),
    );

    it(
      'views a folder without what is hidden, links and submodules',
      withStore(async (store) => {
        const writer = await store.writer();
        const x = writer.put(bytes('x: 1\n'));
        const inner = writer.putFolder([entry('in.yaml', x, { size: 5 }), entry('out.yaml', x, { hidden: true })]);
        const dir = (name: string, hidden = false) => entry(name, inner, { mode: 'dir', size: 0, hidden });
        const root = writer.putFolder([
          dir('sub'),
          dir('left-out', true),
          entry('run', x, { mode: 'exec', size: 5 }),
          entry('link', x, { mode: 'link' }),
          entry('module', undefined, { mode: 'module' }),
          entry('B', x, { size: 5 }),
          entry('a', x, { size: 5 }),
        ]);
        await writer.commit();
        const tree = store.tree(root);
        expect(tree.list('')?.map((e) => [e.name, e.type, e.size])).toEqual([
          ['B', 'file', 5],
          ['a', 'file', 5],
          ['run', 'file', 5],
          ['sub', 'directory', 0],
        ]);
        expect(tree.list('sub')?.map((e) => e.name)).toEqual(['in.yaml']);
        expect(tree.stat('')).toEqual({ name: '', type: 'directory', digest: root, size: 0 });
        expect(tree.stat('sub/in.yaml')).toEqual({ name: 'in.yaml', type: 'file', digest: x, size: 5 });
        expect(textOf(tree.read('sub/in.yaml') ?? new Uint8Array())).toBe('x: 1\n');
        for (const path of ['left-out', 'left-out/in.yaml', 'link', 'module', 'sub/out.yaml', 'nope', 'a/b', 'sub/']) {
          expect([path, tree.stat(path), tree.list(path), tree.read(path)]).toEqual([
            path,
            undefined,
            undefined,
            undefined,
          ]);
        }
        expect(tree.list('a')).toBeUndefined();
        expect(tree.read('sub')).toBeUndefined();
      }),
    );

    it(
      'takes no more after commit or discard, and two writers do not disturb each other',
      withStore(async (store) => {
        const [one, two] = [await store.writer(), await store.writer()];
        const a = one.put(bytes('a'));
        const b = two.put(bytes('b'));
        await one.commit();
        expect(store.has(a)).toBe(true);
        expect(store.has(b)).toBe(false);
        await two.discard();
        for (const writer of [one, two]) expect(() => writer.put(bytes('late'))).toThrow(Fault);
        await two.discard();
      }),
    );

    it(
      'keeps a note of the part of a transfer under its name',
      withStore(async ({ parts }) => {
        const part = { head: sha256('a'), bytes: 5, at: 7 };
        expect(parts?.get('one')).toBeUndefined();
        await parts?.put('one', part);
        await parts?.put('two', { ...part, bytes: 6 });
        await parts?.put('one', { ...part, bytes: 7 });
        expect([parts?.get('one'), parts?.get('two')]).toMatchObject([{ bytes: 7 }, { bytes: 6, head: part.head }]);
        await parts?.drop('one');
        await parts?.drop('never there');
        expect([parts?.get('one'), parts?.get('two')?.bytes]).toEqual([undefined, 6]);
      }),
    );

    it('is there for the next process', () =>
      using(async ({ store, reopen }) => {
        if (reopen === undefined) return;
        const writer = await store.writer();
        const file = writer.put(bytes('kept'), 'file-alias');
        const folder = writer.putFolder([entry('f', file)], 'folder-alias');
        await writer.commit();
        const lost = await store.writer();
        const gone = lost.put(bytes('never committed'));
        await lost.drain();
        const later = await reopen();
        expect(textOf(later.get(file))).toBe('kept');
        expect(later.byAlias('folder-alias')).toBe(folder);
        expect(
          later
            .tree(folder)
            .list('')
            ?.map((e) => e.name),
        ).toEqual(['f']);
        expect(later.has(gone)).toBe(false);
        await lost.discard();
      }));
  });
}
