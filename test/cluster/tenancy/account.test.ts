import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { planAll } from '../../../agent/plan-once.ts';
import { makeParts } from '../../../agent/wire.ts';
import type { JsonObject, KustomizationStatus } from '../../../src/model/index.ts';
import { planText } from '../../../src/plan/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { until } from '../../support/until.ts';
import {
  type App,
  type AppOptions,
  configMap,
  dataOf,
  declared,
  deployment,
  healed,
  manifest,
  usePlace,
} from '../agent/app.ts';
import { account, grant, grantPrinted, subjectOf } from './rbac.ts';

const place = usePlace();

const CONFIG: JsonObject = { apiGroups: [''], resources: ['configmaps'], verbs: ['*'] };
const READ_WRITE = ['get', 'list', 'watch', 'create', 'update', 'patch'];
const secret = (ns: string, name: string): string =>
  manifest('v1', 'Secret', { name, namespace: ns }, { stringData: { a: 'b' } });

/** An app whose Kustomization acts for the account `flux-system/<its namespace>`, which may do so much there. */
async function tenant(options: AppOptions & { readonly rules?: readonly JsonObject[] }): Promise<App> {
  const { rules = [CONFIG], ...rest } = options;
  const app = await place.app({ ...rest, wait: false, spec: { serviceAccountName: 'HERE', ...rest.spec } });
  await account(place.cluster, 'flux-system', app.ns);
  await grant(place.cluster, { namespace: app.ns, name: 'tenant', rules, subject: subjectOf('flux-system', app.ns) });
  app.agent.loop.nudge('Kustomization/flux-system/app');
  return app;
}

const userOf = (app: App): string => `system:serviceaccount:flux-system:${app.ns}`;
const converged = (app: App): Promise<KustomizationStatus> => app.agent.reaches((s) => s.converged);
const message = (app: App): string => app.status().notConverged?.message ?? '';

