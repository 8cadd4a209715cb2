import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../agent/config/index.ts';
import { at, type JsonObject, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import type { Launched } from '../../fault/agent/launch.ts';
import { until } from '../../support/until.ts';
import { configMap } from '../agent/app.ts';
import { built, type FluxPlace, gitRepository, isReady, kustomization, namespace, startFluxPlace } from './place.ts';

const ACCOUNT = 'system:serviceaccount:holdfast:holdfast';

let place: FluxPlace;
let objects: readonly KubeObject[] = [];
let agent: Launched;
let repo: Awaited<ReturnType<FluxPlace['git']['repo']>>;

beforeAll(async () => {
  place = await startFluxPlace();
  objects = loadAll(built('manifests/overlays/flux-namespaced')) as unknown as KubeObject[];
  for (const name of ['flux-system', 'apps', 'holdfast']) await place.put(namespace(name));
  for (const object of objects) if (/Role|Binding|ServiceAccount/.test(object.kind)) await place.put(object);
  // The role `admin` is put together by a controller, a moment after the start.
  await until(() => may('patch', '', 'configmaps', 'apps'));
  repo = await place.git.repo('apps');
  await repo.commit({ 'a.yaml': configMap('apps', 'a', { v: '${v:=1}' }), 'b.yaml': configMap('apps', 'b', {}) });
  await place.put(watched('vars', { v: 'two' }));
  await place.put(gitRepository('apps', { url: repo.url }));
  await place.put(kustomization('apps', { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] } }));
  agent = place.agent({ kubeconfig: await accountKubeconfig(), scope: scopeOf() });
  await agent.serving();
});
afterAll(() => place?.stop());

/** A ConfigMap of which a change starts those that name it. */
const watched = (name: string, data: JsonObject): KubeObject => {
  const labels = { 'reconcile.fluxcd.io/watch': 'Enabled' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'flux-system', labels }, data };
};

/** What the overlay's own configuration says about which objects to read. */
function scopeOf(): string {
  const map = objects.find((one) => one.kind === 'ConfigMap' && one.metadata.name.startsWith('holdfast-config'));
  const config = readConfig(textAt(map, 'data', 'config.yaml') ?? '', 'config.yaml', {});
  expect(config.objects.cluster.enabled).toBe(true);
  return `, namespaces: ${JSON.stringify(config.objects.cluster.namespaces)}`;
}

/** A kubeconfig with a token of the ServiceAccount, as a pod has it. */
async function accountKubeconfig(): Promise<string> {
  const path = '/api/v1/namespaces/holdfast/serviceaccounts/holdfast/token';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const token = textAt((await place.cluster.api('POST', path, body)).body, 'status', 'token') ?? '';
  expect(token).not.toBe('');
  const config = load(place.cluster.kubeconfig()) as JsonObject;
  const file = join(place.dir, 'account.kubeconfig');
  writeFileSync(file, JSON.stringify({ ...config, users: [{ name: 'test', user: { token } }] }), { mode: 0o600 });
  return file;
}

async function may(verb: string, group: string, resource: string, ns: string, subresource = ''): Promise<boolean> {
  const spec = { user: ACCOUNT, resourceAttributes: { verb, group, resource, namespace: ns, subresource } };
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const answer = await place.cluster.api('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', body);
  return at(answer.body, 'status', 'allowed') === true;
}

const denied = (): readonly string[] =>
  place.cluster
    .audited({ user: ACCOUNT, code: 403 })
    .map(
      (one) =>
        `${one.verb} ${one.resource}${one.subresource === '' ? '' : `/${one.subresource}`} ${one.namespace || '*'}`,
    );

