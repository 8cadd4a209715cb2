import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { type Cache, openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import type { BucketRequest } from '../../../src/source/bucket/index.ts';
import { type S3Server, startS3Server } from '../../s3server/index.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { startProxy } from '../../support/proxy.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { tempDir } from '../../support/temp.ts';
import { type BucketSite, bucketSite, closeWires, realClock, type SitePorts } from './support.ts';

let s3: S3Server;
let relay: Relay;
let count = 0;

beforeAll(async () => {
  s3 = await startS3Server();
  relay = await startRelay({ port: s3.port });
}, 400_000);

afterAll(async () => {
  closeWires();
  await relay?.stop();
  await s3?.stop();
});

const login = (): BucketRequest['login'] => ({
  kind: 's3',
  keys: { accessKey: s3.accessKey, secretKey: s3.secretKey },
});

type Objects = Readonly<Record<string, string>>;

/** A new bucket with objects, and a site that follows it. */
async function bucketWith(
  objects: Objects,
  change: Partial<BucketRequest> = {},
  ports: SitePorts = {},
): Promise<{ readonly bucket: string; readonly site: BucketSite }> {
  const bucket = `bucket-${++count}`;
  await s3.createBucket(bucket);
  for (const [key, text] of Object.entries(objects)) await s3.put(bucket, key, text);
  return { bucket, site: bucketSite({ bucket, endpoint: s3.endpoint, login: login(), ...change }, ports) };
}

/** Flux's revision of objects that were put in one part: their etag is the MD5 of their bytes. */
function revisionOf(objects: Objects): string {
  const lines = Object.keys(objects)
    .sort()
    .map(
      (key) =>
        `${key} ${createHash('md5')
          .update(objects[key] ?? '')
          .digest('hex')}\n`,
    );
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
}

const OBJECTS: Objects = {
  'apps/a.yaml': 'kind: A\n',
  'apps/b b+c&d.yaml': 'kind: B\n',
  'apps/ä/ü €.yaml': 'kind: U\n',
  "odd/(1)!'*~.yaml": 'kind: O\n',
  'root.yaml': 'kind: R\n',
};

describe('a bucket of a real S3 server', () => {
  it('is fetched with the revision of Flux, its keys as paths', async () => {
    const { site } = await bucketWith(OBJECTS);
    const outcome = await site.fetch();
    expect(outcome.kind).toBe('fetched');
    expect(site.have?.revision).toBe(revisionOf(OBJECTS));
    expect(site.files()).toEqual(Object.keys(OBJECTS).sort());
    for (const [key, text] of Object.entries(OBJECTS)) expect(site.text(key)).toBe(text);
    expect(outcome.count.requests).toBe(1 + 5);
  });

  it('costs one request when nothing changed, also when the same bytes are put again', async () => {
    const { bucket, site } = await bucketWith(OBJECTS);
    await site.fetch();
    await s3.put(bucket, 'root.yaml', 'kind: R\n');
    const outcome = await site.fetch();
    expect(outcome).toMatchObject({ kind: 'unchanged', revision: revisionOf(OBJECTS), count: { requests: 1 } });
  });

  it('costs a listing and one GET when one object changed', async () => {
    const { bucket, site } = await bucketWith(OBJECTS);
    await site.fetch();
    await s3.put(bucket, 'root.yaml', 'kind: R2\n');
    await s3.remove(bucket, 'apps/a.yaml');
    const outcome = await site.fetch();
    expect(outcome).toMatchObject({ kind: 'fetched', count: { requests: 2 } });
    const { 'apps/a.yaml': _gone, ...rest } = OBJECTS;
    expect(site.have?.revision).toBe(revisionOf({ ...rest, 'root.yaml': 'kind: R2\n' }));
    expect(site.text('root.yaml')).toBe('kind: R2\n');
    expect(site.files()).not.toContain('apps/a.yaml');
  });

  it('is a success when it is empty', async () => {
    const { site } = await bucketWith({});
    await site.fetch();
    expect(site.have?.revision).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(site.files()).toEqual([]);
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged' });
  });

  it('is listed in pages', async () => {
    const objects = Object.fromEntries(Array.from({ length: 1_203 }, (_, i) => [`o/${i}.yaml`, `n: ${i}\n`]));
    const { bucket, site } = await bucketWith({});
    const keys = Object.keys(objects);
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => s3.put(bucket, key, objects[key] ?? '')));
    const outcome = await site.fetch();
    expect(outcome.count.requests).toBe(2 + 1_203);
    expect(site.have?.revision).toBe(revisionOf(objects));
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 2 } });
    expect(await site.fails({}, { bucketKeys: 1_000 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.bucketKeys'),
    });
  }, 120_000);

  it('is narrowed by a prefix, which stays in the paths', async () => {
    const { site } = await bucketWith(OBJECTS, { prefix: 'apps/' });
    await site.fetch();
    const wanted = Object.fromEntries(Object.entries(OBJECTS).filter(([key]) => key.startsWith('apps/')));
    expect(site.have?.revision).toBe(revisionOf(wanted));
    expect(site.files()).toEqual(Object.keys(wanted).sort());
  });

  it('leaves out what spec.ignore and .sourceignore say, the spec last, and has no defaults', async () => {
    const files = { ...OBJECTS, 'picture.png': 'png', '.git/config': 'x', 'apps/c.yaml': 'kind: C\n' };
    const { bucket, site } = await bucketWith({ ...files, '.sourceignore': '# all of apps\n/apps/\n' });
    await site.fetch({ ignore: '!/apps/c.yaml' });
    const kept = Object.fromEntries(
      Object.entries(files).filter(([key]) => !key.startsWith('apps/') || key === 'apps/c.yaml'),
    );
    expect(site.have?.revision).toBe(revisionOf(kept));
    expect(site.files()).toEqual([...Object.keys(kept), '.sourceignore'].sort());
    expect(await site.fetch({ ignore: '!/apps/c.yaml' })).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    expect(await site.fetch({})).toMatchObject({ kind: 'fetched', count: { requests: 1 } });
    expect(site.files()).not.toContain('apps/c.yaml');
    await s3.put(bucket, '.sourceignore', '# nothing\n');
    await site.fetch();
    expect(site.have?.revision).toBe(revisionOf(files));
  });

  it('keeps its artifact when .sourceignore changes and leaves out the same', async () => {
    const { bucket, site } = await bucketWith({ ...OBJECTS, '.sourceignore': '/odd/' });
    await site.fetch();
    const before = site.have;
    await s3.put(bucket, '.sourceignore', 'odd');
    await site.fetch();
    expect(site.have?.revision).toBe(before?.revision);
    expect(site.have?.root).toBe(before?.root);
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
  });

  it('looks for .sourceignore in the root where the prefix leads elsewhere, by one conditional request', async () => {
    const { bucket, site } = await bucketWith({ ...OBJECTS, '.sourceignore': 'a.yaml' }, { prefix: 'apps/' });
    await site.fetch();
    expect(site.files()).not.toContain('apps/a.yaml');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 2 } });
    await s3.remove(bucket, '.sourceignore');
    await site.fetch();
    expect(site.files()).toContain('apps/a.yaml');
  });

  it('is read without credentials where everybody may', async () => {
    const { bucket } = await bucketWith(OBJECTS);
    await s3.makePublic(bucket);
    const site = bucketSite({ bucket, endpoint: s3.endpoint });
    await site.fetch();
    expect(site.have?.revision).toBe(revisionOf(OBJECTS));
  });

  it('takes the region from the server where the spec does not name it, and remembers it', async () => {
    const far = await startS3Server({ region: 'eu-north-7' });
    try {
      await far.createBucket('far');
      await far.put('far', 'a.yaml', 'a');
      const keys = { accessKey: far.accessKey, secretKey: far.secretKey };
      const site = bucketSite({ bucket: 'far', endpoint: far.endpoint, login: { kind: 's3', keys } });
      expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 3 } });
      expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
      const named = bucketSite({
        bucket: 'far',
        endpoint: far.endpoint,
        region: 'eu-north-7',
        login: { kind: 's3', keys },
      });
      expect(await named.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 2 } });
    } finally {
      await far.stop();
    }
  });

  it('is repaired where content was lost or damaged, by what is missing only', async () => {
    const store = memoryStore();
    const { site } = await bucketWith(OBJECTS, {}, { store });
    await site.fetch();
    const entry = store.folder(site.have?.root ?? 'sha256:').find(({ name }) => name === 'root.yaml');
    if (entry?.digest === undefined) throw new Error('no root.yaml');
    store.damage(entry.digest);
    expect(await site.fetchAnew()).toMatchObject({ kind: 'fetched', count: { requests: 2 } });
    expect(site.text('root.yaml')).toBe('kind: R\n');
  });
});

