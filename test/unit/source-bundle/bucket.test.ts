import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type LimitName, type SourceRevision } from '../../../src/model/index.ts';
import {
  type BucketContentRequest,
  bucketBundle,
  type Compression,
  measureBundle,
  openBundle,
  proveBundle,
  type Readable,
  readObjectList,
  takeBucket,
  verifyObjects,
} from '../../../src/source/bundle/index.ts';
import { type BucketSite, bucketSite } from '../../contract/bucket/support.ts';
import { fakeWire } from '../../support/fake-wire.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { type TarPart, tarOf } from '../../support/tar-builder.ts';
import { type FakeS3, fakeS3, md5 } from '../bucket/fake-s3.ts';

const fileOf = (bytes: Uint8Array): Readable => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

const PLACE = { provider: 'generic', endpoint: 's3.test', bucket: 'b', prefix: '' } as const;

/** A site without a network that is brought the objects of a bucket. */
class Offline {
  readonly store: MemoryStore;
  have: SourceRevision | undefined;
  previous: SourceRevision[] = [];
  damaged = false;

  constructor(store = memoryStore()) {
    this.store = store;
  }

  /** Takes a tar, or the bundle in a file. */
  async take(
    bytes: Uint8Array,
    change: Partial<BucketContentRequest> = {},
    limits: Partial<Record<LimitName, number>> = {},
  ): Promise<string> {
    const file = fileOf(bytes);
    const bundle = await openBundle(file, 'Bucket_a_b.tar', DEFAULT_LIMITS);
    await proveBundle(bundle, () => true);
    const [part] = bundle.parts;
    if (part === undefined) throw new Error('nothing in it');
    const { have, previous } = this;
    const request = { ...PLACE, ...(have === undefined || this.damaged ? {} : { have }), ...change };
    const outcome = await takeBucket(
      { store: this.store },
      request,
      { limits: { ...DEFAULT_LIMITS, ...limits } },
      { file, span: part.span, listing: part.listing, known: have, previous },
    );
    if (outcome.kind === 'unchanged') return 'unchanged';
    if (have !== undefined) this.previous = [have, ...previous];
    this.have = outcome.content;
    return outcome.content.revision;
  }

  /** `code: message` with which it must end, with nothing changed and no writer open. */
  async refuses(...how: Parameters<Offline['take']>): Promise<string> {
    const before = this.store.sizes();
    const error = await this.take(...how).catch((e: unknown) => e);
    if (!(error instanceof Fault)) throw new Error(`it was taken: ${String(error)}`);
    expect([this.store.open(), this.store.sizes()]).toEqual([0, before]);
    return `${error.code}: ${error.message}`;
  }

