import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, deployment, healed, manifest, type Place, startPlace } from './app.ts';

let place: Place;
beforeAll(async () => {
  place = await startPlace();
  await grant('clusterroles', '', {
    metadata: { name: 'agent-identity' },
    rules: [{ apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] }],
  });
});
afterAll(() => place?.stop());

const RBAC = 'rbac.authorization.k8s.io';
async function grant(plural: string, namespace: string, object: JsonObject): Promise<void> {
  const inside = namespace === '' ? '' : `/namespaces/${namespace}`;
  const answer = await place.cluster.api('POST', `/apis/${RBAC}/v1${inside}/${plural}`, object);
  if (answer.status !== 201 && answer.status !== 409) throw new Error(answer.text);
}

const role = (name: string): JsonObject => ({ apiGroup: RBAC, kind: 'ClusterRole', name });
const users = (ns: string): JsonObject[] => [{ apiGroup: RBAC, kind: 'User', name: `agent-${ns}` }];

/** An agent that may do what `admin` may in its namespace, and read the identity of the cluster. */
async function bound(files: (ns: string) => Record<string, string>, wait = true): Promise<App> {
  const app = await place.app({ files, groups: ['tenants'], wait: false });
  await grant('clusterrolebindings', '', {
    metadata: { name: app.ns },
    roleRef: role('agent-identity'),
    subjects: users(app.ns),
  });
  await grant('rolebindings', app.ns, { metadata: { name: 'agent' }, roleRef: role('admin'), subjects: users(app.ns) });
  app.agent.loop.nudge(undefined);
  if (wait) await app.agent.reaches((s) => s.converged);
  return app;
}

/** Waits until so many kinds are watched in the namespace of the app. */
async function watched(app: App, count: number): Promise<void> {
  const seen = { user: app.user, verb: 'watch', namespace: app.ns, code: 200 };
  await until(() => place.cluster.audited(seen).length >= count);
}

describe.concurrent('an agent that is bound to one namespace', () => {
  it('applies, sees drift at once, and prunes there', async () => {
    const app = await bound((ns) => ({
      'a.yaml': configMap(ns, 'a', { v: '1' }),
      'b.yaml': configMap(ns, 'b', {}),
      's.yaml': manifest('v1', 'Secret', { name: 's', namespace: ns }, { stringData: { k: 'v' } }),
      'web.yaml': deployment(ns, 'web', {}, { replicas: 0 }),
    }));
    await watched(app, 3);
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    expect(await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}')).toBeLessThan(1_000);
    await app.remove('secrets/s');
    expect(await healed(app, 'secrets/s', (o) => o !== undefined)).toBeLessThan(1_000);
    await app.applied({ 'b.yaml': null });
    expect(await app.get('configmaps/b')).toBeUndefined();
    await app.restart();
    await app.agent.reaches((s) => s.converged);
    await app.remove('configmaps/a');
    expect(await healed(app, 'configmaps/a', (o) => o !== undefined)).toBeLessThan(1_000);
  });

  it('is refused elsewhere, with the rule that would allow it, and goes on with the rest', async () => {
    const app = await bound(
      (ns) => ({
        'a.yaml': configMap(ns, 'a', { v: '1' }),
        'b.yaml': configMap('default', `b-${ns}`, {}),
        'c.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
      }),
      false,
    );
    const status = await app.reason(
      /ReconciliationFailed: .*ConfigMap\/default\/b-.*Namespace\/|ReconciliationFailed: .*Namespace\/.*ConfigMap\/default/s,
    );
    expect(status.notConverged?.code).toBe('cluster-denied');
    expect(status.notConverged?.message).toContain(
      'a Role in namespace default needs the rule {apiGroups: [""], resources: ["configmaps"], verbs: ["create", "patch"]}',
    );
    expect(status.notConverged?.message).toContain(
      '{apiGroups: [""], resources: ["namespaces"], verbs: ["create", "patch"]}',
    );
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"1"}');
    await app.applied({ 'b.yaml': null, 'c.yaml': null });
  });

  it('that may not delete says PruneFailed, and keeps the object in the inventory until it may', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'b.yaml': configMap(ns, 'b', {}) }),
      groups: ['tenants'],
      wait: false,
    });
    const rules = (verbs: string[]): JsonObject => ({ rules: [{ apiGroups: [''], resources: ['configmaps'], verbs }] });
    const most = ['get', 'list', 'watch', 'create', 'patch', 'update'];
    await grant('clusterrolebindings', '', {
      metadata: { name: app.ns },
      roleRef: role('agent-identity'),
      subjects: users(app.ns),
    });
    await grant('roles', app.ns, { metadata: { name: 'most' }, ...rules(most) });
    await grant('rolebindings', app.ns, {
      metadata: { name: 'most' },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'most' },
      subjects: users(app.ns),
    });
    app.agent.loop.nudge(undefined);
    await app.agent.reaches((s) => s.converged);
    const wanted = await app.commit({ 'b.yaml': null });
    const status = await app.reason(
      /PruneFailed: delete failed, errors: ConfigMap\/.*\/b delete failed: .*verbs: \["delete"\]/,
    );
    expect(status.inventory.map((one) => one.id)).toContain(`${app.ns}_b__ConfigMap`);
    await app.patch('roles/most', rules([...most, 'delete']));
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged);
    expect(await app.get('configmaps/b')).toBeUndefined();
  });

  it('that may neither list nor watch heals at its interval, and looks at health by itself', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'a', { v: '1' }),
        'web.yaml': deployment(ns, 'web', {}, { replicas: 1 }),
      }),
      groups: ['tenants'],
      wait: false,
      spec: { interval: '2s', wait: true },
    });
    await grant('clusterrolebindings', '', {
      metadata: { name: app.ns },
      roleRef: role('agent-identity'),
      subjects: users(app.ns),
    });
    const verbs = ['get', 'create', 'patch', 'update', 'delete'];
    const rules = [{ apiGroups: ['', 'apps'], resources: ['configmaps', 'deployments'], verbs }];
    await grant('roles', app.ns, { metadata: { name: 'blind' }, rules });
    await grant('rolebindings', app.ns, {
      metadata: { name: 'blind' },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'blind' },
      subjects: users(app.ns),
    });
    app.agent.loop.nudge(undefined);
    await app.agent.reaches((s) => s.conditions.some((one) => one.type === 'Healthy' && one.status === 'Unknown'));
    await app.applied({ 'web.yaml': deployment(app.ns, 'web', {}, { replicas: 0 }) });
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    expect(await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}')).toBeLessThan(6_000);
  });
});