describe('a proxy', () => {
  it('is gone through, and its refusal told', async () => {
    const proxy = await startProxy({ auth: { username: 'u', password: 'p' } });
    try {
      const { site } = await bucketWith(OBJECTS, { proxy: { address: proxy.url, username: 'u', password: 'p' } });
      await site.fetch();
      expect(site.have?.revision).toBe(revisionOf(OBJECTS));
      expect(proxy.requests()).not.toHaveLength(0);
      const fault = await site.fails({ proxy: { address: proxy.url, username: 'u', password: 'wrong' } });
      expect(fault).toMatchObject({ code: 'wire-proxy', reason: 'BucketOperationFailed' });
    } finally {
      await proxy.stop();
    }
  });
});

describe('what stands in the way of a bucket', () => {
  const reason = 'BucketOperationFailed';

  it('wrong keys', async () => {
    const { site } = await bucketWith(OBJECTS);
    for (const keys of [
      { accessKey: 'nobody', secretKey: s3.secretKey },
      { accessKey: s3.accessKey, secretKey: 'wrong' },
    ])
      expect(await site.fails({ login: { kind: 's3', keys } })).toMatchObject({
        code: 'source-auth',
        reason,
        message: expect.stringContaining('Access Denied.'),
      });
    const none = await site.fails({ login: { kind: 'none' } });
    expect(none).toMatchObject({ code: 'source-auth', message: expect.stringContaining('Access Denied.') });
  });

  it('no such bucket', async () => {
    const site = bucketSite({ bucket: 'not-there', endpoint: s3.endpoint, login: login() });
    expect(await site.fails()).toMatchObject({
      code: 'source-not-found',
      reason,
      message: expect.stringContaining("bucket 'not-there' not found"),
    });
  });

  it('a clock that is wrong, with both times', async () => {
    const clock = { ...realClock, now: () => Date.UTC(2001, 0, 1) };
    const { site } = await bucketWith(OBJECTS, {}, { clock });
    const fault = await site.fails();
    expect(fault).toMatchObject({ code: 'source-auth', reason });
    expect(fault.message).toMatch(/clock of this node says 2001-01-01T00:00:00Z, the server's says 20.*NTP/);
  });

  it('a server that is gone, and comes back', async () => {
    const { site } = await bucketWith(OBJECTS, { endpoint: `127.0.0.1:${relay.port}` });
    await relay.refuse();
    expect(await site.fails()).toMatchObject({
      code: 'wire-unreachable',
      reason,
      message: expect.stringMatching(/failed to confirm existence of 'bucket-\d+' bucket: .*refused/),
    });
    await relay.restore();
    expect(await site.fetch()).toMatchObject({ kind: 'fetched' });
  });

  it('a server that hangs, at the timeout', async () => {
    const { site } = await bucketWith(OBJECTS, { endpoint: `127.0.0.1:${relay.port}`, timeoutMs: 500 });
    relay.hang();
    expect(await site.fails()).toMatchObject({
      code: 'wire-timeout',
      reason,
      message: expect.stringContaining('failed to confirm existence of'),
    });
    await relay.restore();
  });

  it('an unknown authority; with it given, all is well', async () => {
    const secure = await startS3Server({ tls: true });
    try {
      await secure.createBucket('tls');
      await secure.put('tls', 'a.yaml', 'a');
      const keys = { accessKey: secure.accessKey, secretKey: secure.secretKey };
      const site = bucketSite({
        bucket: 'tls',
        endpoint: secure.endpoint,
        insecure: false,
        login: { kind: 's3', keys },
      });
      expect(await site.fails()).toMatchObject({
        code: 'wire-tls',
        reason,
        message: expect.stringContaining("failed to confirm existence of 'tls' bucket"),
      });
      expect(await site.fetch({ tls: { ca: secure.caPem } })).toMatchObject({ kind: 'fetched' });
    } finally {
      await secure.stop();
    }
  });
});

/** Records of transfers that no pointer has made needless: each has two files, written in turn. */
const partRecords = (dir: string): readonly string[] =>
  existsSync(join(dir, 'parts'))
    ? [...new Set(readdirSync(join(dir, 'parts')).map((name) => name.replace(/\.[ab]\.json$/, '')))]
    : [];

describe('a link that breaks', () => {
  it('costs nothing twice across a restart, on a real disk', async () => {
    const objects = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`o/${i}.yaml`, `n: ${i}\n`.repeat(500)]));
    await using dir = await tempDir('bucket');
    const open = (): Cache => openCache({ disk: createDisk(dir.path), limits: DEFAULT_LIMITS });
    const { bucket, site } = await bucketWith(
      objects,
      { endpoint: `127.0.0.1:${relay.port}` },
      { store: open().store },
    );
    relay.cutAfter(15_000);
    expect((await site.fails()).code).toMatch(/^wire-(?:cut|unreachable)$/);
    await relay.restore();
    const again = bucketSite({ bucket, endpoint: `127.0.0.1:${relay.port}`, login: login() }, { store: open().store });
    const outcome = await again.fetch();
    expect(outcome.count.requests).toBeLessThan(1 + 30);
    expect(outcome.count.requests).toBeGreaterThan(1);
    expect(again.have?.revision).toBe(revisionOf(objects));
    expect(again.text('o/7.yaml')).toBe(objects['o/7.yaml']);
  });

  it('costs nothing twice when garbage is collected after the restart, and holds nothing for good', async () => {
    const objects = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [
        `o/${i}.bin`,
        createHash('sha512').update(`${i}`).digest('hex').repeat(80),
      ]),
    );
    await using dir = await tempDir('bucket');
    const open = (): Cache => openCache({ disk: createDisk(dir.path), limits: DEFAULT_LIMITS });
    const endpoint = `127.0.0.1:${relay.port}`;
    const { bucket, site } = await bucketWith(objects, { endpoint }, { store: open().store });
    relay.cutAfter(50_000);
    expect((await site.fails()).code).toMatch(/^wire-(?:cut|unreachable)$/);
    await relay.restore();
    const cache = open();
    // Longer than what nobody names is young.
    for (let i = 0; i < 4; i++) expect((await cache.gc()).held).toBe('');
    const again = bucketSite({ bucket, endpoint, login: login() }, { store: cache.store });
    relay.resetCounts();
    expect((await again.fetch()).count.requests).toBeLessThan(1 + 30 - 8);
    expect(relay.out()).toBeLessThan(30 * 128 * 80 - 80_000);
    expect(again.text('o/7.bin')).toBe(objects['o/7.bin']);
    // The next poll finds a pointer that names it all: what the revision does not need is let go of.
    expect(partRecords(dir.path)).toHaveLength(1);
    expect((await again.fetch()).kind).toBe('unchanged');
    expect(partRecords(dir.path)).toEqual([]);
  });

  it('brings a bucket to its end without fetching anything twice', async () => {
    const objects = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `o/${i}.bin`,
        createHash('sha512').update(`${i}`).digest('hex').repeat(80),
      ]),
    );
    const { site } = await bucketWith(objects, { endpoint: `127.0.0.1:${relay.port}` });
    relay.cutAfter(100_000);
    relay.resetCounts();
    let attempts = 1;
    for (; attempts < 60; attempts++) {
      const done = await site.fetch().then(
        () => true,
        () => false,
      );
      if (done) break;
    }
    await relay.restore();
    expect(site.have?.revision).toBe(revisionOf(objects));
    const bytes = 40 * 128 * 80;
    expect(attempts).toBeGreaterThan(1);
    expect(relay.out()).toBeLessThan(bytes * 2);
  });
});
