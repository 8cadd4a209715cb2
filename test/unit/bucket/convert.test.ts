import { describe, expect, it } from 'vitest';
import {
  type Bucket,
  bucketSecrets,
  type DataObject,
  type FieldProblem,
  type FluxMeta,
  type RawBucket,
  toBucket,
  toExternalArtifact,
} from '../../../src/flux/index.ts';
import { Fault } from '../../../src/model/index.ts';
import { bucketRequestOf } from '../../../src/source/bucket/index.ts';
import { createAuthority } from '../../support/certificates.ts';

const META: FluxMeta = {
  name: 'store',
  namespace: 'apps',
  generation: 1,
  uid: '',
  labels: {},
  annotations: {},
  requestedAt: '',
  origin: 'file:1',
};

function read(spec: Partial<RawBucket['spec']>): { readonly object: Bucket; readonly problems: readonly string[] } {
  const problems: FieldProblem[] = [];
  const raw = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'Bucket',
    metadata: { name: 'store' },
    spec: { endpoint: 's3.test:9000', bucketName: 'apps', interval: '5m', ...spec },
  } as RawBucket;
  const object = toBucket(raw, META, (problem) => problems.push(problem));
  return { object, problems: problems.map(({ path, message }) => `${path.join('.')}: ${message}`) };
}

function secret(name: string, values: Readonly<Record<string, string>>): DataObject {
  const data = new Map(Object.entries(values).map(([key, text]) => [key, Buffer.from(text)]));
  return { kind: 'Secret', name, namespace: 'apps', type: 'Opaque', data, origin: '' };
}

const requestOf = (spec: Partial<RawBucket['spec']>, ...data: readonly DataObject[]) =>
  bucketRequestOf(read(spec).object, data, undefined);

