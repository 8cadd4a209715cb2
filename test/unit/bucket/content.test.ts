import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/model/index.ts';
import { type BucketSite, bucketSite } from '../../contract/bucket/support.ts';
import { fakeWire } from '../../support/fake-wire.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { errorXml, type FakeObject, type FakeS3, fakeS3, md5 } from './fake-s3.ts';

const siteOf = (s3: FakeS3, store = memoryStore()): BucketSite =>
  bucketSite({ bucket: 'b', endpoint: 's3.test' }, { wire: fakeWire(new Map([['http://s3.test', s3.server]])), store });

/** A bucket of objects that are stored compressed: ten bytes each, and so much content. */
function compressed(contents: Readonly<Record<string, number>>): FakeS3 {
  const objects = Object.keys(contents).map((key): FakeObject => ({ key, body: key, etag: md5(key), size: 10 }));
  const s3 = fakeS3(objects);
  s3.instead = ({ path }) => {
    const key = path.slice('/b/'.length);
    const size = contents[key];
    if (size === undefined) return undefined;
    const headers = { etag: `"${md5(key)}"`, 'content-length': '10', 'content-encoding': 'gzip' };
    // The wire has undone the coding.
    return { headers, parts: [key.repeat(size)] };
  };
  return s3;
}

describe('an object that is stored compressed', () => {
  it('has the size of its content, not that of its transfer, also when others change', async () => {
    const s3 = compressed({ a: 2_000 });
    s3.objects.push({ key: 'other', body: '1' });
    const site = siteOf(s3);
    const sizeOfA = (): number | undefined => site.store.tree(site.have?.root ?? 'sha256:').stat('a')?.size;
    await site.fetch();
    expect(sizeOfA()).toBe(2_000);
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged' });
    s3.objects = [...s3.objects.slice(0, 1), { key: 'other', body: '2' }];
    await site.fetch();
    expect(sizeOfA()).toBe(2_000);
    expect(s3.gets().filter((key) => key === 'a')).toHaveLength(1);
    // Nothing is known of it but its content.
    await site.fetchAnew();
    expect(sizeOfA()).toBe(2_000);
    expect(s3.gets().filter((key) => key === 'a')).toHaveLength(1);
  });

  it('is bounded by the size of its content', async () => {
    expect(await siteOf(compressed({ a: 2_000 })).fails({}, { objectBytes: 1_999 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.objectBytes'),
    });
    expect(await siteOf(compressed({ a: 2_000, b: 2_000 })).fails({}, { treeBytes: 3_999 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.treeBytes'),
    });
  });

  it('and holds rules is bounded by that, too', async () => {
    const fault = await siteOf(compressed({ '.sourceignore': 100 })).fails({}, { ignoreBytes: 1_000 });
    expect(fault).toMatchObject({ code: 'source-bounds', message: expect.stringContaining('limits.ignoreBytes') });
  });
});

describe('rules for a bucket', () => {
  it.each([
    ['.sourceignore', {}, '# a comment\n\na\nb\nc\n'],
    ['spec.ignore', { ignore: 'a\nb\nc\n' }, ''],
    ['both', { ignore: 'a\nb\n' }, 'c\n'],
  ])('may hold so many patterns and no more, in %s', async (_, change, file) => {
    const s3 = fakeS3([
      { key: 'd', body: 'd' },
      { key: 'a', body: 'a' },
      ...(file === '' ? [] : [{ key: '.sourceignore', body: file }]),
    ]);
    const site = siteOf(s3);
    await site.fetch(change, { ignorePatterns: 3 });
    expect(site.files().filter((name) => name !== '.sourceignore')).toEqual(['d']);
    expect(await site.fails(change, { ignorePatterns: 2 })).toMatchObject({
      code: 'source-bounds',
      reason: 'BucketOperationFailed',
      message: expect.stringContaining('limits.ignorePatterns'),
    });
  });

  it('are held against a limit that became smaller, too', async () => {
    const site = siteOf(fakeS3([{ key: '.sourceignore', body: 'a'.repeat(100) }]));
    await site.fetch({}, { ignoreBytes: 100 });
    expect((await site.fails({}, { ignoreBytes: 99 })).message).toContain('limits.ignoreBytes');
  });
});

describe('objects with the names of what every object of JavaScript has', () => {
  it('are objects as any others', async () => {
    const keys = ['__proto__', 'constructor', 'hasOwnProperty/__proto__', 'toString'];
    const site = siteOf(fakeS3(keys.map((key) => ({ key, body: `of ${key}` }))));
    await site.fetch();
    expect(site.files()).toEqual(keys);
    for (const key of keys) expect(site.text(key)).toBe(`of ${key}`);
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged' });
  });
});

describe('what is kept of a fetch that failed', () => {
  it('is read before it counts as here', async () => {
    const store = memoryStore();
    const s3 = fakeS3([{ key: 'first', body: '1' }]);
    const site = siteOf(s3, store);
    await site.fetch();
    s3.objects = [...s3.objects, { key: 'kept', body: 'kept' }, { key: 'more', body: 'more' }];
    s3.instead = ({ path }) => (path === '/b/more' ? { status: 503, parts: [errorXml('SlowDown')] } : undefined);
    await site.fails({}, { bucketDownloads: 1 });
    store.damage(sha256('kept'));
    s3.instead = undefined;
    await site.fetch();
    expect(s3.gets()).toEqual(['first', 'kept', 'more', 'kept', 'more']);
    expect(site.text('kept')).toBe('kept');
  });
});
