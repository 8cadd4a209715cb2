import { describe, expect, it } from 'vitest';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type SourceRevision, sha256 } from '../../../src/model/index.ts';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';

const UID = 'uid-1';
const KEY = 'apps/shop';
const open = (model: FaultDisk) => openCache({ disk: model.disk, limits: DEFAULT_LIMITS });
const count = { requests: 1, up: 2, down: 3 };
const entries = [
  { id: 'shop_web_apps_Deployment', v: 'v1' },
  { id: 'shop_web__Service', v: 'v1' },
];

async function writesOf(model: FaultDisk, task: () => Promise<unknown>): Promise<number> {
  const before = model.steps();
  await task();
  return model.steps() - before;
}

describe('the record of a Kustomization', () => {
  it('keeps what it is given and changes only what is named', async () => {
    const model = faultDisk();
    const { kustomizations } = open(model);
    const lastGood = { revision: 'main@sha1:1', rendered: sha256('r'), at: 5 };
    await kustomizations.update(KEY, { clusterUid: UID, lastGood, status: { conditions: [{ n: 1n << 80n }] } });
    await kustomizations.update(KEY, { lastAttempted: 'main@sha1:2' });
    expect(open(model).kustomizations.get(KEY)).toEqual({
      key: KEY,
      clusterUid: UID,
      lastAttempted: 'main@sha1:2',
      lastApplied: undefined,
      lastGood,
      applying: undefined,
      status: { conditions: [{ n: 1n << 80n }] },
    });
    expect(open(model).kustomizations.keys()).toEqual([KEY]);
  });

  it('writes nothing when nothing is different', async () => {
    const model = faultDisk();
    const { kustomizations } = open(model);
    const inventory = { clusterUid: UID, entries };
    expect(await kustomizations.putInventory(KEY, inventory)).toBe(true);
    expect(await writesOf(model, () => kustomizations.putInventory(KEY, inventory))).toBe(0);
    await kustomizations.update(KEY, { status: { a: 1 } });
    expect(await writesOf(model, () => kustomizations.update(KEY, { status: { a: 1 } }))).toBe(0);
    expect(await kustomizations.putInventory(KEY, { clusterUid: 'other', entries })).toBe(true);
    expect(kustomizations.inventory(KEY)).toEqual({ clusterUid: 'other', entries });
  });

  it('is gone, with its inventory, after remove', async () => {
    const model = faultDisk();
    const { kustomizations } = open(model);
    await kustomizations.update(KEY, { lastAttempted: '1' });
    await kustomizations.update(KEY, { lastAttempted: '2' });
    await kustomizations.putInventory(KEY, { clusterUid: UID, entries });
    await kustomizations.remove(KEY);
    expect(open(model).kustomizations.get(KEY)).toBeUndefined();
    expect(open(model).kustomizations.inventory(KEY)).toBeUndefined();
    expect(model.files()).toEqual([]);
  });

  it('keeps all of many updates made at once', async () => {
    const model = faultDisk();
    const { kustomizations } = open(model);
    await Promise.all([
      kustomizations.update(KEY, { lastAttempted: 'x' }),
      kustomizations.update(KEY, { clusterUid: UID }),
      kustomizations.update(KEY, { status: { a: 1 } }),
    ]);
    expect(kustomizations.get(KEY)).toMatchObject({ lastAttempted: 'x', clusterUid: UID, status: { a: 1 } });
  });
});

describe('the two files of a record', () => {
  it('hold its last two versions, and no write touches the newer one', async () => {
    const model = faultDisk();
    const { kustomizations } = open(model);
    const seen: string[][] = [];
    for (const version of ['1', '2', '3', '4']) {
      await kustomizations.update(KEY, { lastAttempted: version });
      const texts = model.files().map((file) => model.bytes(file).toString());
      seen.push(texts.map((text) => /"lastAttempted":"(.)"/.exec(text)?.[1] ?? ''));
    }
    expect(seen).toEqual([['1'], ['1', '2'], ['3', '2'], ['3', '4']]);
  });
});