describe('an agent with the rights of the overlay flux-namespaced', () => {
  it('applies, and tells of it by status, finalizer and events', async () => {
    const ks = await place.reaches('Kustomization/flux-system/apps', isReady);
    expect(ks.metadata['finalizers']).toEqual(['finalizers.fluxcd.io']);
    expect(listAt(ks, 'status', 'inventory', 'entries').length).toBe(2);
    await place.reaches('GitRepository/flux-system/apps', isReady);
    expect(at((await place.get('ConfigMap/apps/a')) ?? {}, 'data')).toEqual({ v: 'two' });
    const events = await until(async () => {
      const { body } = await place.cluster.api('GET', '/api/v1/namespaces/flux-system/events');
      const reasons = listAt(body, 'items').map((one) => textAt(one, 'reason'));
      return reasons.includes('ReconciliationSucceeded') ? reasons : undefined;
    });
    expect(events).toContain('NewArtifact');
  });

  it('sees what is changed there: a spec, a labelled ConfigMap, drift; and prunes', async () => {
    await place.put(watched('vars', { v: 'three' }));
    await until(async () => textAt(await place.get('ConfigMap/apps/a'), 'data', 'v') === 'three');
    await place.remove('ConfigMap/apps/b');
    await until(async () => (await place.get('ConfigMap/apps/b')) !== undefined);
    await repo.commit({ 'b.yaml': null });
    await place.put(gitRepository('apps', { url: repo.url, timeout: '30s' }));
    await until(async () => (await place.get('ConfigMap/apps/b')) === undefined);
  });

  it('lets go of what is deleted', async () => {
    await place.put(gitRepository('short', { url: repo.url }));
    await place.reaches('GitRepository/flux-system/short', isReady);
    await place.remove('GitRepository/flux-system/short');
    await until(async () => (await place.get('GitRepository/flux-system/short')) === undefined);
  });

  it('was refused nothing that it went without', () => {
    expect([...new Set(denied())]).toEqual([]);
  });

  it('cannot do what it need not', async () => {
    const ks = 'kustomize.toolkit.fluxcd.io';
    expect(await may('patch', ks, 'kustomizations', 'flux-system', 'status')).toBe(true);
    for (const verb of ['create', 'update', 'delete', 'deletecollection'])
      expect(await may(verb, ks, 'kustomizations', 'flux-system')).toBe(false);
    for (const verb of ['get', 'list', 'watch']) {
      expect(await may(verb, '', 'secrets', 'flux-system')).toBe(true);
      expect(await may(verb, '', 'secrets', 'default')).toBe(false);
      expect(await may(verb, '', 'secrets', '')).toBe(false);
    }
    expect(await may('list', ks, 'kustomizations', '')).toBe(false);
    expect(await may('patch', '', 'configmaps', 'flux-system')).toBe(false);
    expect(await may('create', 'apiextensions.k8s.io', 'customresourcedefinitions', '')).toBe(false);
    expect(await may('impersonate', '', 'serviceaccounts', 'flux-system')).toBe(false);
  });

  it('says which rule is missing when one is taken away, and goes on when it is back', async () => {
    const role = objects.find((one) => one.kind === 'Role' && one.metadata.name === 'holdfast-objects') as KubeObject;
    const rules = (role['rules'] as readonly JsonObject[]).filter(
      (rule) => !listAt(rule, 'resources').includes('gitrepositories'),
    );
    expect(rules.length).toBe((role['rules'] as readonly JsonObject[]).length - 1);
    await agent.stop();
    await place.put({ ...role, rules });
    agent = place.agent({ kubeconfig: join(place.dir, 'account.kubeconfig'), scope: scopeOf() });
    await agent.serving();
    const problem = await until(async () =>
      (await agent.status()).problems.find(({ where }) => where === 'objects.cluster GitRepository in flux-system'),
    );
    expect(problem.message).toContain(
      'needs the rule {apiGroups: ["source.toolkit.fluxcd.io"], resources: ["gitrepositories"], verbs: ["list"]}',
    );
    await place.put(role);
    await until(async () => (await agent.status()).problems.length === 0, { within: 60_000 });
    await repo.commit({ 'c.yaml': configMap('apps', 'c', {}) });
    await place.put(gitRepository('apps', { url: repo.url, timeout: '31s' }));
    await until(async () => (await place.get('ConfigMap/apps/c')) !== undefined);
    await place.reaches('Kustomization/flux-system/apps', isReady);
  });
});