  text(path: string): string | undefined {
    const bytes = this.have === undefined ? undefined : this.store.tree(this.have.root).read(path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }
}

const siteOf = (s3: FakeS3, store = memoryStore(), now = 1_800_000_000_000): BucketSite => {
  const clock = { now: () => now, monotonic: () => now, sleep: async () => undefined, after: () => () => undefined };
  return bucketSite(
    { bucket: 'b', endpoint: 's3.test' },
    { wire: fakeWire(new Map([['http://s3.test', s3.server]])), store, clock },
  );
};

interface Maker {
  readonly s3: FakeS3;
  readonly site: BucketSite;
  pack(base?: SourceRevision, change?: Partial<BucketContentRequest>, compression?: Compression): Buffer;
}

/** Where there is a network. */
function maker(objects: Readonly<Record<string, string>>, now?: number): Maker {
  const s3 = fakeS3(Object.entries(objects).map(([key, body]) => ({ key, body })));
  const site = siteOf(s3, memoryStore(), now);
  return {
    s3,
    site,
    pack: (base, change = {}, compression = 'none') => {
      if (site.have === undefined) throw new Error('nothing was fetched');
      const request = { ...PLACE, ...change };
      const packed = bucketBundle(site.store, request, { tip: site.have, base, compression, limits: DEFAULT_LIMITS });
      const notes = {
        source: 'Bucket/a/b',
        revision: site.have.revision,
        base: base?.revision ?? '',
        created: site.have.metadata['time'] ?? '',
        sequence: 1,
        selector: { cluster: '', labels: {} },
      };
      return Buffer.concat([...measureBundle([{ ...notes, ...packed }]).write()]);
    },
  };
}

const OBJECTS = { 'a.yaml': 'a: 1\n', 'd/b.yaml': 'b: 1\n', 'ü €.yaml': 'u: 1\n' };
const archive = (objects: Readonly<Record<string, string>>): Buffer =>
  tarOf(Object.entries(objects).map(([path, content]) => ({ path, content })));

describe('a bundle of a bucket', () => {
  it.each(['none', 'zstd'] as const)('has the revision of its server, whole and as a difference (%s)', async (how) => {
    const { s3, site, pack } = maker({ ...OBJECTS, big: 'x'.repeat(200_000) });
    await site.fetch();
    const first = site.have;
    const whole = pack(undefined, {}, how);
    expect(whole.equals(pack(undefined, {}, how))).toBe(true);
    const there = new Offline();
    expect(await there.take(whole)).toBe(first?.revision);
    expect([there.text('a.yaml'), there.text('ü €.yaml')]).toEqual(['a: 1\n', 'u: 1\n']);
    expect(there.have?.root).toBe(first?.root);
    expect(await there.take(whole)).toBe('unchanged');

    s3.objects = [...s3.objects.filter(({ key }) => key !== 'd/b.yaml'), { key: 'new', body: 'n' }];
    await site.fetch();
    const difference = pack(first, {}, how);
    expect(difference.length).toBeLessThan(12_000);
    expect(await there.take(difference)).toBe(site.have?.revision);
    expect([there.text('new'), there.text('d/b.yaml'), there.text('big')?.length]).toEqual(['n', undefined, 200_000]);
    expect(await new Offline().refuses(difference)).toMatch(/^bundle-base-missing: .*is not on this disk/);
  });

  it('is verified: every file by the list, and of a whole that nothing is missing', async () => {
    const { s3, site, pack } = maker(OBJECTS);
    await site.fetch();
    const first = site.have;
    const check = async (bytes: Buffer): Promise<number> => {
      const file = fileOf(bytes);
      const [part] = (await openBundle(file, 'x.tar', DEFAULT_LIMITS)).parts;
      if (part?.listing === undefined) throw new Error('no list');
      const list = await readObjectList(file, part.listing, DEFAULT_LIMITS);
      return verifyObjects(file, { span: part.span, list }, { limits: DEFAULT_LIMITS });
    };
    expect(await check(pack())).toBe(3);
    s3.objects.push({ key: '.sourceignore', body: 'd/\n' });
    await site.fetch();
    expect(await check(pack())).toBe(3);
    expect(await check(pack(first))).toBe(1);
  });

  it('follows the rules of the bucket, and is refused under other ones of the source', async () => {
    const { site, pack } = maker({ ...OBJECTS, '.sourceignore': 'd/\n' });
    await site.fetch({ ignore: 'ü*\n' });
    const bytes = pack(undefined, { ignore: 'ü*\n' });
    const there = new Offline();
    expect(await there.take(bytes, { ignore: 'ü*\n' })).toBe(site.have?.revision);
    expect([there.text('a.yaml'), there.text('d/b.yaml'), there.text('.sourceignore')]).toEqual([
      'a: 1\n',
      undefined,
      'd/\n',
    ]);
    const other = new Offline();
    expect(await other.refuses(bytes)).toMatch(/^bundle-unreadable: .*spec\.ignore '.*\(none\)/);
    expect(await other.refuses(bytes, { ignore: 'ü*\n', prefix: 'd/' })).toMatch(/^bundle-unreadable: .*spec\.prefix/);
    expect(await other.refuses(bytes, { ignore: 'ü*\n', bucket: 'c' })).toMatch(
      /^bundle-unreadable: .*spec\.bucketName/,
    );
  });

  it('that is older than what is here is refused, by the time of the listing and by what was here', async () => {
    const old = maker(OBJECTS, 1_800_000_000_000);
    await old.site.fetch();
    const fresh = maker({ ...OBJECTS, 'a.yaml': 'a: 2\n' }, 1_800_000_100_000);
    await fresh.site.fetch();
    const there = new Offline();
    await there.take(fresh.pack());
    expect(await there.refuses(old.pack())).toMatch(/^bundle-older: .*2027-01-15T08:00:00Z.*2027-01-15T08:01:40Z/);
    there.damaged = true;
    expect(await there.refuses(old.pack())).toMatch(/^bundle-older: /);
    const back = new Offline();
    await back.take(old.pack());
    await back.take(fresh.pack());
    const late = maker(OBJECTS, 1_900_000_000_000);
    await late.site.fetch();
    expect(await back.refuses(late.pack())).toMatch(/^bundle-older: .*was here before/);
  });

  it('mends a disk that is damaged, and leans on nothing that is', async () => {
    const { s3, site, pack } = maker(OBJECTS);
    await site.fetch();
    const first = site.have;
    const there = new Offline();
    await there.take(pack());
    s3.objects.push({ key: 'new', body: 'n' });
    await site.fetch();
    there.damaged = true;
    there.store.damage(
      first === undefined ? 'sha256:' : (site.store.tree(first.root).stat('a.yaml')?.digest ?? 'sha256:'),
    );
    expect(await there.refuses(pack(first))).toMatch(/^bundle-base-missing: .*damaged/);
    expect(await there.take(pack())).toBe(site.have?.revision);
    expect(there.text('a.yaml')).toBe('a: 1\n');
  });

  it('costs no second transfer where etags are sums of the content, and its server has the last word elsewhere', async () => {
    const { s3, site, pack } = maker({ ...OBJECTS });
    s3.objects.push({ key: 'parts', body: 'put in parts', etag: 'abc-2' });
    await site.fetch();
    const there = new Offline();
    await there.take(pack());
    expect(there.have?.revision).toBe(site.have?.revision);
    // The link is back: one GET, for the object whose etag proves nothing.
    const own = fakeS3(s3.objects);
    const later = siteOf(own, there.store);
    const outcome = await later.fetch(there.have === undefined ? {} : { have: there.have });
    expect(outcome).toMatchObject({
      kind: 'fetched',
      content: { revision: site.have?.revision, root: site.have?.root },
    });
    expect(own.gets()).toEqual(['parts']);
    expect(await later.fetch()).toMatchObject({ kind: 'unchanged' });
  });

  it('whose etag was made up does not outlive its server', async () => {
    const forged = maker({ 'a.yaml': 'forged\n' });
    forged.s3.objects = [{ key: 'a.yaml', body: 'forged\n', etag: md5('a: 1\n') }];
    await forged.site.fetch();
    const there = new Offline();
    await there.take(forged.pack());
    const own = fakeS3([{ key: 'a.yaml', body: 'a: 1\n' }]);
    const later = siteOf(own, there.store);
    await later.fetch(there.have === undefined ? {} : { have: there.have });
    expect(later.text('a.yaml')).toBe('a: 1\n');
  });

  it('is not made of what was itself taken from a file, nor of nothing', async () => {
    const { site, pack } = maker(OBJECTS);
    await site.fetch();
    const there = new Offline();
    await there.take(pack());
    const how = { base: undefined, compression: 'none', limits: DEFAULT_LIMITS } as const;
    const tip = there.have as SourceRevision;
    expect(() => bucketBundle(there.store, PLACE, { ...how, tip })).toThrow(/taken from a file/);
    const empty = maker({});
    await empty.site.fetch();
    expect(() => empty.pack()).toThrow(/no objects/);
  });
});

/** A bundle with another list than its tar has. */
function altered(bytes: Buffer, change: (list: Record<string, unknown>) => unknown): Promise<Buffer> {
  return openBundle(fileOf(bytes), 'x.tar', DEFAULT_LIMITS).then(({ parts: [part] }) => {
    if (part?.listing === undefined) throw new Error('no list');
    const { listing, span } = part;
    const list = JSON.parse(bytes.toString('utf8', listing.start, listing.start + listing.size));
    const changed = change(list);
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed);
    const payload = bytes.subarray(span.start, span.start + span.size);
    const { source, revision, base, created, sequence, selector } = part;
    return Buffer.concat([
      ...measureBundle([
        {
          ...{ source, revision, base, created, sequence, selector },
          listing: { mediaType: 'application/vnd.holdfast.bundle.bucket.v1+json', open: () => [Buffer.from(text)] },
          mediaType: 'application/vnd.oci.image.layer.v1.tar',
          open: () => [payload],
        },
      ]).write(),
    ]);
  });
}

describe('a hostile list of objects', () => {
  const digest = 'a'.repeat(64);
  it.each([
    ['no JSON', () => '{', /^bundle-unreadable: .*no JSON/],
    ['no object', () => '[]', /^bundle-unreadable: /],
    ['another version', (list) => ({ ...list, format: 2 }), /^bundle-unreadable: .*version/],
    ['no objects', ({ objects: _, ...list }) => list, /^bundle-unreadable: /],
    ['a row that is none', (list) => ({ ...list, objects: [7] }), /^bundle-unreadable: /],
    ['a row without a digest', (list) => ({ ...list, objects: [['a', 'e', 1, 1, 'x']] }), /^bundle-unreadable: /],
    ['a size below nothing', (list) => ({ ...list, objects: [['a', 'e', -1, 1, digest]] }), /^bundle-unreadable: /],
    [
      'an etag with a line end',
      (list) => ({ ...list, objects: [['a', 'e\nb', 1, 1, digest]] }),
      /^bundle-unreadable: /,
    ],
    [
      'a key twice',
      (list) => ({ ...list, objects: [...(list['objects'] as unknown[]), (list['objects'] as unknown[])[0]] }),
      /^bundle-unreadable: .*twice/,
    ],
    [
      'a key that leads out',
      (list) => ({ ...list, objects: [['../a', 'e', 1, 1, digest]] }),
      /^source-refused: .*\.\./,
    ],
    [
      'an object that is not in it',
      (list) => ({ ...list, objects: [...(list['objects'] as unknown[]), ['z', 'e', 1, 1, digest]] }),
      /^bundle-damaged: 'z' is not in the bundle/,
    ],
    [
      'an object of somebody else, by its digest',
      (list) => ({
        ...list,
        base: `sha256:${'b'.repeat(64)}`,
        objects: [...(list['objects'] as unknown[]), ['z', 'e', 1, 1, digest]],
      }),
      /^bundle-base-missing: /,
    ],
    ['less than the tar has', (list) => ({ ...list, objects: [] }), /^bundle-damaged: .*not what the list/],
    ['rules that are none', (list) => ({ ...list, rules: 'x' }), /^bundle-unreadable: /],
    ['ignore that is none', (list) => ({ ...list, ignore: 7 }), /^bundle-unreadable: /],
  ] as readonly (readonly [string, (list: Record<string, unknown>) => unknown, RegExp])[])(
    'with %s is not taken',
    async (_, change, expected) => {
      const { site, pack } = maker(OBJECTS);
      await site.fetch();
      expect(await new Offline().refuses(await altered(pack(), change))).toMatch(expected);
    },
  );

  it('is bounded', async () => {
    const { site, pack } = maker(OBJECTS);
    await site.fetch();
    const there = new Offline();
    expect(await there.refuses(pack(), {}, { bucketKeys: 2 })).toMatch(/^source-bounds: .*limits\.bucketKeys/);
    expect(await there.refuses(pack(), {}, { bucketListBytes: 100 })).toMatch(
      /^source-bounds: .*limits\.bucketListBytes/,
    );
  });

  it('cannot give a size to an object that it does not have', async () => {
    const { site, pack } = maker({ ...OBJECTS, twin: 'a: 1\n' });
    await site.fetch();
    const first = site.have;
    const there = new Offline();
    const row = (list: Record<string, unknown>, key: string): unknown[] =>
      (list['objects'] as unknown[][]).find(([name]) => name === key) ?? [];
    const forge = (key: string) => (list: Record<string, unknown>) => {
      row(list, key)[3] = 7;
      return list;
    };
    expect(await there.refuses(await altered(pack(), forge('twin')))).toMatch(/^bundle-damaged: 'twin'/);
    await there.take(pack());
    const difference = await altered(pack(first), forge('d/b.yaml'));
    expect(await there.refuses(difference)).toMatch(/^bundle-damaged: 'd\/b\.yaml' has 5 bytes, and 7 stand/);
  });

  it('cannot take content of another source of this disk', async () => {
    const { site, pack } = maker(OBJECTS);
    await site.fetch();
    const there = new Offline();
    await there.take(pack());
    const writer = await there.store.writer();
    const secret = writer.put(Buffer.from('of another tenant'));
    await writer.commit();
    const base = there.have?.revision ?? '';
    const bytes = await altered(pack(), (list) => ({
      ...list,
      base,
      objects: [...(list['objects'] as unknown[]), ['stolen', 'e', 17, 17, secret.slice(7)]],
    }));
    expect(await there.refuses(bytes)).toMatch(/^bundle-base-missing: 'stolen' is neither/);
  });
});

describe('a tar archive for a bucket', () => {
  it('has the revision that its server would give for objects put in one part', async () => {
    const { site } = maker(OBJECTS);
    await site.fetch();
    for (const bytes of [archive(OBJECTS), gzipSync(archive(OBJECTS))]) {
      const there = new Offline();
      expect(await there.take(bytes)).toBe(site.have?.revision);
      expect(there.have?.root).toBe(site.have?.root);
      expect(there.text('d/b.yaml')).toBe('b: 1\n');
    }
  });

  it('takes keys whole: what lies outside of the prefix is not of the source, and rules of the root count', async () => {
    const there = new Offline();
    const bytes = archive({ 'site/a.yaml': 'a', 'other/b.yaml': 'b', '.sourceignore': '*.md\n', 'site/x.md': 'x' });
    await there.take(bytes, { prefix: 'site/' });
    expect([there.text('site/a.yaml'), there.text('other/b.yaml'), there.text('site/x.md')]).toEqual([
      'a',
      undefined,
      undefined,
    ]);
    // As in Flux, Azure is not asked by a prefix.
    const azure = new Offline();
    await azure.take(bytes, { prefix: 'site/', provider: 'azure' });
    expect(azure.text('other/b.yaml')).toBe('b');
    const none = new Offline();
    expect(await none.refuses(archive({ 'a.yaml': 'a' }), { prefix: 'site/' })).toMatch(
      /^bundle-unreadable: there is no object of bucket 'b' in it under spec\.prefix 'site\/'/,
    );
    expect(await none.refuses(archive({ '.sourceignore': '*' }))).toMatch(/^bundle-unreadable: there is no object/);
    expect(await none.refuses(tarOf([{ path: 'd/', flag: '5' }]))).toMatch(/^bundle-unreadable: there is no object/);
  });

  it('that is the same by its files is nothing new, whatever the etags of the server', async () => {
    const { s3, site } = maker({});
    s3.objects = [
      { key: 'a.yaml', body: 'a', etag: 'abc-2' },
      { key: 'd/b.yaml', body: 'b' },
    ];
    await site.fetch();
    const there = new Offline(site.store as MemoryStore);
    there.have = site.have;
    expect(await there.take(archive({ 'a.yaml': 'a', 'd/b.yaml': 'b' }))).toBe('unchanged');
    expect(await there.take(archive({ 'a.yaml': 'a', 'd/b.yaml': 'c' }))).toMatch(/^sha256:/);
  });

  it.each([
    ['a path that leads out', [{ path: '../a' }], /^source-refused: .*\.\./],
    ['one file by two names', [{ path: 'a/b' }, { path: 'a//b' }], /^source-refused: .*same file/],
    ['a file where a folder is', [{ path: 'a' }, { path: 'a/b' }], /^source-refused: .*file already/],
    ['a link', [{ path: 'a' }, { path: 'l', flag: '2', link: '/etc/passwd' }], /^bundle-unreadable: 'l'/],
  ] as readonly (readonly [string, readonly TarPart[], RegExp])[])(
    'with %s is not taken',
    async (_, parts, expected) => {
      expect(await new Offline().refuses(tarOf(parts))).toMatch(expected);
    },
  );

  it('of rules that are too large is refused by their limit', async () => {
    const bytes = archive({ a: 'a', '.sourceignore': `# ${'x'.repeat(200)}\n` });
    expect(await new Offline().refuses(bytes, {}, { ignoreBytes: 100 })).toMatch(
      /^source-bounds: .*limits\.ignoreBytes/,
    );
  });
});
