import { describe, expect, it } from 'vitest';
import type { BucketRequest } from '../../../src/source/bucket/index.ts';
import { type BucketSite, bucketSite, realClock, type SitePorts } from '../../contract/bucket/support.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { errorXml, type FakeObject, type FakeS3, fakeS3, listing } from './fake-s3.ts';

const KEYS = { accessKey: 'AK', secretKey: 'secret-of-the-site' };
const LOGIN = { kind: 's3', keys: KEYS } as const;

function siteOf(
  s3: FakeS3,
  change: Partial<BucketRequest> = {},
  { others = new Map(), options }: { others?: Map<string, FakeServer>; options?: SitePorts['options'] } = {},
): BucketSite {
  const wire = fakeWire(new Map([['http://s3.test', s3.server], ...others]));
  return bucketSite(
    { bucket: 'b', endpoint: 's3.test', login: LOGIN, ...change },
    options ? { wire, options } : { wire },
  );
}

const object = (key: string, body = key): FakeObject => ({ key, body });

describe('a listing', () => {
  it.each([
    ['repeats its token', () => listing([], 'again')],
    ['goes in a circle', (n: number) => listing([object(`k${n}`)], `t${n % 3}`)],
    ['brings nothing new under ever new tokens', (n: number) => listing([object('a')], `t${n}`)],
    ['brings new keys for ever', (n: number) => listing([object(`k${n}`), object(`l${n}`)], `t${n}`)],
  ])('that %s is ended', async (_, page) => {
    const s3 = fakeS3();
    let n = 0;
    s3.instead = () => ({ parts: [page(++n)] });
    const fault = await siteOf(s3).fails({}, { bucketKeys: 500 });
    expect(fault.code).toMatch(/^(?:wire-protocol|source-bounds)$/);
    expect(s3.requests.length).toBeLessThan(300);
  });

  it('that is large is ended at its limit', async () => {
    const s3 = fakeS3(Array.from({ length: 900 }, (_, i) => object(`k${i}`)));
    expect((await siteOf(s3).fails({}, { bucketPageBytes: 10_000 })).message).toContain('limits.bucketPageBytes');
    s3.instead = ({ path }) => ({ parts: [listing(s3.objects.slice(0, 10), `t${path.length}`)] });
    expect((await siteOf(s3).fails({}, { bucketListBytes: 2_000 })).message).toContain('limits.bucketListBytes');
  });

  it.each([
    ['a login page', '<!DOCTYPE html><html><body>log in</body></html>'],
    ['other XML', '<?xml version="1.0"?><rss><channel/></rss>'],
    ['nothing', ''],
    ['an entity bomb', '<!DOCTYPE b [<!ENTITY a "aaaa">]><ListBucketResult>&a;</ListBucketResult>'],
    ['no end', listing([object('a')]).slice(0, -30)],
    [
      'an object without size',
      '<ListBucketResult><Name>b</Name><Contents><Key>a</Key><ETag>e</ETag></Contents></ListBucketResult>',
    ],
    ['a negative size', listing([{ key: 'a', body: '', size: -1 }])],
    ['more without a token', '<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated></ListBucketResult>'],
    ['silent about its end', '<ListBucketResult><Name>b</Name></ListBucketResult>'],
    ['silent about its end, with objects', listing([object('a')]).replace(/<IsTruncated>.*<\/IsTruncated>/, '')],
    ['unclear about its end', listing([object('a')]).replace('>false<', '>no<')],
    ['empty about its end', listing([object('a')]).replace('>false<', '><')],
    [
      'of two minds about its end',
      listing([object('a')], 't').replace('<EncodingType>', '<IsTruncated>false</IsTruncated><EncodingType>'),
    ],
    ['whole, and goes on', listing([object('a')], 't').replace('>true<', '>false<')],
    ['shorter than it says', listing([object('a')]).replace('<EncodingType>', '<KeyCount>2</KeyCount><EncodingType>')],
    ['cut behind an object', listing([object('a'), object('b')]).replace(/<Contents><Key>b.*$/, '')],
  ])('that is %s is told from a storage server', async (_, text) => {
    const s3 = fakeS3();
    s3.instead = () => ({ parts: [text], headers: { 'content-type': 'text/html' } });
    expect(await siteOf(s3).fails()).toMatchObject({
      code: 'wire-protocol',
      reason: 'BucketOperationFailed',
      message: expect.stringContaining('not a storage server'),
    });
    expect(s3.gets()).toEqual([]);
  });

  it('may name a key twice: the last counts, as in Flux', async () => {
    const s3 = fakeS3([object('a', 'old'), object('a', 'new')]);
    const site = siteOf(s3);
    await site.fetch();
    expect(site.text('a')).toBe('new');
    expect(s3.gets()).toEqual(['a']);
  });

  it('is held against Flux where keys are not in order, with signs that sort otherwise in UTF-16', async () => {
    const keys = ['\u{1f600}', '\uffe0', 'b', 'a'];
    const one = siteOf(fakeS3(keys.map((key) => object(key))));
    const two = siteOf(fakeS3([...keys].reverse().map((key) => object(key))));
    await one.fetch();
    await two.fetch();
    expect(one.have?.revision).toBe(two.have?.revision);
  });
});

