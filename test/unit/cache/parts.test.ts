import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type Digest, NO_TRAFFIC, type StoredEntry } from '../../../src/model/index.ts';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';

const open = (model: FaultDisk, cacheBytes: number = DEFAULT_LIMITS.cacheBytes, keptParts = 16): Cache =>
  openCache({ disk: model.disk, limits: { cacheBytes, cacheRevisions: 3, keptParts } });
const entry = (name: string, mode: 'file' | 'dir', digest: Digest): StoredEntry => ({
  name,
  mode,
  digest,
  size: 0,
  alias: '',
  hidden: true,
});
const DAY = 86_400_000;
const KEY = 'GitRepository/a/b';
const fetched = (at: number) => ({ at, request: 'r', count: NO_TRAFFIC });

/** Commits a content and a listing of it, linked to the one before. */
async function bring(cache: Cache, bytes: Uint8Array, before?: Digest): Promise<{ digest: Digest; head: Digest }> {
  const writer = await cache.store.writer();
  const digest = writer.put(bytes, `alias of ${bytes.length}`);
  const list = [entry('0', 'file', digest), ...(before === undefined ? [] : [entry('before', 'dir', before)])];
  const head = writer.putFolder(list);
  await writer.commit();
  return { digest, head };
}

const collect = async (cache: Cache): Promise<void> => {
  for (let i = 0; i < 4; i++) expect((await cache.gc()).held).toBe('');
};

describe('parts of transfers', () => {
  it('outlive restarts and collections with all that came before, until they are dropped', async () => {
    const model = faultDisk();
    const cache = open(model);
    const one = await bring(cache, randomBytes(900));
    await cache.store.parts?.put('p', { head: one.head, bytes: 900, at: DAY });
    const two = await bring(cache, randomBytes(1_000), one.head);
    await cache.store.parts?.put('p', { head: two.head, bytes: 1_900, at: DAY });
    const again = open(model);
    await collect(again);
    expect([one, two].map(({ digest }) => again.store.has(digest))).toEqual([true, true]);
    expect(again.store.byAlias('alias of 900')).toBe(one.digest);
    expect(again.store.parts?.get('p')).toEqual(expect.objectContaining({ head: two.head, bytes: 1_900 }));
    await again.store.parts?.drop('p');
    await collect(again);
    expect(again.usage().bytes).toBe(0);
    expect(open(model).store.parts?.get('p')).toBeUndefined();
  });

  it('are few, and go when nobody has added to them for two weeks', async () => {
    const cache = open(faultDisk(), undefined, 2);
    const { head } = await bring(cache, randomBytes(100));
    const put = async (name: string, at: number): Promise<void> =>
      cache.store.parts?.put(name, { head, bytes: 100, at });
    const there = (): string[] => ['a', 'b', 'c'].filter((name) => cache.store.parts?.get(name) !== undefined);
    await put('a', 1);
    await put('b', 2);
    await put('c', 3);
    expect(there()).toEqual(['b', 'c']);
    await put('c', 16 * DAY);
    expect(there()).toEqual(['c']);
    // A clock that was far ahead, and is right again.
    await put('a', DAY);
    expect(there()).toEqual(['a']);
  });

  it('go when a pointer names what they became, also after a restart; others stay', async () => {
    const model = faultDisk();
    const cache = open(model);
    const { digest, head } = await bring(cache, randomBytes(900));
    const writer = await cache.store.writer();
    const [own, root] = [[entry('a', 'file', digest)], [entry('b', 'file', digest)]].map((list) =>
      writer.putFolder(list),
    );
    await writer.commit();
    const other = (await bring(cache, randomBytes(50))).head;
    if (own === undefined || root === undefined) throw new Error('no folders');
    await cache.store.parts?.put('ended', { head, bytes: 900, at: 1, root: own });
    await cache.store.parts?.put('running', { head, bytes: 900, at: 1 });
    await cache.store.parts?.put('not-admitted', { head, bytes: 900, at: 1, root: other });
    const again = open(model);
    const revision = { revision: 'main@sha1:1', root, metadata: {}, keep: [], composed: { own, rules: '', parts: [] } };
    await again.sources.admit(KEY, revision, fetched(1));
    const left = ['ended', 'running', 'not-admitted'].filter((name) => again.store.parts?.get(name) !== undefined);
    expect(left).toEqual(['running', 'not-admitted']);
  });

  it('of refused content go after two weeks, though no other transfer is cut', async () => {
    const cache = open(faultDisk());
    const writer = await cache.store.writer();
    const root = writer.putFolder([]);
    await writer.commit();
    await cache.sources.admit(KEY, { revision: 'main@sha1:1', root, metadata: {}, keep: [] }, fetched(1));
    const { head } = await bring(cache, randomBytes(100));
    await cache.store.parts?.put('refused', { head, bytes: 100, at: DAY });
    await cache.sources.checked(KEY, fetched(14 * DAY));
    expect(cache.store.parts?.get('refused')).toBeDefined();
    for (const at of [16 * DAY, 16 * DAY + 3_600_000]) await cache.sources.spent(KEY, { at, count: NO_TRAFFIC });
    expect(cache.store.parts?.get('refused')).toBeUndefined();
  });

  it('make room for what a pointer will name', async () => {
    const cache = open(faultDisk(), 100_000);
    const { digest, head } = await bring(cache, randomBytes(60_000));
    await cache.store.parts?.put('p', { head, bytes: 60_000, at: 1 });
    await collect(cache);
    expect(cache.store.has(digest)).toBe(true);
    await bring(cache, randomBytes(70_000));
    expect(cache.store.has(digest)).toBe(false);
    expect(cache.store.parts?.get('p')).toBeUndefined();
  });

  it('that are damaged hold nothing up', async () => {
    const model = faultDisk();
    const cache = open(model);
    const one = await bring(cache, randomBytes(900));
    const two = await bring(cache, randomBytes(1_000), one.head);
    await cache.store.parts?.put('p', { head: two.head, bytes: 1, at: 1 });
    for (const name of model.disk.list('packs')) {
      const bytes = Buffer.from(model.disk.read(`packs/${name}`) ?? []);
      bytes.fill(7, 8, bytes.length - 300);
      await model.disk.writeAtomic(`packs/${name}`, bytes);
    }
    await collect(open(model));
    const file = model.disk.list('parts')[0] ?? '';
    await model.disk.writeAtomic(`parts/${file}`, Buffer.from('nonsense'));
    const again = open(model);
    expect(again.store.parts?.get('p')).toBeUndefined();
    await collect(again);
    await again.store.parts?.put('q', { head: two.head, bytes: 1, at: 1 });
    expect(model.disk.list('parts').some((name) => name.startsWith('p.'))).toBe(false);
    expect(again.damage().filter(({ file: where }) => where.startsWith('parts/'))).toEqual([]);
  });
});
