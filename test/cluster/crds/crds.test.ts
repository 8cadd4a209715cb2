import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { type ApiAnswer, type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import { CASES, type Case, PLURALS } from './cases.ts';

let cluster: ClusterAccess;
let ns = '';
beforeAll(async () => {
  cluster = await sharedControlPlane();
  ns = await cluster.namespace('crds');
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  for (const one of fluxDefinitions()) {
    const answer = await cluster.api('PATCH', `${path}/${one.metadata.name}`, one, { type: 'apply' });
    expect(`${answer.status} ${textAt(answer.body, 'message') ?? ''}`).toMatch(/^20[01] /);
  }
  for (const plural of Object.values(PLURALS)) {
    const [group, version] = plural.split('/');
    await until(
      async () =>
        (await cluster.api('GET', `/apis/${group}/${version}/namespaces/${ns}/${plural.split('/')[2]}`)).status === 200,
    );
  }
});
afterAll(() => cluster?.stop());

function send(one: Pick<Case, 'kind' | 'spec'>, how: { name?: string; query?: string } = {}): Promise<ApiAnswer> {
  const [group, version, plural] = PLURALS[one.kind].split('/');
  const object = {
    apiVersion: `${group}/${version}`,
    kind: one.kind,
    metadata: { name: how.name ?? 'x' },
    spec: one.spec,
  };
  return cluster.api(
    'POST',
    `/apis/${group}/${version}/namespaces/${ns}/${plural}${how.query ?? '?dryRun=All'}`,
    object,
  );
}

const causes = (answer: ApiAnswer): readonly string[] =>
  listAt(answer.body, 'details', 'causes').map((cause) => textAt(cause, 'field') ?? '');

describe('the definitions of the Flux kinds', () => {
  it.each(CASES.map((one) => [`${one.kind}: ${one.what}`, one] as const))('%s', async (_, one) => {
    const answer = await send(one);
    if (one.refused === '') expect(`${answer.status} ${textAt(answer.body, 'message') ?? ''}`).toBe('201 ');
    else {
      expect(answer.status).toBe(422);
      expect(causes(answer)).toContain(one.refused);
    }
  });

  it('fill in what Flux fills in, and nothing else', async () => {
    const spec = async (kind: Case['kind'], what: string): Promise<JsonObject> => {
      const found = CASES.find((one) => one.kind === kind && one.what === what);
      return (await send(found ?? { kind, spec: {} })).body['spec'] as JsonObject;
    };
    expect(await spec('GitRepository', 'the least')).toEqual({
      url: 'https://git.example.com/a.git',
      interval: '5m',
      timeout: '60s',
    });
    expect(await spec('OCIRepository', 'verify with the default provider')).toMatchObject({
      provider: 'generic',
      timeout: '60s',
      verify: { provider: 'cosign' },
    });
    expect(await spec('Bucket', 'the least')).toMatchObject({ provider: 'generic', timeout: '60s' });
    expect(await spec('Kustomization', 'variables')).toEqual({
      interval: '10m',
      prune: true,
      force: false,
      sourceRef: { kind: 'GitRepository', name: 'a' },
      postBuild: { substitute: { a: 'b' }, substituteFrom: [{ kind: 'Secret', name: 's', optional: false }] },
    });
    expect(await spec('GitRepository', 'an unknown field')).not.toHaveProperty('nobody');
  });

  it('begin with observedGeneration -1, and keep status apart from spec', async () => {
    for (const kind of ['GitRepository', 'OCIRepository', 'Bucket', 'Kustomization', 'ExternalArtifact'] as const) {
      const least = CASES.find((one) => one.kind === kind);
      const made = await send({ kind, spec: least?.spec ?? {} }, { name: 'least', query: '' });
      expect(made.status).toBe(201);
      expect(made.body['status']).toEqual(kind === 'ExternalArtifact' ? undefined : { observedGeneration: -1 });
      const [group, version, plural] = PLURALS[kind].split('/');
      const path = `/apis/${group}/${version}/namespaces/${ns}/${plural}/least`;
      const bad = await cluster.api('PATCH', `${path}/status`, { status: { conditions: [{ type: 'Ready' }] } });
      expect(bad.status).toBe(422);
      const condition = {
        type: 'Ready',
        status: 'True',
        reason: 'Ok',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      };
      const good = await cluster.api('PATCH', `${path}/status`, { status: { conditions: [condition] } });
      expect(good.status).toBe(200);
      const again = await cluster.api('PATCH', path, { status: { conditions: [] } });
      expect(listAt(again.body, 'status', 'conditions')).toEqual([condition]);
    }
  });

  it('are found by their short names and categories, and show what Flux shows', async () => {
    const { body } = await cluster.api('GET', '/apis/kustomize.toolkit.fluxcd.io/v1');
    const kustomizations = listAt(body, 'resources').find((one) => textAt(one, 'name') === 'kustomizations');
    expect(kustomizations).toMatchObject({ shortNames: ['ks'], categories: ['all', 'fluxcd', 'fluxcd-appliers'] });
    const table = await cluster.api(
      'GET',
      `/apis/${PLURALS.GitRepository.replace('/gitrep', `/namespaces/${ns}/gitrep`)}`,
      undefined,
      {
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      },
    );
    const names = listAt(table.body, 'columnDefinitions').map((one) => textAt(one, 'name'));
    expect(names).toEqual(['Name', 'URL', 'Age', 'Ready', 'Status']);
  });
});