describe('a key', () => {
  it.each([
    ['../evil', 'source-refused'],
    ['a/../../evil', 'source-refused'],
    ['a/./b', 'source-refused'],
    ['..', 'source-refused'],
    ['a\\b', 'source-refused'],
    ['a\u0000b', 'source-refused'],
    ['a\nb', 'source-refused'],
    [`a/${'x'.repeat(300)}`, 'source-refused'],
    ['x/'.repeat(5_000).concat('y'), 'source-bounds'],
    ['d/'.repeat(70).concat('y'), 'source-bounds'],
  ])('%j is refused before anything is downloaded, and may be left out', async (key, code) => {
    const s3 = fakeS3([object('good.yaml'), object(key, 'x')]);
    expect((await siteOf(s3).fails()).code).toBe(code);
    expect(s3.gets()).toEqual([]);
    const site = siteOf(s3);
    await site.fetch({ ignore: '*\n!good.yaml' });
    expect(site.files()).toEqual(['good.yaml']);
  });

  it('that is a file and a folder, or the same file as another, is refused', async () => {
    for (const keys of [
      ['a', 'a/b'],
      ['a/b', 'a'],
      ['a/b', 'a//b'],
      ['a', '/a'],
    ])
      expect((await siteOf(fakeS3(keys.map((key) => object(key)))).fails()).code).toBe('source-refused');
  });

  it('that marks a folder, or has empty parts, is taken as Flux takes it', async () => {
    const s3 = fakeS3([object('dir/', ''), object('/top.yaml', 't'), object('a//b.yaml', 'b')]);
    const site = siteOf(s3);
    await site.fetch();
    expect(site.files()).toEqual(['a/b.yaml', 'top.yaml']);
  });

  it('that is not UTF-8 is refused', async () => {
    const s3 = fakeS3();
    s3.instead = () => ({ parts: [listing([object('a')]).replace('<Key>a</Key>', '<Key>%ff%fe</Key>')] });
    expect((await siteOf(s3).fails()).code).toBe('source-refused');
  });
});

describe('an object', () => {
  it('that changes while it is read makes the bucket be listed again, three times at most', async () => {
    const s3 = fakeS3([object('a', '0'), object('b', 'b')]);
    const site = siteOf(s3);
    let changes = 0;
    s3.instead = ({ path }) => {
      if (path === '/b/a' && changes < 1) s3.objects = [object('a', `${++changes}`), object('b', 'b')];
      return undefined;
    };
    await site.fetch();
    expect(site.text('a')).toBe('1');
    expect(s3.gets().filter((key) => key === 'b')).toHaveLength(1);
    s3.instead = ({ path }) => {
      if (path === '/b/a') s3.objects = [object('a', `${++changes}`)];
      return undefined;
    };
    s3.objects = [object('a', 'x')];
    expect(await site.fails()).toMatchObject({
      code: 'source-corrupt',
      message: expect.stringContaining('changes while'),
    });
    expect(site.text('a')).toBe('1');
  });

  it('that another was put in place of is not taken from a server without If-Match', async () => {
    const s3 = fakeS3([object('a', 'listed')]);
    s3.instead = ({ path }) => (path === '/b/a' ? { headers: { etag: '"other"' }, parts: ['others'] } : undefined);
    expect((await siteOf(s3).fails()).code).toBe('source-corrupt');
  });

  it('of another size than listed is refused', async () => {
    for (const size of [3, 5]) {
      const s3 = fakeS3([{ key: 'a', body: 'four', size }]);
      expect(await siteOf(s3).fails()).toMatchObject({ code: 'source-corrupt' });
      s3.instead = ({ path }) =>
        path === '/b/a' ? { headers: { etag: '"8cbad96aced40b3838dd9f07f6ef5772"' }, parts: ['four'] } : undefined;
      expect(await siteOf(s3).fails()).toMatchObject({ code: 'source-corrupt' });
    }
  });

  it('of another bucket is another object, whatever its etag', async () => {
    const s3 = fakeS3([{ key: 'a', body: 'one', etag: '1' }]);
    const other = fakeS3([{ key: 'a', body: 'two', etag: '1' }]);
    const site = siteOf(s3, {}, { others: new Map([['http://other.test', other.server]]) });
    await site.fetch();
    await site.fetch({ endpoint: 'other.test' });
    expect(site.text('a')).toBe('two');
    expect(await site.fetch({ endpoint: 'other.test' })).toMatchObject({ kind: 'unchanged' });
    await site.fetch({ tenant: 'another' });
    expect(s3.gets()).toEqual(['a', 'a']);
  });

  it('that is too large is refused before it is downloaded', async () => {
    const s3 = fakeS3([object('a', 'x'.repeat(100)), object('b', 'x'.repeat(100))]);
    expect((await siteOf(s3).fails({}, { objectBytes: 99 })).message).toContain('limits.objectBytes');
    expect((await siteOf(s3).fails({}, { treeBytes: 199 })).message).toContain('limits.treeBytes');
    expect((await siteOf(s3).fails({}, { treeFiles: 1 })).message).toContain('limits.treeFiles');
    expect(s3.gets()).toEqual([]);
  });

  it('is not taken from a login page', async () => {
    const s3 = fakeS3([object('a')]);
    s3.instead = ({ path }) => (path === '/b/a' ? { parts: ['<html>'] } : undefined);
    expect((await siteOf(s3).fails()).code).toBe('wire-protocol');
  });

  it('that holds rules is bounded, too', async () => {
    const s3 = fakeS3([object('.sourceignore', '#'.repeat(300))]);
    expect((await siteOf(s3).fails({}, { ignoreBytes: 299 })).message).toContain('limits.ignoreBytes');
  });
});

