import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openCache } from '../../../src/cache/index.ts';
import { type Digest, sha256 } from '../../../src/model/index.ts';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';
import { file, open, text } from './support.ts';

describe('a process that writes beside the agent', () => {
  const beside = (model: FaultDisk, firstPack: number, suspects: readonly Digest[] = [], cacheBytes = 100_000) =>
    openCache({ disk: model.disk, limits: { cacheBytes, cacheRevisions: 3 }, firstPack, suspects });
  const fetched = { at: 1, request: 'r', count: { requests: 0, up: 0, down: 0 } };

  it('is read after a rescan, and what it wrote is kept until a pointer names it', async () => {
    const model = faultDisk();
    const agent = open(model);
    const child = beside(model, agent.reserve(16));
    const writer = await child.store.writer();
    const root = writer.putFolder([file('f', writer.put(text('from the child')))]);
    await writer.commit();
    expect((await child.gc()).held).not.toBe('');
    expect(agent.store.has(root)).toBe(false);
    agent.rescan();
    expect((await agent.gc()).held).toBe('');
    await agent.sources.admit('GitRepository/a/b', { revision: '1', root, metadata: {}, keep: [] }, fetched);
    for (let i = 0; i < 4; i++) await agent.gc();
    expect(Buffer.from(agent.store.tree(root).read('f') ?? []).toString()).toBe('from the child');
    const own = await agent.store.writer();
    own.put(text('from the agent'));
    await own.commit();
    expect(model.files().filter((one) => one.startsWith('packs/'))).toEqual([
      'packs/00000001.pack',
      'packs/00000011.pack',
    ]);
  });

  it('loses nothing to a collection that began before it ended', async () => {
    const model = faultDisk();
    const agent = open(model);
    for (let n = 0; n < 40; n++) {
      const old = await agent.store.writer();
      const root = old.putFolder([file('f', old.put(text(`${n}`)))]);
      await old.commit();
      await agent.sources.admit(`GitRepository/a/r${n}`, { revision: `${n}`, root, metadata: {}, keep: [] }, fetched);
    }
    const writer = await beside(model, agent.reserve(16)).store.writer();
    const digest = writer.put(text('from the child'));
    const running = agent.gc();
    await writer.commit();
    agent.rescan();
    expect((await running).rewritten).toBeGreaterThan(1);
    expect(agent.store.has(digest)).toBe(true);
  });

  it('has nothing freed under its hands while the agent holds', async () => {
    const model = faultDisk();
    const agent = open(model);
    const old = await agent.store.writer();
    const digest = old.put(text('garbage, for now'));
    await old.commit();
    const release = await agent.hold();
    for (let i = 0; i < 4; i++) expect((await agent.gc()).held).not.toBe('');
    expect(await agent.relieve(1)).toBe(false);
    release();
    release();
    for (let i = 0; i < 4; i++) expect((await agent.gc()).held).toBe('');
    expect(agent.store.has(digest)).toBe(false);
  });

  it('frees nothing itself; the agent makes room for it', async () => {
    const model = faultDisk();
    const agent = open(model, 50_000);
    for (let n = 0; n < 3; n++) {
      const writer = await agent.store.writer();
      const root = writer.putFolder([file('f', writer.put(randomBytes(14_000)))]);
      await writer.commit();
      await agent.sources.admit('GitRepository/a/b', { revision: `${n}`, root, metadata: {}, keep: [] }, fetched);
    }
    const child = beside(model, agent.reserve(16), [], 50_000);
    const first = await child.store.writer();
    const bytes = randomBytes(20_000);
    first.put(bytes);
    await expect(first.commit()).rejects.toMatchObject({ code: 'cache-full' });
    expect(agent.sources.get('GitRepository/a/b')?.previous).toHaveLength(2);
    expect(await agent.relieve(21_000)).toBe(true);
    expect(agent.sources.get('GitRepository/a/b')?.previous).toHaveLength(1);
    child.rescan();
    const second = await child.store.writer();
    second.put(bytes);
    await second.commit();
    agent.rescan();
    expect(agent.store.has(sha256(bytes))).toBe(true);
  });

  it('is told what is damaged, and heals it', async () => {
    const model = faultDisk();
    const agent = open(model);
    const writer = await agent.store.writer();
    const digest = writer.put(text('precious'), 'git-id');
    await writer.commit();
    model.flip('packs/00000001.pack', 8 * 8 + 3);
    expect(() => agent.store.get(digest)).toThrow();
    const child = beside(model, agent.reserve(16), [digest]);
    expect(child.store.has(digest)).toBe(false);
    const again = await child.store.writer();
    again.put(text('precious'), 'git-id');
    await again.commit();
    agent.rescan();
    expect(agent.damage()).toEqual([]);
    expect(Buffer.from(agent.store.get(digest)).toString()).toBe('precious');
  });
});

describe('an open cache', () => {
  it('reads the same after it has dropped its indexes from memory', async () => {
    const model = faultDisk();
    const cache = open(model);
    const writer = await cache.store.writer();
    const digest = writer.put(text('content'), 'alias');
    await writer.commit();
    cache.rest();
    expect(cache.store.byAlias('alias')).toBe(digest);
    cache.rest();
    expect(Buffer.from(cache.store.get(digest)).toString()).toBe('content');
  });

  it('beside a running agent follows what garbage collection has moved', async () => {
    const model = faultDisk();
    const agent = open(model);
    const digests: Digest[] = [];
    for (let n = 0; n < 12; n++) {
      const writer = await agent.store.writer();
      const digest = writer.put(text(`content ${n}`));
      const root = writer.putFolder([file('f', digest)]);
      await writer.commit();
      const fetched = { at: 1, request: 'r', count: { requests: 0, up: 0, down: 0 } };
      await agent.sources.admit(`GitRepository/a/r${n}`, { revision: `${n}`, root, metadata: {}, keep: [] }, fetched);
      digests.push(digest);
    }
    const reader = open(model);
    for (const digest of digests) expect(reader.store.has(digest)).toBe(true);
    expect((await agent.gc()).rewritten).toBeGreaterThan(1);
    for (const digest of digests) expect(reader.store.get(digest).length).toBeGreaterThan(8);
    expect(reader.damage()).toEqual([]);
  });
});
