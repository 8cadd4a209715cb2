import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import {
  type App,
  type AppOptions,
  configMap,
  dataOf,
  declared,
  manifest,
  type Place,
  startPlace,
} from '../agent/app.ts';
import { account, grant, subjectOf } from './rbac.ts';

let place: Place;
let remote: ControlPlane;
beforeAll(async () => {
  [place, remote] = await Promise.all([startPlace(), startControlPlane({ controllerManager: true, audit: true })]);
});
afterAll(async () => {
  await place?.stop();
  await remote?.stop();
});
const agents: App[] = [];
afterEach(async () => {
  for (const app of agents.splice(0)) await app.agent.stop();
});

const kubeconfigSecret = (data: JsonObject, name = 'remote'): string =>
  manifest('v1', 'Secret', { name, namespace: 'flux-system' }, { stringData: data });

/** Further Flux objects of a site: a second Kustomization of the same source, of its folder `local`, on the agent's own cluster. */
const localToo = (ns: string): string =>
  manifest(
    'kustomize.toolkit.fluxcd.io/v1',
    'Kustomization',
    { name: 'local', namespace: 'flux-system' },
    {
      spec: {
        interval: '1h',
        retryInterval: '2s',
        prune: true,
        path: './local',
        sourceRef: { kind: 'GitRepository', name: 'app' },
        commonMetadata: { labels: { ns } },
      },
    },
  );

const FAR: JsonObject = { path: './far', kubeConfig: { secretRef: { name: 'remote' } } };

/** An app that applies `far/` to the other cluster, and `local/` to its own. */
async function site(options: AppOptions & { readonly secret?: JsonObject } = {}): Promise<App> {
  const { secret, spec, ...rest } = options;
  const app = await place.app({
    files: (ns) => ({
      'far/ns.yaml': manifest('v1', 'Namespace', { name: ns }),
      'far/a.yaml': configMap(ns, 'far', { v: '1' }),
      'local/a.yaml': configMap(ns, 'near', { v: '1' }),
    }),
    more: (ns) => [localToo(ns), ...(secret === undefined ? [] : [kubeconfigSecret(secret)])],
    ...rest,
    spec: { ...FAR, ...spec },
    wait: false,
  });
  agents.push(app);
  return app;
}

/** Declares the objects with another kubeconfig, another spec, and more beside it. */
function declareWith(app: App, secret: JsonObject, spec: JsonObject = FAR, more: readonly string[] = []): void {
  const objects = [declared(app.repo.url, { spec, source: {} }), localToo(app.ns), kubeconfigSecret(secret), ...more];
  app.agent.declare(objects.join('\n---\n'));
}

const whole = (): JsonObject => ({ value: remote.kubeconfig() });
const farPath = (app: App, name = 'far'): string => `/api/v1/namespaces/${app.ns}/configmaps/${name}`;
const far = async (app: App): Promise<unknown> =>
  ((await remote.get(farPath(app)).catch(() => undefined))?.['data'] as JsonObject | undefined)?.['v'];
const editFar = (app: App): Promise<unknown> =>
  remote.api('PATCH', `${farPath(app)}?fieldManager=operator`, { data: { v: 'by hand' } });
const editNear = (app: App): Promise<unknown> =>
  app.patch('configmaps/near', { data: { v: 'by hand' } }, { query: '?fieldManager=operator' });
const nearIsWell = (app: App): Promise<unknown> =>
  until(async () => JSON.stringify(await dataOf(app, 'near')) === '{"v":"1"}');
const bothConverged = async (app: App): Promise<void> => {
  await app.agent.reaches((s) => s.converged);
  await app.agent.reaches((s) => s.converged, { name: 'local' });
};