describe('a slow link', () => {
  it('has what arrived on the disk every few seconds, before the fetch ends', async () => {
    let time = 0;
    const clock = { ...realClock, monotonic: () => (time += 2_000) };
    const store = memoryStore();
    const s3 = fakeS3(Array.from({ length: 8 }, (_, i) => object(`k${i}`, `${i}`.repeat(30_000))));
    const kept: number[] = [];
    s3.instead = ({ path }) => {
      if (path.startsWith('/b/k')) kept.push(store.sizes().blobs);
      return undefined;
    };
    const wire = fakeWire(new Map([['http://s3.test', s3.server]]));
    await bucketSite({ bucket: 'b', endpoint: 's3.test' }, { wire, store, clock }).fetch({}, { bucketDownloads: 1 });
    expect(kept[0]).toBe(0);
    expect(kept.at(-1)).toBeGreaterThan(2);
  });
});

describe('a server', () => {
  it('in trouble is given the time that it asks for, and what arrived is not asked for again', async () => {
    const s3 = fakeS3(Array.from({ length: 20 }, (_, i) => object(`k${i}`)));
    const site = siteOf(s3);
    s3.instead = () =>
      s3.gets().length === 10
        ? { status: 503, headers: { 'retry-after': '9' }, parts: [errorXml('SlowDown')] }
        : undefined;
    expect(await site.fails()).toMatchObject({
      code: 'wire-throttled',
      reason: 'BucketOperationFailed',
      retryAfterMs: 9_000,
      message: expect.stringContaining('SlowDown'),
    });
    s3.instead = undefined;
    await site.fetch();
    const twice = s3.gets().filter((key, i, all) => all.indexOf(key) !== i);
    expect(twice).toHaveLength(1);
    s3.instead = () => ({ status: 429 });
    expect(await site.fails()).toMatchObject({ code: 'wire-throttled', reason: 'BucketOperationFailed' });
    s3.instead = () => ({ status: 503 });
    expect(await site.fails()).toMatchObject({ code: 'wire-server', reason: 'BucketOperationFailed' });
  });

  it('does not get credentials sent elsewhere', async () => {
    const seen: unknown[] = [];
    const others = new Map<string, FakeServer>([
      [
        'http://evil.test',
        (request) => {
          seen.push(request);
          return { parts: [listing([])] };
        },
      ],
    ]);
    const s3 = fakeS3();
    s3.instead = () => ({ status: 307, headers: { location: 'http://evil.test/b?list-type=2' } });
    const fault = await siteOf(s3, {}, { others }).fails();
    expect(fault).toMatchObject({ code: 'wire-protocol', message: expect.stringContaining('evil.test') });
    expect(seen).toEqual([]);
    await siteOf(s3, { login: { kind: 'none' } }, { others }).fetch();
    expect(seen).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain('authorization');
  });

  it('that names another region is asked once more, and not in a circle', async () => {
    const s3 = fakeS3([object('a')]);
    s3.instead = ({ headers }) =>
      headers['authorization']?.includes('/eu-1/') === true
        ? undefined
        : { status: 400, parts: [errorXml('AuthorizationHeaderMalformed', '<Region>eu-1</Region>')] };
    await siteOf(s3).fetch();
    expect(s3.requests).toHaveLength(1 + 1 + 1);
    let n = 0;
    s3.instead = () => ({
      status: 400,
      parts: [errorXml('AuthorizationHeaderMalformed', `<Region>eu-${++n + 1}</Region>`)],
    });
    expect((await siteOf(s3).fails()).code).toBe('wire-protocol');
    expect(n).toBe(2);
  });

  it('is never told the secret, nor is it in a message', async () => {
    const s3 = fakeS3([object('a')]);
    await siteOf(s3).fetch();
    s3.instead = () => ({ status: 403, parts: [errorXml('AccessDenied')] });
    const fault = await siteOf(s3).fails();
    expect(JSON.stringify([fault, s3.requests])).not.toContain(KEYS.secretKey);
  });

  it('that sends a long error without end is not listened to', async () => {
    const s3 = fakeS3();
    s3.instead = () => ({ status: 500, parts: Array.from({ length: 200 }, () => 'x'.repeat(10_000)) });
    expect((await siteOf(s3).fails()).code).toBe('wire-server');
  });
});
