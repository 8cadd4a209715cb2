import { describe, expect, it } from 'vitest';
import { sharedKeyHeader } from '../../../src/source/bucket/shared-key.ts';
import { amzDate, EMPTY_HASH, encodeS3, queryOf, signatureV4 } from '../../../src/source/bucket/sigv4.ts';

/** The last part of the header. */
const signature = (header: string): string => /Signature=([0-9a-f]{64})$/.exec(header)?.[1] ?? '';

describe('Signature Version 4', () => {
  // "Signature Calculations for the Authorization Header", Amazon S3 API Reference.
  const keys = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const scope = { region: 'us-east-1', service: 's3', now: Date.UTC(2013, 4, 24) };
  const common = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': EMPTY_HASH,
    'x-amz-date': '20130524T000000Z',
  };

  it.each([
    [
      'an object, with a header signed besides',
      { path: '/test.txt', query: '', headers: { ...common, range: 'bytes=0-9' } },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'a name without a value in the query',
      { path: '/', query: queryOf({ lifecycle: '' }), headers: common },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'a listing',
      { path: '/', query: queryOf({ prefix: 'J', 'max-keys': '2' }), headers: common },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])("gives Amazon's for %s", (_, request, wanted) => {
    const header = signatureV4({ method: 'GET', bodyHash: EMPTY_HASH, ...request }, keys, scope);
    expect(header).toContain('Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ');
    expect(signature(header)).toBe(wanted);
  });

  // get-vanilla of the test suite that Amazon published for signers.
  it('gives that of the suite for a service without hashes in headers', () => {
    const suite = { accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
    const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' };
    const header = signatureV4({ method: 'GET', path: '/', query: '', headers, bodyHash: EMPTY_HASH }, suite, {
      region: 'us-east-1',
      service: 'service',
      now: Date.UTC(2015, 7, 30, 12, 36),
    });
    expect(signature(header)).toBe('5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31');
  });

  it('writes times, paths and queries as they are signed', () => {
    expect(amzDate(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('20260102T030405Z');
    expect(encodeS3("a b/ü+&=?#~_-.!'()*", true)).toBe('a%20b/%C3%BC%2B%26%3D%3F%23~_-.%21%27%28%29%2A');
    expect(encodeS3('a/b')).toBe('a%2Fb');
    expect(queryOf({ b: '2', a: '1 +', 'a-': '' })).toBe('a-=&a=1%20%2B&b=2');
  });
});

describe('a shared key of Azure', () => {
  it('signs what the documentation lists, in its order', () => {
    const key = Buffer.from('key').toString('base64');
    const header = (headers: Record<string, string>, query: Record<string, string>): string =>
      sharedKeyHeader({ method: 'GET', path: '/c', query, headers }, { account: 'me', key });
    expect(header({ 'x-ms-date': 'd', 'x-ms-version': 'v' }, { restype: 'container', comp: 'list' })).toMatch(
      /^SharedKey me:[A-Za-z0-9+/]{43}=$/,
    );
    const one = header({ 'x-ms-date': 'd', 'if-match': '"e"' }, {});
    expect(one).not.toBe(header({ 'x-ms-date': 'd', 'if-none-match': '"e"' }, {}));
    expect(one).toBe(header({ 'if-match': '"e"', 'x-ms-date': 'd', 'accept-encoding': 'gzip' }, {}));
  });
});