describe('a damaged record', () => {
  async function written(): Promise<FaultDisk> {
    const model = faultDisk();
    const { kustomizations } = open(model);
    await kustomizations.update(KEY, { lastAttempted: 'first' });
    await kustomizations.update(KEY, { lastAttempted: 'second' });
    return model;
  }

  it('gives its version before, and says which file is damaged', async () => {
    const model = await written();
    model.flip('kustomizations/apps_shop.b.json', 900);
    const cache = open(model);
    expect(cache.kustomizations.get(KEY)?.lastAttempted).toBe('first');
    expect(cache.damage()).toMatchObject([{ file: 'kustomizations/apps_shop.b.json', digest: undefined }]);
    await cache.kustomizations.update(KEY, { lastAttempted: 'third' });
    expect(cache.damage()).toEqual([]);
    expect(open(model).kustomizations.get(KEY)?.lastAttempted).toBe('third');
  });

  it('is unknown, not a crash, when both versions are damaged; nothing is freed then', async () => {
    const model = await written();
    for (const slot of ['a', 'b'])
      model.plant(`kustomizations/apps_shop.${slot}.json`, Buffer.from('{"schemaVersion":1}'));
    const cache = open(model);
    expect(cache.kustomizations.get(KEY)).toBeUndefined();
    expect(cache.damage()).toHaveLength(2);
    expect((await cache.gc()).held).toMatch(/record cannot be read/);
    await cache.kustomizations.update(KEY, { lastAttempted: 'fresh' });
    expect((await cache.gc()).held).toBe('');
    expect(cache.kustomizations.get(KEY)?.lastAttempted).toBe('fresh');
  });

  it('of a later format is not taken for this one', async () => {
    const model = await written();
    const text = model
      .bytes('kustomizations/apps_shop.b.json')
      .toString()
      .replace('"schemaVersion":1', '"schemaVersion":2');
    model.plant('kustomizations/apps_shop.b.json', Buffer.from(text));
    expect(open(model).kustomizations.get(KEY)?.lastAttempted).toBe('first');
  });

  it('of another key in its place is not believed', async () => {
    const model = await written();
    const other = open(model);
    await other.kustomizations.update('apps/other', { lastAttempted: 'theirs' });
    model.plant('kustomizations/apps_shop.a.json', model.bytes('kustomizations/apps_other.a.json'));
    model.plant('kustomizations/apps_shop.b.json', model.bytes('kustomizations/apps_other.a.json'));
    expect(open(model).kustomizations.get(KEY)).toBeUndefined();
  });
});