describe.concurrent('a Kustomization that acts for a ServiceAccount', () => {
  it('applies, heals and prunes within its rights, and the agent watches for all of them', async () => {
    const app = await tenant({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 'b.yaml': configMap(ns, 'b', {}) }),
    });
    expect(await converged(app)).toMatchObject({ account: `flux-system/${app.ns}` });
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    expect(await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}')).toBeLessThan(5_000);
    await app.applied({ 'b.yaml': null });
    expect(await app.get('configmaps/b')).toBeUndefined();
    const changes = () =>
      place.cluster
        .audited({ user: app.user, namespace: app.ns })
        .filter((one) => ['patch', 'delete', 'create', 'update'].includes(one.verb));
    // The API server writes its log a little after it has answered.
    await until(() => changes().length >= 4 && changes().some((one) => one.verb === 'delete'));
    expect([...new Set(changes().map((one) => one.actedFor))]).toEqual([userOf(app)]);
    const watches = place.cluster.audited({ user: app.user, verb: 'watch' });
    expect([...new Set(watches.map((one) => one.actedFor))]).toEqual(['']);
  });

  it('applies nothing of a revision that asks for more, prints a rule that is enough, and goes on with it', async () => {
    const app = await tenant({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 's.yaml': secret(ns, 'denied') }),
    });
    const status = await app.reason(
      /ReconciliationFailed: .*Secret\/.*\/denied dry-run failed \(Forbidden\): .*forbidden/s,
    );
    expect(status.notConverged?.code).toBe('cluster-denied');
    expect(status.objects.held.map((one) => one.object)).toContain(`ConfigMap/${app.ns}/a`);
    expect(await app.get('configmaps/a')).toBeUndefined();
    expect(await app.get('secrets/denied')).toBeUndefined();
    expect(await grantPrinted(place.cluster, message(app), 'printed')).toBe(1);
    await converged(app);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    expect(await app.get('secrets/denied')).toBeDefined();
  });

  it('keeps what runs when the next revision asks for more, and corrects it meanwhile', async () => {
    const app = await tenant({ files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }) }) });
    await converged(app);
    await app.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }), 's.yaml': secret(app.ns, 'denied') });
    await app.reason(/Secret\/.*\/denied dry-run failed \(Forbidden\): .*forbidden/s);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}');
    await app.applied({ 's.yaml': null });
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });
  });

  it('that does not exist is said not to, and works once it is there', async () => {
    const app = await place.app({ wait: false, spec: { serviceAccountName: 'HERE' } });
    await app.reason(
      new RegExp(`ReconciliationFailed: ServiceAccount flux-system/${app.ns} does not exist: .*forbidden`, 's'),
    );
    expect(await app.get('configmaps/a')).toBeUndefined();
    await account(place.cluster, 'flux-system', app.ns);
    await grant(place.cluster, {
      namespace: app.ns,
      name: 'tenant',
      rules: [CONFIG],
      subject: subjectOf('flux-system', app.ns),
    });
    await converged(app);
  });

  it('that may not delete says PruneFailed, and keeps the object in the inventory until it may', async () => {
    const app = await tenant({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'b.yaml': configMap(ns, 'b', {}) }),
      rules: [{ ...CONFIG, verbs: READ_WRITE }],
    });
    await converged(app);
    const wanted = await app.commit({ 'b.yaml': null });
    const status = await app.reason(
      /PruneFailed: delete failed, errors: ConfigMap\/.*\/b delete failed: .*verbs: \["delete"\]/,
    );
    expect(status.inventory.map((one) => one.id)).toContain(`${app.ns}_b__ConfigMap`);
    expect(await app.get('configmaps/b')).toBeDefined();
    expect(await grantPrinted(place.cluster, message(app), 'printed')).toBe(1);
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged);
    expect(await app.get('configmaps/b')).toBeUndefined();
  });

  it('makes nothing cluster-wide, and grants no more than it has, until the printed rules are given', async () => {
    const app = await tenant({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'a', {}),
        'r.yaml': manifest(
          'rbac.authorization.k8s.io/v1',
          'ClusterRole',
          { name: `${ns}-sneaky` },
          { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
        ),
      }),
    });
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${app.ns}-sneaky`;
    await app.reason(/ClusterRole\/.*-sneaky dry-run failed \(Forbidden\): .*cannot patch resource "clusterroles"/s);
    expect(await app.get('configmaps/a')).toBeUndefined();
    expect(await grantPrinted(place.cluster, message(app), `${app.ns}-one`)).toBe(1);
    await app.reason(/ClusterRole\/.*-sneaky dry-run failed \(Forbidden\): .*attempting to grant RBAC permissions/s);
    expect(await place.cluster.get(path)).toBeUndefined();
    expect(await grantPrinted(place.cluster, message(app), `${app.ns}-two`)).toBe(1);
    await converged(app);
    expect(await place.cluster.get(path)).toBeDefined();
    expect(await app.get('configmaps/a')).toBeDefined();
  });

  it('grants by a binding only with the printed rule', async () => {
    const app = await tenant({
      files: (ns) => ({
        'b.yaml': manifest(
          'rbac.authorization.k8s.io/v1',
          'RoleBinding',
          { name: 'sneaky', namespace: ns },
          {
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
            subjects: [{ kind: 'ServiceAccount', namespace: ns, name: 'default' }],
          },
        ),
      }),
      rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['*'] }],
    });
    await app.reason(/RoleBinding\/.*\/sneaky dry-run failed \(Forbidden\): .*attempting to grant RBAC permissions/s);
    expect(await app.get('rolebindings/sneaky')).toBeUndefined();
    expect(await grantPrinted(place.cluster, message(app), 'printed')).toBe(1);
    await converged(app);
  });

  it('of an agent that may not act for it says so, with the rule', async () => {
    const app = await tenant({ groups: ['tenants'] });
    const agent = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: app.user };
    await grant(place.cluster, {
      namespace: '',
      name: `${app.ns}-watch`,
      rules: [
        { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] },
      ],
      subject: agent,
    });
    const status = await app.reason(
      /ReconciliationFailed: .*the agent may not act for ServiceAccount .*cannot impersonate/s,
    );
    expect(status.notConverged?.code).toBe('cluster-denied');
    expect(status.notConverged?.message).toContain(
      `a Role in namespace flux-system needs the rule {apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"]}, bound to User ${app.user}`,
    );
    expect(await grantPrinted(place.cluster, message(app), app.ns)).toBe(1);
    await converged(app);
  });

  it('of an agent with the role of the multi-tenant manifests only is applied and healed', async () => {
    const app = await tenant({
      groups: ['tenants'],
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 'b.yaml': configMap(ns, 'b', {}) }),
    });
    const [role] = loadAll(readFileSync('manifests/components/tenancy/role.yaml', 'utf8')) as { rules: JsonObject[] }[];
    const agent = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: app.user };
    await grant(place.cluster, { namespace: '', name: app.ns, rules: role?.rules ?? [], subject: agent });
    await converged(app);
    await until(
      () => place.cluster.audited({ user: app.user, verb: 'watch', resource: 'configmaps', code: 200 }).length > 0,
    );
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}');
    await app.applied({ 'b.yaml': null });
    expect(await app.get('configmaps/b')).toBeUndefined();
  });

  it('is planned for with its rights', async () => {
    const app = await tenant({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 's.yaml': secret(ns, 'denied') }),
    });
    await app.reason(/forbidden/);
    await app.agent.stop();
    const options = { ...app.agent.options, stateDir: app.stateDir };
    const parts = makeParts(options);
    const plan = async (spec: JsonObject) => {
      const objects = objectsOf(declared(app.repo.url, { spec, source: {} }));
      const signal = AbortSignal.timeout(20_000);
      const [one] = await planAll(objects, { parts, options, fetch: false, data: objects.data, signal });
      return one?.fault?.message ?? planText(one?.plan ?? { stages: [], inventory: [] }, { all: true });
    };
    try {
      expect(await plan({ serviceAccountName: app.ns })).toMatch(
        /\/a: waits until the account may do[\s\S]*\/denied: .*forbidden/,
      );
      expect(await plan({})).not.toMatch(/forbidden|waits/);
      expect(await plan({ kubeConfig: { secretRef: { name: 'x' } } })).toMatch(/Secret flux-system\/x.*does not exist/);
    } finally {
      parts.cluster.close();
    }
  });

  it('learns no health of objects that it may not read', async () => {
    const app = await tenant({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}) }),
      more: (ns) => [
        manifest(
          'kustomize.toolkit.fluxcd.io/v1',
          'Kustomization',
          { name: 'other', namespace: 'flux-system' },
          {
            spec: {
              interval: '1h',
              prune: true,
              path: './other',
              targetNamespace: ns,
              sourceRef: { kind: 'GitRepository', name: 'app' },
            },
          },
        ),
      ],
    });
    // The agent sees the Deployment, for it keeps it for the other one.
    await app.repo.commit({
      'kustomization.yaml': 'resources: [a.yaml]',
      'other/web.yaml': deployment(app.ns, 'web', {}, { replicas: 0 }),
    });
    app.agent.loop.nudge(undefined);
    await app.agent.reaches((s) => s.converged && s.objects.total === 1, { name: 'other' });
    await until(() => app.agent.kustomization('other').objects.byHealth.Current === 1);
    app.spec({
      serviceAccountName: 'HERE',
      timeout: '30s',
      healthChecks: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: app.ns }],
    });
    // It is waited for, as in Flux: rights may come.
    await app.reason(/HealthCheckFailed: .*cannot get resource "deployments"/s, 45_000);
  });

  it('that is named later has its rights proven before the Kustomization is ready again', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 's.yaml': secret(ns, 's') }),
    });
    await account(place.cluster, 'flux-system', app.ns);
    await grant(place.cluster, {
      namespace: app.ns,
      name: 'tenant',
      rules: [CONFIG],
      subject: subjectOf('flux-system', app.ns),
    });
    app.spec({ serviceAccountName: app.ns });
    await app.reason(/Secret\/.*\/s dry-run failed \(Forbidden\): .*forbidden/s);
    await app.restart();
    app.spec({ serviceAccountName: app.ns });
    await app.reason(/Secret\/.*\/s dry-run failed \(Forbidden\): .*forbidden/s);
    expect(await grantPrinted(place.cluster, message(app), 'printed')).toBe(1);
    await converged(app);
    // Rights that are taken away show when somebody asks.
    await place.cluster.api('DELETE', `/apis/rbac.authorization.k8s.io/v1/namespaces/${app.ns}/rolebindings/tenant`);
    await until(() => {
      app.agent.loop.nudge('Kustomization/flux-system/app');
      return /ConfigMap\/.*\/a dry-run failed \(Forbidden\): .*forbidden/s.test(message(app));
    });
  });
});