function faultOf(spec: Partial<RawBucket['spec']>, ...data: readonly DataObject[]): Fault {
  try {
    requestOf(spec, ...data);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('a Bucket', () => {
  it('is read with its defaults', () => {
    expect(read({}).object).toEqual({
      kind: 'Bucket',
      meta: META,
      spec: {
        provider: 'generic',
        bucketName: 'apps',
        endpoint: 's3.test:9000',
        region: '',
        prefix: '',
        insecure: false,
        interval: 300_000,
        timeout: 60_000,
        suspend: false,
      },
    });
  });

  it('is read with everything it may have, and names its Secrets', () => {
    const { object, problems } = read({
      provider: 'generic',
      region: 'eu-1',
      prefix: 'a/',
      insecure: true,
      timeout: '10s',
      suspend: true,
      ignore: '*.png',
      secretRef: { name: 'keys' },
      certSecretRef: { name: 'tls' },
      proxySecretRef: { name: 'proxy' },
      sts: {
        provider: 'ldap',
        endpoint: 'https://sts.test',
        secretRef: { name: 'ldap' },
        certSecretRef: { name: 'tls' },
      },
    });
    expect(problems).toEqual([]);
    expect(object.spec).toMatchObject({ region: 'eu-1', prefix: 'a/', insecure: true, timeout: 10_000, suspend: true });
    expect(bucketSecrets(object)).toEqual(['keys', 'tls', 'proxy', 'ldap']);
  });

  it("that breaks a rule of Flux's definition is told so", () => {
    const ldap = { provider: 'ldap', endpoint: 'https://s' } as const;
    const aws = { provider: 'aws', endpoint: 'https://s' } as const;
    expect(read({ provider: 'gcp', sts: ldap }).problems).toHaveLength(1);
    expect(read({ provider: 'aws', sts: ldap }).problems).toHaveLength(1);
    expect(read({ provider: 'generic', sts: aws }).problems).toHaveLength(1);
    expect(read({ provider: 'aws', sts: { ...aws, secretRef: { name: 'a' } } }).problems).toHaveLength(1);
    expect(read({ serviceAccountName: 'a' }).problems).toHaveLength(1);
    expect(read({ provider: 'aws', serviceAccountName: 'a', secretRef: { name: 'a' } }).problems).toHaveLength(1);
    expect(read({ interval: '0s' }).problems).toHaveLength(1);
  });
});

describe('the request of a Bucket', () => {
  const keys = secret('keys', { accesskey: 'AK', secretkey: 'SK\n' });

  it('has the keys, certificates and proxy of its Secrets', () => {
    const ca = createAuthority('ca').certPem;
    const tls = secret('tls', { 'ca.crt': ca });
    const proxy = secret('proxy', { address: 'http://p', username: 'u', password: 'p' });
    const spec = { secretRef: { name: 'keys' }, certSecretRef: { name: 'tls' }, proxySecretRef: { name: 'proxy' } };
    expect(requestOf(spec, keys, tls, proxy)).toMatchObject({
      login: { kind: 's3', keys: { accessKey: 'AK', secretKey: 'SK' } },
      tls: { ca },
      proxy: { address: 'http://p', username: 'u', password: 'p' },
      tenant: 'apps',
    });
    expect(requestOf({}).login).toEqual({ kind: 'none' });
  });

  it("fails with Flux's words where a Secret is missing or lacks keys", () => {
    const spec = { secretRef: { name: 'keys' } };
    expect(faultOf(spec)).toMatchObject({
      code: 'secret-missing',
      reason: 'AuthenticationFailed',
      message: expect.stringContaining('secrets "keys" not found'),
    });
    for (const values of [{ accesskey: 'a' }, { secretkey: 's' }, {}] as Record<string, string>[])
      expect(faultOf(spec, secret('keys', values))).toMatchObject({
        code: 'secret-invalid',
        reason: 'AuthenticationFailed',
        message: "invalid 'keys' secret data: required fields 'accesskey' and 'secretkey'",
      });
    expect(faultOf({ certSecretRef: { name: 'tls' } }, secret('tls', { x: 'y' })).message).toContain(
      'does not contain any TLS configuration',
    );
    const [own, other] = [createAuthority('own'), createAuthority('other')];
    for (const [said, values] of [
      ['failed to parse CA certificate', { 'ca.crt': 'CA' }],
      ['failed to parse CA certificate', { 'ca.crt': own.certPem.replace('MII', 'AAA') }],
      ['are no pair', { 'tls.crt': own.certPem, 'tls.key': other.keyPem }],
      ['are no pair', { 'tls.crt': own.certPem, 'tls.key': 'KEY' }],
      ['belong together', { 'tls.crt': own.certPem }],
    ] as [string, Record<string, string>][])
      expect(faultOf({ certSecretRef: { name: 'tls' } }, secret('tls', values))).toMatchObject({
        code: 'secret-invalid',
        message: expect.stringContaining(said),
      });
    for (const address of ['', 'ftp://p'])
      expect(faultOf({ proxySecretRef: { name: 'proxy' } }, secret('proxy', { address })).code).toBe('secret-invalid');
  });

  it('takes keys for every cloud that has any, and asks no cloud for them', () => {
    const named = { secretRef: { name: 'keys' } };
    expect(requestOf({ provider: 'aws', ...named }, keys).login.kind).toBe('s3');
    expect(requestOf({ provider: 'gcp', ...named }, keys).login.kind).toBe('s3');
    for (const provider of ['aws', 'gcp'] as const) {
      expect(faultOf({ provider })).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('secretkey'),
      });
      expect(faultOf({ provider, serviceAccountName: 'x' }).code).toBe('unsupported');
    }
    expect(faultOf({ provider: 'gcp', ...named }, secret('keys', { serviceaccount: '{}' })).message).toContain('HMAC');
    expect(
      faultOf({ provider: 'azure', ...named, endpoint: 'https://me.blob.core.windows.net' }, keys).message,
    ).toContain("requires an 'accountKey' or 'sasKey' field");
  });

  it('knows the account of an address of Azure', () => {
    const login = (endpoint: string): unknown =>
      requestOf({ provider: 'azure', endpoint, secretRef: { name: 'k' } }, secret('k', { accountKey: 'a2V5' })).login;
    expect(login('https://me.blob.core.windows.net/')).toEqual({
      kind: 'shared-key',
      key: { account: 'me', key: 'a2V5' },
    });
    expect(login('http://127.0.0.1:10000/devstoreaccount1')).toMatchObject({ key: { account: 'devstoreaccount1' } });
    expect(() => login('me.blob.core.windows.net')).toThrow('spec.endpoint');
    const sas = secret('k', { sasKey: '?sv=2021&sig=a%2Bb+c' });
    expect(requestOf({ provider: 'azure', endpoint: 'https://me.x', secretRef: { name: 'k' } }, sas).login).toEqual({
      kind: 'sas',
      query: 'sv=2021&sig=a%2Bb%2Bc',
    });
    const odd = secret('k', { sasKey: 'sv=1#x y' });
    expect(faultOf({ provider: 'azure', endpoint: 'https://me.x', secretRef: { name: 'k' } }, odd).code).toBe(
      'secret-invalid',
    );
  });

  it('asks for a login where temporary keys are wanted', () => {
    const sts = { provider: 'ldap', endpoint: 'https://sts.test', secretRef: { name: 'ldap' } } as const;
    expect(requestOf({ sts }, secret('ldap', { username: 'u', password: 'p' })).login).toEqual({
      kind: 'ldap',
      endpoint: 'https://sts.test',
      username: 'u',
      password: 'p',
    });
    expect(faultOf({ sts }, secret('ldap', { username: 'u' })).message).toContain('required fields username, password');
    expect(faultOf({ sts }).code).toBe('secret-missing');
  });
});

describe('an ExternalArtifact', () => {
  const raw = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'ExternalArtifact', metadata: { name: 'x' } } as const;
  const artifact = { url: 'http://a/b', digest: 'sha256:1', revision: 'r', size: 3, lastUpdateTime: 't', path: 'p' };

  it('is read with what its status names', () => {
    const spec = { sourceRef: { kind: 'Generator', name: 'g' } };
    expect(toExternalArtifact({ ...raw, spec, status: { artifact } }, META)).toEqual({
      kind: 'ExternalArtifact',
      meta: META,
      spec: { sourceRef: { kind: 'Generator', name: 'g', namespace: 'apps' } },
      artifact: { url: 'http://a/b', digest: 'sha256:1', revision: 'r', size: 3, lastUpdateTime: 't' },
    });
  });

  it('has none before somebody has made one, or where half of it is missing', () => {
    for (const status of [
      undefined,
      null,
      'x',
      {},
      { artifact: null },
      { artifact: { ...artifact, digest: '' } },
      { artifact: [] },
    ])
      expect(toExternalArtifact({ ...raw, status }, META).artifact).toBeUndefined();
    expect(
      toExternalArtifact({ ...raw, status: { artifact: { ...artifact, size: -1 } } }, META).artifact?.size,
    ).toBeUndefined();
  });
});
