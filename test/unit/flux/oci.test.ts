import { describe, expect, it } from 'vitest';
import {
  type FieldProblem,
  layerOf,
  OCI_NOT_BUILT,
  type OCIRepository,
  ociAccount,
  ociDataRefs,
  toOciRepository,
} from '../../../src/flux/index.ts';
import type { RawOciRepository } from '../../../src/flux/schema-oci.ts';

const meta = {
  name: 'app',
  namespace: 'apps',
  generation: 1,
  uid: '',
  labels: {},
  annotations: {},
  requestedAt: '',
  origin: 'file:1',
};

function convert(spec: Partial<RawOciRepository['spec']>, problems: FieldProblem[] = []): OCIRepository {
  const raw: RawOciRepository = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'OCIRepository',
    metadata: { name: 'app' },
    spec: { url: 'oci://registry.example.com/org/app', interval: '5m', ...spec },
  };
  return toOciRepository(raw, meta, (problem) => void problems.push(problem));
}

describe('an OCIRepository', () => {
  it('has the defaults of Flux', () => {
    expect(convert({}).spec).toEqual({
      url: 'oci://registry.example.com/org/app',
      interval: 300_000,
      timeout: 60_000,
      ref: { tag: 'latest' },
      provider: 'generic',
      insecure: false,
      suspend: false,
    });
  });

  it.each([{}, { operation: 'extract' }, { mediaType: 'x' }, { operation: 'copy', mediaType: 'x' }] as const)(
    'keeps the selector %j as it is, and unpacks the first layer where it does not say',
    (layerSelector) => {
      const { spec } = convert({ layerSelector });
      expect(spec.layerSelector).toEqual(layerSelector);
      expect(layerOf(spec)).toEqual({ operation: 'extract', ...layerSelector });
    },
  );

  it('keeps what is written, and takes empty text for none', () => {
    const { spec } = convert({
      ref: { semver: '1.x', semverFilter: 'rc', tag: '' },
      layerSelector: { mediaType: 'x', operation: 'copy' },
      timeout: '20s',
      ignore: '',
      insecure: true,
      serviceAccountName: '',
    });
    expect(spec).toMatchObject({
      ref: { semver: '1.x', semverFilter: 'rc' },
      layerSelector: { mediaType: 'x', operation: 'copy' },
      timeout: 20_000,
      ignore: '',
      insecure: true,
    });
    expect(spec.ref).not.toHaveProperty('tag');
    expect(spec.serviceAccountName).toBeUndefined();
  });

  it('falls back to latest where only a filter is written', () => {
    expect(convert({ ref: { semverFilter: 'x' } }).spec.ref).toEqual({ semverFilter: 'x', tag: 'latest' });
  });

  it('verifies by cosign where nothing else is written', () => {
    expect(convert({ verify: { secretRef: { name: 'keys' } } }).spec.verify).toEqual({
      provider: 'cosign',
      secretRef: { name: 'keys' },
      matchOIDCIdentity: [],
    });
  });

  it('reports an interval of nothing', () => {
    const problems: FieldProblem[] = [];
    convert({ interval: '0s' }, problems);
    expect(problems).toMatchObject([{ path: ['spec', 'interval'] }]);
  });

  it('names the Secrets and the account it needs', () => {
    const source = convert({
      secretRef: { name: 'login' },
      certSecretRef: { name: 'tls' },
      proxySecretRef: { name: 'proxy' },
      verify: { provider: 'cosign', secretRef: { name: 'keys' } },
      serviceAccountName: 'robot',
    });
    expect(ociDataRefs(source).map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([
      'apps/login',
      'apps/tls',
      'apps/proxy',
      'apps/keys',
    ]);
    expect(ociAccount(source)).toEqual({ namespace: 'apps', name: 'robot' });
    expect(ociAccount(convert({}))).toBeUndefined();
  });

  it('says which fields are not built', () => {
    const fields = (source: OCIRepository): string[] =>
      OCI_NOT_BUILT.filter(({ used }) => used(source.spec)).map(({ field }) => field);
    expect(fields(convert({}))).toEqual([]);
    expect(fields(convert({ provider: 'aws', verify: { provider: 'notation' } }))).toEqual([
      'provider (other than generic)',
    ]);
  });
});