describe('a Kustomization with a kubeconfig', () => {
  it('applies, heals and prunes in the other cluster, and leaves the own one alone', async () => {
    const app = await site({ secret: whole() });
    await bothConverged(app);
    expect(await far(app)).toBe('1');
    expect(await app.get('configmaps/far')).toBeUndefined();
    expect(app.status().objects.byHealth).toEqual({ Current: 2 });
    expect(app.status().remote).toMatchObject({ uid: await remote.uid(), api: { state: 'up' } });
    expect(app.agent.kustomization('local')).not.toHaveProperty('remote');
    const mark = remote.auditMark();
    await editFar(app);
    await until(async () => (await far(app)) === '1');
    await remote.api('DELETE', farPath(app));
    await until(async () => (await far(app)) === '1');
    expect(remote.audited({ since: mark, verb: 'list', resource: 'configmaps' })).toEqual([]);
    expect(app.agent.kustomization().drift.healed).toBe(2);
    expect(app.agent.kustomization('local').drift.healed).toBe(0);
    await app.applied({ 'far/a.yaml': null });
    expect(await remote.get(farPath(app))).toBeUndefined();
  });

  it('keeps the own cluster while the other is away, and goes on there when it is back, on the disk alone', async () => {
    const app = await site({ secret: whole() });
    await bothConverged(app);
    await app.applied({ 'far/a.yaml': configMap(app.ns, 'far', { v: '2' }) });
    await place.git.pause();
    try {
      await remote.kill('kube-apiserver');
      await app.reason(/ReconciliationFailed: .*127\.0\.0\.1:\d+/);
      await editNear(app);
      await nearIsWell(app);
      expect(app.agent.kustomization('local')).toMatchObject({ converged: true });
      expect(app.agent.loop.status().cluster.api.state).toBe('up');
      expect(app.status().remote?.api.state).toBe('down');
      await remote.start('kube-apiserver');
      await app.agent.reaches((s) => s.converged, { timeoutMs: 60_000 });
      await editFar(app);
      await until(async () => (await far(app)) === '2', { within: 30_000 });
    } finally {
      await place.git.resume();
    }
  });

  it('is rebuilt from disk when the other cluster lost its datastore; the own one is not applied again', async () => {
    const app = await site({ secret: whole() });
    await bothConverged(app);
    const mark = place.cluster.auditMark();
    await remote.wipe();
    await until(async () => (await far(app)) === '1', { within: 60_000 });
    await app.agent.reaches((s) => s.converged);
    const again = place.cluster.audited({ since: mark, user: app.user, verb: 'patch' });
    expect(again).toEqual([]);
    expect(app.agent.lines.filter((line) => /another cluster answers/.test(String(line['msg'])))).toHaveLength(1);
    // And after a restart: facts and inventory are kept for that cluster.
    await remote.wipe();
    await app.restart();
    await until(async () => (await far(app)) === '1', { within: 60_000 });
    await bothConverged(app);
    const quiet = remote.auditMark();
    await app.restart();
    await bothConverged(app);
    expect(remote.audited({ since: quiet, verb: 'patch' })).toEqual([]);
  });

  it('acts for the account in the other cluster, where that may less', async () => {
    const app = await site({ secret: whole(), spec: { serviceAccountName: 'HERE' } });
    const namespaced = { apiGroups: [''], resources: ['namespaces'], verbs: ['*'] };
    const subject = subjectOf('flux-system', app.ns);
    await account(remote, 'flux-system', app.ns);
    await grant(remote, { namespace: '', name: `${app.ns}-ns`, rules: [namespaced], subject });
    await app.reason(/ConfigMap\/.*\/far dry-run failed \(Forbidden\): .*forbidden/s);
    expect(await far(app)).toBeUndefined();
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }];
    await grant(remote, { namespace: '', name: `${app.ns}-cm`, rules, subject });
    await app.agent.reaches((s) => s.converged);
    const made = () => remote.audited({ verb: 'patch', namespace: app.ns, code: 201 });
    // The API server writes its log a little after it has answered.
    await until(() => made().length > 0);
    const changes = made();
    expect([...new Set(changes.map((one) => one.actedFor))]).toEqual([`system:serviceaccount:flux-system:${app.ns}`]);
  });

  it('names the Secret that is missing, or the key, and goes on when it is there; another key may be named', async () => {
    const app = await site();
    await app.reason(/ReconciliationFailed: Secret flux-system\/remote, named by spec.kubeConfig, does not exist/);
    await app.agent.reaches((s) => s.converged, { name: 'local' });
    expect(app.status()).not.toHaveProperty('remote');
    declareWith(app, { prod: remote.kubeconfig() });
    await app.reason(/Secret flux-system\/remote has no key 'value' or 'value.yaml'/);
    declareWith(app, { 'value.yaml': remote.kubeconfig() });
    await app.agent.reaches((s) => s.converged);
    declareWith(
      app,
      { prod: remote.kubeconfig() },
      { path: './far', kubeConfig: { secretRef: { name: 'remote', key: 'prod' } } },
    );
    await app.agent.reaches((s) => s.converged);
    // Taken away again, nothing there is known any more, and nothing of the own cluster is taken for it.
    declareWith(app, {});
    await app.reason(/has no key/);
    expect(app.status()).toMatchObject({ converged: false, objects: { total: 2, byHealth: { Unknown: 2 } } });
    expect(app.status()).not.toHaveProperty('remote');
  });

  it('takes over a kubeconfig that changed, and lets go of the old one', async () => {
    const app = await site({ secret: { value: remote.kubeconfig({ name: 'old', groups: ['system:masters'] }) } });
    await app.agent.reaches((s) => s.converged);
    await until(() => remote.audited({ user: 'old', verb: 'watch' }).length >= 2);
    const mark = remote.auditMark();
    declareWith(app, { value: remote.kubeconfig({ name: 'new', groups: ['system:masters'] }) });
    await until(() => remote.audited({ since: mark, user: 'new', verb: 'watch' }).length >= 2);
    await editFar(app);
    await until(async () => (await far(app)) === '1');
    const healedBy = () => remote.audited({ since: mark, verb: 'patch', namespace: app.ns }).at(-1)?.user;
    await until(() => healedBy() === 'new');
    // Every watch that is left begins anew.
    const later = remote.auditMark();
    await remote.restart('kube-apiserver');
    await until(() => remote.audited({ since: later, user: 'new', verb: 'watch' }).length >= 2, { within: 30_000 });
    expect(remote.audited({ since: later, user: 'old' })).toEqual([]);
  });

  it('works with rights in one namespace only, by its address, and sees by its watches that things are gone', async () => {
    const app = await site({
      secret: { value: remote.kubeconfig({ name: 'weak' }) },
      files: (ns) => ({
        'far/a.yaml': configMap(ns, 'far', { v: '1' }),
        'local/a.yaml': configMap(ns, 'near', { v: '1' }),
      }),
    });
    await remote.api('POST', '/api/v1/namespaces', { metadata: { name: app.ns } });
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }];
    const subject = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'weak' };
    await grant(remote, { namespace: app.ns, name: 'weak', rules, subject });
    await app.agent.reaches((s) => s.converged);
    await until(() => remote.audited({ user: 'weak', verb: 'watch', namespace: app.ns, code: 200 }).length > 0);
    await remote.api('DELETE', farPath(app));
    await until(async () => (await far(app)) === '1');
  });

  it('refuses a kubeconfig that would run a program, and says nothing of what is in it', async () => {
    const text = JSON.stringify({
      ...(JSON.parse(remote.kubeconfig()) as JsonObject),
      users: [
        { name: 'test', user: { exec: { command: '/bin/hush-hush', apiVersion: 'client.authentication.k8s.io/v1' } } },
      ],
    });
    const app = await site({ secret: { value: text } });
    const status = await app.reason(/ReconciliationFailed: Secret flux-system\/remote: the kubeconfig has user.exec/);
    expect(status.notConverged?.code).toBe('kubeconfig-refused');
    expect(JSON.stringify([app.agent.lines, app.agent.loop.status()])).not.toContain('hush-hush');
    await app.agent.reaches((s) => s.converged, { name: 'local' });
  });

  it('opens no more clusters than limits.remoteClusters', async () => {
    const app = await site({ secret: whole(), limits: { remoteClusters: 1 } });
    await app.agent.reaches((s) => s.converged);
    const more = manifest(
      'kustomize.toolkit.fluxcd.io/v1',
      'Kustomization',
      { name: 'second', namespace: 'flux-system' },
      {
        spec: {
          interval: '1h',
          retryInterval: '2s',
          prune: true,
          path: './far',
          sourceRef: { kind: 'GitRepository', name: 'app' },
          kubeConfig: { secretRef: { name: 'other' } },
        },
      },
    );
    const other = kubeconfigSecret(
      { value: remote.kubeconfig({ name: 'other', groups: ['system:masters'] }) },
      'other',
    );
    declareWith(app, whole(), FAR, [more, other]);
    const refused = (one: { notConverged?: { message: string } }): boolean =>
      /limits.remoteClusters = 1 are in use/.test(one.notConverged?.message ?? '');
    await app.agent.reaches(refused, { name: 'second' });
    // The first one lets go of its cluster.
    declareWith(app, {}, { ...FAR, suspend: true }, [more, other]);
    await app.agent.reaches((one) => !refused(one), { name: 'second' });
  });
});
