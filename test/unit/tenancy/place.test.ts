import { describe, expect, it } from 'vitest';
import { checkTenancy, userOf, whereabouts } from '../../../agent/loop/place.ts';
import type { DataObject, Kustomization } from '../../../src/flux/index.ts';
import { asFault } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';

const NONE = { noCrossNamespaceRefs: false, defaultServiceAccount: '' };

function kustomization(spec: string): Kustomization {
  const [found] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: team }
spec: { interval: 1m, prune: true, sourceRef: { kind: GitRepository, name: app }, ${spec} }
`).kustomizations;
  if (found === undefined) throw new Error('not read');
  return found;
}

const secret = (name: string, data: Readonly<Record<string, string>>, namespace = 'team'): DataObject => ({
  kind: 'Secret',
  name,
  namespace,
  type: 'Opaque',
  origin: 'test',
  data: new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value)])),
});

const messageOf = (what: () => unknown): string => {
  try {
    what();
  } catch (error) {
    return `${asFault(error).code}: ${asFault(error).message}`;
  }
  return '';
};

describe('where and as whom a Kustomization is applied', () => {
  it('is here and as the agent when it says nothing', () => {
    expect(whereabouts(kustomization(''), [], NONE)).toEqual({ account: '', kubeconfig: undefined });
  });

  it('is as the account that it names, else that of the settings, of its own namespace', () => {
    const named = kustomization('serviceAccountName: deployer');
    expect(whereabouts(named, [], NONE).account).toBe('team/deployer');
    const settings = { ...NONE, defaultServiceAccount: 'default' };
    expect(whereabouts(kustomization(''), [], settings).account).toBe('team/default');
    expect(whereabouts(kustomization('serviceAccountName: ""'), [], settings).account).toBe('team/default');
    expect(whereabouts(named, [], settings).account).toBe('team/deployer');
    expect(userOf('team/deployer')).toBe('system:serviceaccount:team:deployer');
  });

  it.each(['a:b', 'A', 'a/b', '"a b"', 'a_b', '"a\\nb"'])('takes no name of an account such as %s', (name) => {
    expect(() => kustomization(`serviceAccountName: ${name}`)).toThrow('not read');
  });

  it('reads the key value, then value.yaml, or the named one, from its own namespace only', () => {
    const of = (spec: string, ...data: DataObject[]): string =>
      Buffer.from(whereabouts(kustomization(spec), data, NONE).kubeconfig?.bytes ?? []).toString();
    const plain = 'kubeConfig: { secretRef: { name: far } }';
    expect(of(plain, secret('far', { value: '1', 'value.yaml': '2' }))).toBe('1');
    expect(of(plain, secret('far', { 'value.yaml': '2' }))).toBe('2');
    expect(of('kubeConfig: { secretRef: { name: far, key: k } }', secret('far', { value: '1', k: '3' }))).toBe('3');
    expect(messageOf(() => of(plain, secret('far', { value: '1' }, 'other')))).toMatch(
      /^kubeconfig-refused: Secret team\/far, .* does not exist/,
    );
    expect(messageOf(() => of(plain, secret('far', { k: '1' })))).toMatch(/no key 'value' or 'value.yaml'/);
    const config = { ...secret('far', { value: '1' }), kind: 'ConfigMap' } as const;
    expect(messageOf(() => of(plain, config))).toMatch(/does not exist/);
  });

  it('needs one of secretRef and configMapRef', () => {
    expect(() => kustomization('kubeConfig: {}')).toThrow('not read');
    expect(() => kustomization('kubeConfig: { secretRef: { name: a }, configMapRef: { name: b } }')).toThrow(
      'not read',
    );
  });
});

describe('references across namespaces', () => {
  it('are refused where the settings say so, in words as those of Flux', () => {
    const strict = { ...NONE, noCrossNamespaceRefs: true };
    const other = { ...kustomization(''), spec: { ...kustomization('').spec } };
    const moved: Kustomization = {
      ...other,
      spec: { ...other.spec, sourceRef: { kind: 'GitRepository', name: 'app', namespace: 'fleet' } },
    };
    expect(messageOf(() => checkTenancy(moved, NONE))).toBe('');
    expect(messageOf(() => checkTenancy(other, strict))).toBe('');
    expect(messageOf(() => checkTenancy(moved, strict))).toMatch(
      /^access-denied: can't access 'GitRepository\/fleet\/app', cross-namespace references have been blocked/,
    );
  });
});