describe.concurrent('the settings of tenancy', () => {
  it('defaultServiceAccount acts for a Kustomization that names none', async () => {
    const app = await place.app({
      wait: false,
      settings: { tenancy: { noCrossNamespaceRefs: false, defaultServiceAccount: 'nobody-here' } },
    });
    await app.reason(/User "system:serviceaccount:flux-system:nobody-here" cannot patch/);
    expect(await app.get('configmaps/a')).toBeUndefined();
  });

  it('noCrossNamespaceRefs refuses a source of another namespace, and takes one of its own', async () => {
    const app = await place.app({
      settings: { tenancy: { noCrossNamespaceRefs: true, defaultServiceAccount: '' } },
      more: () => [
        manifest(
          'kustomize.toolkit.fluxcd.io/v1',
          'Kustomization',
          { name: 'stranger', namespace: 'default' },
          {
            spec: {
              interval: '1h',
              prune: true,
              sourceRef: { kind: 'GitRepository', name: 'app', namespace: 'flux-system' },
            },
          },
        ),
      ],
    });
    const status = await app.agent.reaches((s) => s.notConverged !== undefined, { name: 'stranger' });
    expect(status.notConverged).toMatchObject({ code: 'access-denied', reason: 'AccessDenied' });
    expect(status.notConverged?.message).toMatch(
      "can't access 'GitRepository/flux-system/app', cross-namespace references have been blocked",
    );
    expect(status.conditions.find((one) => one.type === 'Stalled')).toMatchObject({ status: 'True' });
    expect(status.inventory).toEqual([]);
  });
});