describe('the record of a source', () => {
  const key = 'GitRepository/flux/repo';

  async function admitVersions(model: FaultDisk, versions: readonly number[]) {
    const cache = open(model);
    for (const version of versions) {
      const writer = await cache.store.writer();
      const digest = writer.put(Buffer.from(`${version}`));
      const root = writer.putFolder([{ name: 'v', mode: 'file', digest, size: 1, alias: '', hidden: false }]);
      await writer.commit();
      const revision = { revision: `main@sha1:${version}`, root, metadata: {}, keep: [] };
      await cache.sources.admit(key, revision, { at: version, request: 'r', count });
    }
    return cache;
  }

  it('keeps as many previous revisions as limits.cacheRevisions says, newest first, each once', async () => {
    const model = faultDisk();
    const { sources } = await admitVersions(model, [1, 2, 3, 4, 5, 4]);
    const found = sources.get(key);
    expect(found?.current.revision).toBe('main@sha1:4');
    expect(found?.previous.map((one) => one.revision)).toEqual(['main@sha1:5', 'main@sha1:3', 'main@sha1:2']);
    expect(found?.total).toEqual({ requests: 6, up: 12, down: 18 });
  });

  it('keeps the revisions before when the current one is made anew of the same', async () => {
    const model = faultDisk();
    const cache = await admitVersions(model, [1, 2, 3]);
    const again = async (seed: string, composed?: SourceRevision['composed']): Promise<void> => {
      const writer = await cache.store.writer();
      const digest = writer.put(Buffer.from(seed));
      const root = writer.putFolder([{ name: 'v', mode: 'file', digest, size: 1, alias: '', hidden: false }]);
      await writer.commit();
      const own = { revision: 'main@sha1:3', root, metadata: {}, keep: [] };
      await cache.sources.admit(key, composed === undefined ? own : { ...own, composed }, {
        at: 9,
        request: 'r',
        count,
      });
    };
    const previous = () => cache.sources.get(key)?.previous.map((one) => one.revision);
    // As when more of a part is fetched, or `spec.ignore` changes.
    for (const seed of ['wider', 'wider still', 'other rules', 'and others']) await again(seed);
    expect(previous()).toEqual(['main@sha1:2', 'main@sha1:1']);
    // What other sources bring makes it another content.
    const root = cache.sources.get(key)?.current.root ?? sha256('');
    const part = {
      kind: 'include',
      source: 's',
      fromPath: '',
      toPath: 'x',
      revision: 'b@sha1:1',
      root,
      keep: [],
    } as const;
    await again('composed', { own: root, rules: '', parts: [part] });
    expect(previous()).toEqual(['main@sha1:3', 'main@sha1:2', 'main@sha1:1']);
  });

  it('is not written for a fetch that found nothing new, more than once an hour', async () => {
    const model = faultDisk();
    const { sources } = await admitVersions(model, [1]);
    expect(await writesOf(model, () => sources.checked(key, { at: 60_000, request: 'r', count }))).toBe(0);
    expect(sources.get(key)).toMatchObject({ fetchedAt: 60_000, total: { requests: 2, up: 4, down: 6 } });
    expect(open(model).sources.get(key)?.fetchedAt).toBe(1);
    expect(await writesOf(model, () => sources.checked(key, { at: 3_700_000, request: 'r', count }))).toBeGreaterThan(
      0,
    );
    expect(open(model).sources.get(key)).toMatchObject({ fetchedAt: 3_700_000, total: { requests: 3 } });
  });

  it('counts what failed fetches have moved, and keeps the count when it is settled, or after an hour', async () => {
    const model = faultDisk();
    const { sources } = await admitVersions(model, [1]);
    expect(await writesOf(model, () => sources.spent(key, { at: 5_000, count }))).toBe(0);
    expect(sources.get(key)).toMatchObject({ fetchedAt: 1, total: { requests: 2, up: 4, down: 6 } });
    await sources.settle();
    expect(open(model).sources.get(key)).toMatchObject({ fetchedAt: 1, total: { requests: 2, up: 4, down: 6 } });
    expect(await writesOf(model, () => sources.settle())).toBe(0);
    await sources.spent(key, { at: 10_000, count });
    await sources.spent(key, { at: 3_700_000, count });
    expect(open(model).sources.get(key)).toMatchObject({ fetchedAt: 1, total: { requests: 4, up: 8, down: 12 } });
  });

  it('never points at what is not there', async () => {
    const model = faultDisk();
    const cache = await admitVersions(model, [1]);
    const writer = await cache.store.writer();
    const root = writer.putFolder([
      { name: 'x', mode: 'file', digest: sha256('never put'), size: 9, alias: '', hidden: false },
    ]);
    await writer.commit();
    const revision = { revision: 'main@sha1:2', root, metadata: {}, keep: [] };
    const fetched = { at: 2, request: 'r', count };
    await expect(cache.sources.admit(key, revision, fetched)).rejects.toMatchObject({
      code: 'cache-damaged',
      message: expect.stringContaining('file x'),
    });
    await expect(cache.sources.admit(key, { ...revision, root: sha256('no folder') }, fetched)).rejects.toMatchObject({
      code: 'cache-damaged',
    });
    expect(cache.sources.get(key)?.current.revision).toBe('main@sha1:1');
  });

  it('is listed, and gone after remove', async () => {
    const model = faultDisk();
    const { sources } = await admitVersions(model, [1, 2]);
    expect(sources.all().map((one) => one.key)).toEqual([key]);
    await sources.remove(key);
    expect(sources.all()).toEqual([]);
    expect(model.files().filter((one) => one.startsWith('sources/'))).toEqual([]);
  });
});

describe('the record of the agent', () => {
  it('never lets the floor of the clock go back', async () => {
    const model = faultDisk();
    const { agent } = open(model);
    expect(agent.get()).toEqual({ boots: 0, wallFloor: 0, clusterUid: '' });
    await agent.update({ boots: 1, wallFloor: 1_000, clusterUid: UID });
    expect(await agent.update({ boots: 2, wallFloor: 10 })).toEqual({ boots: 2, wallFloor: 1_000, clusterUid: UID });
    expect(open(model).agent.get().wallFloor).toBe(1_000);
  });

  it('lets the floor of the clock go back when somebody says so', async () => {
    const model = faultDisk();
    const { agent } = open(model);
    await agent.update({ boots: 1, wallFloor: 1_000 });
    await agent.acceptWall(10);
    expect(open(model).agent.get()).toEqual({ boots: 1, wallFloor: 10, clusterUid: '' });
  });
});
