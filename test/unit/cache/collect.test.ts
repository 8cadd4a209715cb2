import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../../src/model/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { file, open, text } from './support.ts';

describe('garbage collection', () => {
  const revisionOf = (root: Digest, n: number) => ({ revision: `main@sha1:${n}`, root, metadata: {}, keep: [] });
  const fetched = { at: 1, request: 'r', count: { requests: 0, up: 0, down: 0 } };

  it('frees what no pointer names, and moves aliases along with what stays', async () => {
    const model = faultDisk();
    const cache = open(model);
    const first = await cache.store.writer();
    const dead = first.put(randomBytes(50_000), 'dead');
    const live = first.put(text('live'), 'live');
    const root = first.putFolder([file('f', live)], 'root');
    await first.commit();
    await cache.sources.admit('GitRepository/a/b', revisionOf(root, 1), fetched);
    const late = await cache.store.writer();
    late.put(text('live'), 'second alias of it');
    await late.commit();
    for (let i = 0; i < 3; i++) expect((await cache.gc()).held).toBe('');
    expect(cache.usage().bytes).toBeLessThan(2_000);
    for (const { store } of [cache, open(model)]) {
      expect([store.has(dead), store.byAlias('dead')]).toEqual([false, undefined]);
      expect(['live', 'second alias of it', 'root'].map((one) => store.byAlias(one))).toEqual([live, live, root]);
    }
  });

  it('waits while content is being written', async () => {
    const cache = open(faultDisk());
    const writer = await cache.store.writer();
    expect((await cache.gc()).held).toMatch(/being written/);
    await writer.discard();
    expect((await cache.gc()).held).toBe('');
  });

  it('leaves what was committed and is not named yet, also what was only found there again', async () => {
    const cache = open(faultDisk());
    const old = await cache.store.writer();
    const kept = old.put(text('unnamed for long'));
    await old.commit();
    await cache.gc();
    const writer = await cache.store.writer();
    writer.put(text('unnamed for long'));
    const root = writer.putFolder([file('f', kept)]);
    await writer.commit();
    await cache.gc();
    await cache.sources.admit('GitRepository/a/b', revisionOf(root, 1), fetched);
    for (let i = 0; i < 4; i++) await cache.gc();
    expect(Buffer.from(cache.store.get(kept)).toString()).toBe('unnamed for long');
  });

  it('leaves for a while what a writer took and found there already', async () => {
    const cache = open(faultDisk());
    const first = await cache.store.writer();
    const digest = first.put(text('found again'));
    await first.commit();
    await cache.gc();
    await cache.gc();
    const second = await cache.store.writer();
    expect(second.has(digest)).toBe(true);
    await second.commit();
    await cache.gc();
    expect(cache.store.has(digest)).toBe(true);
    for (let i = 0; i < 3; i++) await cache.gc();
    expect(cache.store.has(digest)).toBe(false);
  });

  it('keeps a pack whose index cannot be read while a file is missing', async () => {
    const model = faultDisk();
    const cache = open(model);
    const writer = await cache.store.writer();
    const content = writer.put(text('content'));
    await writer.commit();
    const second = await cache.store.writer();
    const root = second.putFolder([file('f', content)]);
    await second.commit();
    await cache.sources.admit('GitRepository/a/b', revisionOf(root, 1), fetched);
    model.flip('packs/00000001.pack', model.bytes('packs/00000001.pack').length * 8 - 1);
    const after = open(model);
    expect((await after.gc()).held).toBe('');
    expect(model.files()).toContain('packs/00000001.pack');
  });

  it('merges small packs, and does not move a large first fetch for small changes after it', async () => {
    const model = faultDisk();
    const cache = open(model);
    let merged = 0;
    for (let n = 0; n < 30; n++) {
      const writer = await cache.store.writer();
      const large = n === 0 ? writer.put(randomBytes(300_000), 'large') : writer.byAlias('large');
      const root = writer.putFolder([file('l', large), file('n', writer.put(text(`${n}`)))]);
      await writer.commit();
      await cache.sources.admit(`GitRepository/a/r${n}`, revisionOf(root, n), fetched);
      merged += (await cache.gc()).rewritten;
      expect(model.files()).toContain('packs/00000001.pack');
    }
    expect(merged).toBeGreaterThan(16);
    expect(cache.usage().packs).toBeLessThan(12);
  });

  it('follows a folder whose bytes were first put as those of a file', async () => {
    const cache = open(faultDisk());
    const probe = await cache.store.writer();
    const child = sha256('child');
    const bytes = probe.get(probe.putFolder([file('f', child)]));
    const copy = Buffer.from(bytes);
    await probe.discard();
    const first = await cache.store.writer();
    first.put(copy);
    first.put(text('child'));
    await first.commit();
    await cache.gc();
    const second = await cache.store.writer();
    second.putFolder([file('f', child)]);
    await second.commit();
    await cache.gc();
    await cache.gc();
    expect(cache.store.has(child)).toBe(true);
  });

  it('keeps what the version before of a record names, so that damage can fall back on it', async () => {
    const model = faultDisk();
    const cache = open(model);
    for (let n = 1; n <= 6; n++) {
      const writer = await cache.store.writer();
      const root = writer.putFolder([file('n', writer.put(text(`${n}`)))]);
      await writer.commit();
      await cache.sources.admit('GitRepository/a/b', revisionOf(root, n), fetched);
    }
    for (let i = 0; i < 3; i++) await cache.gc();
    model.plant('sources/GitRepository_a_b.b.json', text('gone'));
    const after = open(model);
    const record = after.sources.get('GitRepository/a/b');
    const all = record === undefined ? [] : [record.current, ...record.previous];
    expect(all.map((one) => one.revision)).toEqual([5, 4, 3, 2].map((n) => `main@sha1:${n}`));
    expect(all.map((one) => Buffer.from(after.store.tree(one.root).read('n') ?? []).toString())).toEqual([
      '5',
      '4',
      '3',
      '2',
    ]);
  });

  it('ends before a writer opens', async () => {
    const cache = open(faultDisk());
    let ended = false;
    const running = cache.gc().then(() => {
      ended = true;
    });
    const writer = await cache.store.writer();
    expect(ended).toBe(true);
    await writer.discard();
    await running;
  });

  it('for a commit beyond the limit frees nothing that another open writer may rely on', async () => {
    const cache = open(faultDisk(), 30_000);
    const old = await cache.store.writer();
    const digest = old.put(randomBytes(20_000));
    await old.commit();
    await cache.gc();
    await cache.gc();
    const reader = await cache.store.writer();
    expect(cache.store.has(digest)).toBe(true);
    const writer = await cache.store.writer();
    writer.put(randomBytes(20_000));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'cache-full' });
    expect(cache.store.has(digest)).toBe(true);
    await reader.discard();
    const again = await cache.store.writer();
    again.put(randomBytes(20_000));
    await again.commit();
    expect(cache.store.has(digest)).toBe(false);
  });

  it('keeps a pack whose index cannot be read while anything is missing, and drops it when nothing is', async () => {
    const model = faultDisk();
    const cache = open(model);
    const writer = await cache.store.writer();
    const content = writer.put(text('content'));
    const root = writer.putFolder([file('f', content)]);
    await writer.commit();
    await cache.sources.admit('GitRepository/a/b', revisionOf(root, 1), fetched);
    model.flip('packs/00000001.pack', model.bytes('packs/00000001.pack').length * 8 - 1);
    const after = open(model);
    expect(after.store.has(content)).toBe(false);
    expect((await after.gc()).held).toMatch(/damaged/);
    expect(model.files()).toContain('packs/00000001.pack');
    const heal = await after.store.writer();
    heal.putFolder([file('f', heal.put(text('content')))]);
    await heal.commit();
    expect((await after.gc()).held).toBe('');
    expect(model.files()).not.toContain('packs/00000001.pack');
    expect(after.damage()).toEqual([]);
    expect(Buffer.from(after.store.tree(root).read('f') ?? []).toString()).toBe('content');
  });
});
