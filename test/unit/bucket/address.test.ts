import { describe, expect, it } from 'vitest';
import type { BucketRequest } from '../../../src/source/bucket/index.ts';
import { type BucketSite, bucketSite } from '../../contract/bucket/support.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { errorXml, type FakeS3, fakeS3, listing } from './fake-s3.ts';

const LOGIN = { kind: 's3', keys: { accessKey: 'AK', secretKey: 'secret-of-the-site' } } as const;

const siteOf = (s3: FakeS3, change: Partial<BucketRequest>): BucketSite =>
  bucketSite(
    { bucket: 'b', endpoint: 's3.test', login: LOGIN, ...change },
    { wire: fakeWire(new Map([['http://s3.test', s3.server]])) },
  );

describe('the address of a bucket', () => {
  it.each([
    ['s3.test', 'bkt', 'http://s3.test/bkt/'],
    ['s3.eu-west-1.amazonaws.com', 'bkt', 'http://bkt.s3.eu-west-1.amazonaws.com/'],
    ['s3.amazonaws.com', 'bkt', 'http://bkt.s3.amazonaws.com/'],
    ['storage.googleapis.com', 'bkt', 'http://bkt.storage.googleapis.com/'],
    ['s3.eu-west-1.amazonaws.com', 'Big_Name', 'http://s3.eu-west-1.amazonaws.com/Big_Name/'],
  ])('at %s has the name %s where minio-go puts it', async (endpoint, bucket, base) => {
    const paths: string[] = [];
    const server: FakeServer = ({ path }) => {
      paths.push(path);
      return { parts: [listing([])] };
    };
    const wire = fakeWire(new Map([[new URL(base).origin, server]]));
    await bucketSite({ bucket, endpoint, login: LOGIN }, { wire }).fetch();
    expect(paths).toEqual([`${new URL(base).pathname}?encoding-type=url&list-type=2`]);
  });

  it('in the general host of Amazon moves to the one of its region', async () => {
    const hosts: string[] = [];
    const at = (host: string): [string, FakeServer] => [
      `http://${host}`,
      ({ headers }) => {
        hosts.push(host);
        if (headers['authorization']?.includes('/eu-west-1/') === true) return { parts: [listing([])] };
        return { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' }, parts: [errorXml('PermanentRedirect')] };
      },
    ];
    const wire = fakeWire(new Map([at('bkt.s3.amazonaws.com'), at('bkt.s3.dualstack.eu-west-1.amazonaws.com')]));
    const site = bucketSite({ bucket: 'bkt', endpoint: 's3.amazonaws.com', login: LOGIN }, { wire });
    await site.fetch();
    await site.fetch();
    const far = 'bkt.s3.dualstack.eu-west-1.amazonaws.com';
    expect(hosts).toEqual(['bkt.s3.amazonaws.com', far, far]);
  });

  it.each(['evil.test/', 'evil.test#', 'a.evil', 'EU', '-', 'x'.repeat(64), '../x'])(
    'in the general host of Amazon does not move to a region %j',
    async (region) => {
      const requests: string[] = [];
      const server: FakeServer = ({ path }) => {
        requests.push(path);
        return { status: 301, headers: { 'x-amz-bucket-region': region }, parts: [errorXml('PermanentRedirect')] };
      };
      // Any other host would be told of as not reached.
      const wire = fakeWire(new Map([['http://bkt.s3.amazonaws.com', server]]));
      const site = bucketSite({ bucket: 'bkt', endpoint: 's3.amazonaws.com', login: LOGIN }, { wire });
      expect(await site.fails()).toMatchObject({ code: 'wire-protocol', message: expect.stringContaining('301') });
      expect(requests).toHaveLength(1);
      expect((await site.fails({ region })).code).toBe('object-invalid');
      expect(requests).toHaveLength(1);
    },
  );

  it('of another storage takes the regions that there are, and none that would change what is signed', async () => {
    const s3 = fakeS3([]);
    for (const region of ['us-east-1', 'auto', 'RegionOne', 'fr-par', 'my_region', 'a.b']) {
      await siteOf(s3, { region }).fetch();
      expect(s3.requests.at(-1)?.headers['authorization']).toContain(`/${region}/s3/aws4_request`);
    }
    const count = s3.requests.length;
    for (const region of ['a/b', 'a b', 'ü', 'a\n', ',x', 'x'.repeat(64)])
      expect(await siteOf(s3, { region }).fails()).toMatchObject({
        code: 'object-invalid',
        message: expect.stringContaining('spec.region'),
      });
    expect(s3.requests).toHaveLength(count);
  });

  it.each([
    ['s3.eu-west-1.amazonaws.com', 'eu-west-1'],
    ['s3-eu-west-1.amazonaws.com', 'eu-west-1'],
    ['s3.dualstack.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['s3-fips.us-east-2.amazonaws.com', 'us-east-2'],
    ['s3-fips.dualstack.ca-central-1.amazonaws.com', 'ca-central-1'],
    ['s3.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['storage.googleapis.com', 'auto'],
    ['s3.evil.amazonaws.com', 'us-east-1'],
    ['s3xeu-west-1.amazonaws.com', 'us-east-1'],
  ])('%s is signed for the region %s', async (endpoint, region) => {
    const seen: (string | undefined)[] = [];
    const server: FakeServer = ({ headers }) => {
      seen.push(headers['authorization']);
      return { parts: [listing([])] };
    };
    const wire = fakeWire(new Map([[`http://bkt.${endpoint}`, server]]));
    await bucketSite({ bucket: 'bkt', endpoint, login: LOGIN }, { wire }).fetch();
    expect(seen[0]).toContain(`/${region}/s3/`);
  });

  it('may not hold more than host and port', async () => {
    for (const endpoint of ['https://s3.test', 's3.test/path', 'u:p@s3.test', 's3.test?x', ''])
      expect(await siteOf(fakeS3(), { endpoint }).fails()).toMatchObject({
        code: 'object-invalid',
        reason: 'URLInvalid',
      });
  });
});
