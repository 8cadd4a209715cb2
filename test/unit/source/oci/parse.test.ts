import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../../src/source/oci/challenge.ts';
import { loginFor, parseDockerConfig, type RegistryLogin } from '../../../../src/source/oci/credentials.ts';
import { forPlatform, parseManifest } from '../../../../src/source/oci/manifest.ts';
import { hostname, isAddress, isLoopback, isPrivate, parsePlace } from '../../../../src/source/oci/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseChallenges', () => {
  const read = (header: string) =>
    parseChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

  it.each([
    ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
    [
      'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push"',
      [['bearer', { realm: 'https://auth.example.com/token', service: 'r', scope: 'repository:a/b:pull,push' }]],
    ],
    ['BEARER Realm=x , error="insufficient_scope"', [['bearer', { realm: 'x', error: 'insufficient_scope' }]]],
    [
      'Negotiate, Basic realm="r"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'r' }],
      ],
    ],
    [
      'Basic realm="r", Bearer realm="t"',
      [
        ['basic', { realm: 'r' }],
        ['bearer', { realm: 't' }],
      ],
    ],
    ['Bearer realm="a\\"b\\\\c"', [['bearer', { realm: 'a"b\\c' }]]],
    ['Bearer realm="one",realm="two"', [['bearer', { realm: 'one' }]]],
    ['Bearer realm="no end', [['bearer', {}]]],
    ['realm="x"', []],
    ['', []],
    ['@@@', []],
  ])('%s', (header, want) => {
    expect(read(header)).toEqual(want);
  });

  it('reads a header of any length in time that does not grow with it', () => {
    const start = performance.now();
    parseChallenges(`Bearer ${'a="b",'.repeat(200_000)}`);
    parseChallenges(`Bearer realm="${'\\'.repeat(1_000_000)}`);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('logins', () => {
  const one = (pattern: string): RegistryLogin => ({
    pattern,
    username: pattern,
    password: 'p',
    identityToken: '',
    registryToken: '',
  });
  const chosen = (host: string, name: string, ...patterns: string[]) =>
    loginFor(patterns.map(one), { host, name })?.pattern;

  it.each([
    ['r.example.com', 'r.example.com'],
    ['R.Example.com', 'r.example.com'],
    ['*.example.com', 'r.example.com'],
    ['r*.ex*ple.com', 'r.example.com'],
    ['r.example.com:5000', 'r.example.com:5000'],
    ['r.example.com/org', 'r.example.com'],
  ])('of %s are for %s', (pattern, host) => {
    expect(chosen(host, 'org/app', pattern)).toBe(pattern);
  });

  it.each([
    ['example.com', 'r.example.com'],
    ['*.com', 'r.example.com'],
    ['r.example.com', 'r.example.com:5000'],
    ['r.example.com:5001', 'r.example.com:5000'],
    ['r.example.com/other', 'r.example.com'],
    ['r.example.com.evil.org', 'r.example.com'],
    ['*', 'r.example.com'],
  ])('of %s are not for %s', (pattern, host) => {
    expect(chosen(host, 'org/app', pattern)).toBeUndefined();
  });

  it('the longest pattern is taken', () => {
    expect(chosen('r.example.com', 'org/app', 'r.example.com', 'r.example.com/org', '*.example.com')).toBe(
      'r.example.com/org',
    );
  });

  it('are read in all forms', () => {
    const auth = Buffer.from('user:pa:ss').toString('base64');
    const auths = { 'https://r.example.com/v2/': { auth }, 'r2.example.com': { identitytoken: 'id' }, '': { auth } };
    expect(parseDockerConfig(JSON.stringify({ auths }), 'Secret a/b')).toMatchObject([
      { pattern: 'r.example.com', username: 'user', password: 'pa:ss' },
      { pattern: 'r2.example.com', identityToken: 'id' },
    ]);
    expect(parseDockerConfig(JSON.stringify({ 'r.example.com': { username: 'u', password: 'p' } }), 'x')).toHaveLength(
      1,
    );
  });
});

describe('hosts', () => {
  it('are told apart', () => {
    expect(['localhost:5000', '127.0.0.1', '127.8.8.8:1', '[::1]:5000', 'a.localhost'].every(isLoopback)).toBe(true);
    expect(['localhost.example.com', '128.0.0.1', '127.evil.org', '::2'].some(isLoopback)).toBe(false);
    expect(['10.0.0.1:5000', '192.168.1.1', '172.16.0.1', '172.31.0.1'].every(isPrivate)).toBe(true);
    expect(['172.32.0.1', '11.0.0.1', '10.example.com', '1.10.0.1'].some(isPrivate)).toBe(false);
    expect(['1.2.3.4', '[fe80::1]', '[::1]:80'].every(isAddress)).toBe(true);
    expect(isAddress('r.example.com')).toBe(false);
    expect(hostname('[fe80::1]:80')).toBe('fe80::1');
  });

  it('and names are read', () => {
    expect(parsePlace('oci://localhost:5000/org/app')).toEqual({ host: 'localhost:5000', name: 'org/app' });
    expect(parsePlace('oci://[::1]:5000/a')).toEqual({ host: '[::1]:5000', name: 'a' });
    const start = performance.now();
    expect(() => parsePlace(`oci://a/${'a'.repeat(100_000)}!`)).toThrow('URL validation failed');
    expect(() => parsePlace(`oci://a/${'a-'.repeat(126)}!`)).toThrow('URL validation failed');
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('parseManifest', () => {
  const OCI = 'application/vnd.oci.image.manifest.v1+json';
  const layer = { mediaType: 'x', digest: DIGEST, size: 1 };
  const parse = (value: unknown, type = '') =>
    parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), type);

  it('takes what has no mediaType, and foreign layers without their addresses', () => {
    const read = parse({ schemaVersion: 2, layers: [{ ...layer, urls: ['http://evil.example.com'] }] }, OCI);
    expect(read).toEqual({
      kind: 'manifest',
      config: undefined,
      layers: [{ ...layer, annotations: {} }],
      annotations: {},
      artifactType: '',
      subject: '',
    });
  });

  it.each([
    ['not JSON', '<html>', 'not JSON'],
    ['a list', '[]', 'not a map'],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'schemaVersion'],
    ['both at once', { schemaVersion: 2, layers: [], manifests: [] }, 'at once'],
    ['an index with a config', { schemaVersion: 2, config: {}, manifests: [] }, 'at once'],
    ['neither', { schemaVersion: 2 }, 'no layers'],
    [
      'another type than the server says',
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] },
      'the server says',
    ],
    ['a digest that is a path', { schemaVersion: 2, layers: [{ ...layer, digest: 'sha256:../../etc' }] }, 'digest'],
    ['another algorithm', { schemaVersion: 2, layers: [{ ...layer, digest: `sha512:${'a'.repeat(128)}` }] }, 'digest'],
    ['a negative size', { schemaVersion: 2, layers: [{ ...layer, size: -1 }] }, 'size'],
    ['a huge size', { schemaVersion: 2, layers: [{ ...layer, size: 1e300 }] }, 'size'],
    ['a size of text', { schemaVersion: 2, layers: [{ ...layer, size: '1' }] }, 'size'],
    ['annotations of numbers', { schemaVersion: 2, layers: [], annotations: { a: 1 } }, 'annotation'],
  ])('refuses %s', (_what, value, why) => {
    expect(() => parse(value, OCI)).toThrowError(
      expect.objectContaining({ code: 'source-refused', message: expect.stringContaining(why) }),
    );
  });

  it('keeps hostile names of annotations as names', () => {
    const read = parse('{"schemaVersion":2,"layers":[],"annotations":{"__proto__":"a","constructor":"b"}}');
    expect(read.kind === 'manifest' && Object.keys(read.annotations)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it('finds the platform among 10,000 manifests', () => {
    const manifests = Array.from({ length: 10_000 }, (_, i) => ({
      ...layer,
      platform: { os: 'linux', architecture: `cpu${i}` },
    }));
    const index = (more: object) => parse({ schemaVersion: 2, manifests: [...manifests, more] });
    const found = index({ ...layer, size: 7, platform: { os: 'linux', architecture: 'amd64' } });
    expect(found.kind === 'index' && forPlatform(found)?.size).toBe(7);
    const none = index({ ...layer, platform: { os: 'windows', architecture: 'amd64' } });
    expect(none.kind === 'index' && forPlatform(none)).toBeUndefined();
    const bare = index({ ...layer, size: 8 });
    expect(bare.kind === 'index' && forPlatform(bare)?.size).toBe(8);
  });
});

describe('an address that is none', () => {
  const said = (url: string): string => {
    try {
      parsePlace(url);
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };

  it.each([
    'oci://user:hunter2@registry.test/app',
    'oci://user:hunter2@hunter2@registry.test/app',
    'oci://user:hun/hunter2@registry.test/app',
    'oci://user:hunter2/x?y@registry.test/app',
    'https://user:hunter2@registry.test/app',
    'user:hunter2@registry.test/app',
    'oci:/user:hunter2@registry.test/app',
    '//user:hunter2@registry.test/app',
    'user:hunter2@hunter2@registry.test/app@sha256:1234',
  ])('is told without the login in it: %s', (url) => {
    expect(said(url)).toContain('registry.test/app');
    expect(said(url)).not.toContain('hunter2');
  });

  it('is told with its digest', () => {
    expect(said(`registry.test/app@${DIGEST}`)).toContain(`'registry.test/app@${DIGEST}'`);
  });

  it('of any length is told in time that does not grow with it', () => {
    const start = performance.now();
    said('@'.repeat(1_000_000));
    said(`oci://${'a:'.repeat(500_000)}@`);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
