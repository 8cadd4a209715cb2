import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Json, KubeObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import {
  type App,
  configMap,
  dataOf,
  definition,
  deployment,
  flux,
  healed,
  managersOf,
  manifest,
  usePlace,
} from './app.ts';

const place = usePlace();

const service = (ns: string): string =>
  manifest(
    'v1',
    'Service',
    { name: 'web', namespace: ns },
    {
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
  );
const by = (manager: string) => ({ query: `?fieldManager=${manager}` });

/** Milliseconds that a correction may take, seen from the API server. */
const SOON = 1_000;

describe('what somebody changes by hand is set right at once', () => {
  let app: App;
  beforeAll(async () => {
    app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'a', { v: '1' }),
        'web.yaml': deployment(ns, 'web', {}, { replicas: 2 }),
        'svc.yaml': service(ns),
      }),
    });
  });
  const isOne = (data: string) => (object: { readonly [key: string]: unknown } | undefined) =>
    JSON.stringify(object?.['data']) === data;
  const ways: readonly [string, (a: App) => Promise<unknown>][] = [
    ['an edit', (a) => a.patch('configmaps/a', { data: { v: 'x' } }, by('operator'))],
    [
      'an edit by kubectl, with a field of its own',
      (a) => a.patch('configmaps/a', { data: { v: 'x', w: 'y' } }, by('kubectl-edit')),
    ],
    ['a field that kubectl added alone', (a) => a.patch('configmaps/a', { data: { w: 'y' } }, by('kubectl-patch'))],
    ['a removed key', (a) => a.patch('configmaps/a', { data: { v: null } }, by('operator'))],
    [
      'a server-side apply by another',
      (a) =>
        a.patch('configmaps/a?fieldManager=other&force=true', configMap(a.ns, 'a', { v: 'theirs' }), { type: 'apply' }),
    ],
    [
      'a PUT without managedFields',
      async (a) => {
        const live = await a.get('configmaps/a');
        const { managedFields: _, ...metadata } = live?.metadata ?? { name: 'a' };
        await place.cluster.api('PUT', `/api/v1/namespaces/${a.ns}/configmaps/a`, {
          ...live,
          metadata,
          data: { v: 'put' },
        });
      },
    ],
    ['a deletion', (a) => a.remove('configmaps/a')],
    [
      'a removed owner label',
      (a) => a.patch('configmaps/a', { metadata: { labels: { [flux('name')]: null } } }, by('x')),
    ],
    [
      'a changed owner label',
      (a) => a.patch('configmaps/a', { metadata: { labels: { [flux('name')]: 'x' } } }, by('x')),
    ],
  ];

  it.each(ways)('%s', async (_name, change) => {
    await sleep(100);
    const before = app.status().drift.healed;
    await change(app);
    const took = await healed(
      app,
      'configmaps/a',
      (object) =>
        isOne('{"v":"1"}')(object) &&
        (object?.metadata['labels'] as Record<string, string> | undefined)?.[flux('name')] === 'app',
    );
    expect(took).toBeLessThan(SOON);
    await until(() => app.status().drift.healed > before && app.status().converged);
  });

  it('an edit without the Git link', async () => {
    place.git.pause();
    try {
      app.agent.loop.nudge('GitRepository/flux-system/app');
      await app.patch('configmaps/a', { data: { v: 'offline' } }, by('operator'));
      expect(await healed(app, 'configmaps/a', isOne('{"v":"1"}'))).toBeLessThan(SOON);
    } finally {
      place.git.resume();
    }
  });

  it('a scale', async () => {
    await app.patch('deployments/web/scale', { spec: { replicas: 7 } }, by('kubectl'));
    const took = await healed(app, 'deployments/web', (d) => (d?.['spec'] as { replicas?: number })?.replicas === 2);
    expect(took).toBeLessThan(SOON);
  });

  it('a Service port renumbered, which server-side apply alone refuses to set back', async () => {
    await app.patch('services/web', [{ op: 'replace', path: '/spec/ports/0/port', value: 81 }], { type: 'json' });
    const took = await healed(app, 'services/web', (object) => JSON.stringify(object).includes('"port":80,'));
    expect(took).toBeLessThan(2 * SOON);
    expect((await app.get('services/web'))?.['spec']).toMatchObject({ ports: [{ name: 'http', port: 80 }] });
    await app.agent.reaches((s) => s.converged);
  });
});

describe.concurrent('what others have in an object', () => {
  it('is left alone: fields beside ours, a status, annotations', async () => {
    const app = await place.app({ files: (ns) => ({ 'web.yaml': deployment(ns, 'web', {}, { paused: true }) }) });
    await sleep(200);
    const mark = place.cluster.auditMark();
    await app.patch('deployments/web', { metadata: { annotations: { theirs: 'x' } } }, by('operator'));
    await app.patch('deployments/web', { spec: { minReadySeconds: 3 } }, by('operator'));
    await app.patch('deployments/web/status', { status: { observedGeneration: 1 } }, by('operator'));
    await sleep(500);
    expect(place.cluster.audited({ user: app.user, since: mark })).toEqual([]);
    await app.applied({ 'web.yaml': deployment(app.ns, 'web', {}, { paused: true, revisionHistoryLimit: 2 }) });
    const object = await app.get('deployments/web');
    expect(object).toMatchObject({ spec: { minReadySeconds: 3 }, metadata: { annotations: { theirs: 'x' } } });
    expect(managersOf(object)).toContain('operator/Update');
  });

  it('replicas that Git does not name belong to an autoscaler', async () => {
    const web = (ns: string): string => {
      const object = JSON.parse(deployment(ns, 'web')) as { spec: { replicas?: number } };
      delete object.spec.replicas;
      return JSON.stringify(object);
    };
    const app = await place.app({ files: (ns) => ({ 'web.yaml': web(ns) }) });
    await app.patch('deployments/web/scale', { spec: { replicas: 5 } }, by('hpa'));
    await sleep(300);
    await app.applied({ 'x.yaml': configMap(app.ns, 'x', {}) });
    expect(await app.get('deployments/web')).toMatchObject({ spec: { replicas: 5 } });
    expect(app.status().drift.healed).toBe(0);
  });

  it('an object that is held in deletion is no failure, and comes back once it is gone', async () => {
    const app = await place.app();
    await app.patch('configmaps/a', { metadata: { finalizers: ['example.com/hold'] } }, by('operator'));
    const uid = (await app.get('configmaps/a'))?.metadata['uid'];
    await app.remove('configmaps/a');
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await sleep(300);
    expect(app.status()).toMatchObject({ ready: 'True', converged: true });
    await app.patch('configmaps/a', { metadata: { finalizers: null } }, by('operator'));
    expect(
      await healed(app, 'configmaps/a', (object) => object !== undefined && object.metadata['uid'] !== uid),
    ).toBeLessThan(SOON);
  });
});

describe.concurrent('what takes others along', () => {
  it('a Namespace that is deleted comes back with its contents', async () => {
    const app = await place.app({
      files: (ns) => ({
        'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
        'a.yaml': configMap(`${ns}-x`, 'a', { v: '1' }),
        'b.yaml': configMap(ns, 'b', { v: '1' }),
      }),
    });
    const uid = (await app.get(`/api/v1/namespaces/${app.ns}-x`))?.metadata['uid'];
    await app.remove(`/api/v1/namespaces/${app.ns}-x`);
    await until(
      async () => {
        const now = await app.get(`/api/v1/namespaces/${app.ns}-x`);
        return (
          now !== undefined &&
          now.metadata['uid'] !== uid &&
          (await app.get(`/api/v1/namespaces/${app.ns}-x/configmaps/a`))
        );
      },
      { within: 40_000, what: 'the Namespace' },
    );
    await app.agent.reaches((s) => s.converged);
  });

  it('a definition that is deleted comes back with its objects', async () => {
    const app = await place.app({
      files: (ns) => ({
        'crd.yaml': definition(`${ns}.example.com`),
        'w.yaml': manifest(`${ns}.example.com/v1`, 'Widget', { name: 'w', namespace: ns }, { spec: { size: 1 } }),
      }),
    });
    const widget = `/apis/${app.ns}.example.com/v1/namespaces/${app.ns}/widgets/w`;
    const uid = (await app.get(widget))?.metadata['uid'];
    await app.remove(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${app.ns}.example.com`);
    await until(
      async () => {
        const now = await app.get(widget);
        return now !== undefined && now.metadata['uid'] !== uid;
      },
      { within: 40_000, what: 'the Widget' },
    );
    await app.agent.reaches((s) => s.converged);
    await app.patch(widget, { spec: { size: 7 } }, by('operator'));
    expect(await healed(app, widget, (object) => JSON.stringify(object?.['spec']) === '{"size":1}')).toBeLessThan(SOON);
  });

  it('objects whose names have colons and capitals are known again', async () => {
    const name = 'Team:viewer:x';
    const app = await place.app({
      files: (ns) => ({
        'r.yaml': manifest(
          'rbac.authorization.k8s.io/v1',
          'Role',
          { name, namespace: ns },
          {
            rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
          },
        ),
        'b.yaml': configMap(ns, 'b', {}),
      }),
    });
    expect(app.status().inventory.map((one) => one.id)).toContain(
      `${app.ns}_Team__viewer__x_rbac.authorization.k8s.io_Role`,
    );
    await app.remove(`roles/${name}`);
    expect(await healed(app, `roles/${name}`, (object) => object !== undefined)).toBeLessThan(SOON);
    await app.applied({ 'r.yaml': null });
    expect(await app.get(`roles/${name}`)).toBeUndefined();
  });
});

describe.concurrent('two writers that undo each other', () => {
  it('are found: corrections wait, and the condition names the other manager; then they agree again', async () => {
    const app = await place.app({
      files: (ns) => ({
        'web.yaml': deployment(ns, 'web', {}, { replicas: 2 }),
        'b.yaml': configMap(ns, 'b', { v: '1' }),
      }),
    });
    let fighting = true;
    const rival = (async () => {
      while (fighting) {
        await app.patch('deployments/web/scale', { spec: { replicas: 9 } }, by('autoscaler')).catch(() => undefined);
        await sleep(50);
      }
    })();
    const status = await app.reason(/ReconciliationFailed: Deployment\/.*\/web: autoscaler undoes what is applied/);
    expect(status.notConverged?.code).toBe('apply-conflict');
    await sleep(1_500);
    const mark = place.cluster.auditMark();
    await sleep(1_000);
    expect(place.cluster.audited({ user: app.user, since: mark })).toEqual([]);
    // Others are corrected meanwhile.
    await app.patch('configmaps/b', { data: { v: 'x' } }, by('operator'));
    expect(await healed(app, 'configmaps/b', (o) => JSON.stringify(o?.['data']) === '{"v":"1"}')).toBeLessThan(SOON);
    expect(
      app.agent.lines.filter((line) => line['msg'] === 'not converged' && line['code'] === 'apply-conflict'),
    ).toHaveLength(1);
    fighting = false;
    await rival;
    // A new revision may settle it.
    await app.applied({ 'web.yaml': deployment(app.ns, 'web', {}, { replicas: 9 }) });
    expect(await dataOf(app, 'b')).toEqual({ v: '1' });
  });
});

describe.concurrent('rules of an aggregated ClusterRole', () => {
  const role = (name: string, labels: Record<string, string>, rest: Record<string, Json>): string =>
    manifest('rbac.authorization.k8s.io/v1', 'ClusterRole', { name, labels }, rest);
  const rulesOf = (object: KubeObject | undefined): string => JSON.stringify(object?.['rules'] ?? []);

  it('are the control plane’s, whatever the manifest says; what it aggregates by is ours', async () => {
    const selectors = (ns: string) => [{ matchLabels: { part: ns } }];
    const app = await place.app({
      files: (ns) => ({
        'all.yaml': role(`${ns}-all`, {}, { aggregationRule: { clusterRoleSelectors: selectors(ns) }, rules: [] }),
        'view.yaml': role(
          `${ns}-view`,
          { part: ns },
          { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
        ),
      }),
    });
    const all = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${app.ns}-all`;
    await until(async () => rulesOf(await app.get(all)).includes('pods'), { what: 'the aggregated rules' });
    await app.applied({ 'x.yaml': configMap(app.ns, 'x', {}) });
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await sleep(500);
    expect(rulesOf(await app.get(all))).toContain('pods');
    expect(app.status()).toMatchObject({ converged: true, drift: { healed: 0 } });
    await app.patch(
      all,
      { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'x' } }] } },
      by('operator'),
    );
    const ours = JSON.stringify(selectors(app.ns));
    expect(await healed(app, all, (o) => JSON.stringify(o?.['aggregationRule']).includes(ours))).toBeLessThan(SOON);
  });
});

describe.concurrent('what happens while no agent runs', () => {
  it('is found at the next start: deleted, edited, created anew, relabelled', async () => {
    const names = ['deleted', 'edited', 'anew', 'relabelled'];
    const app = await place.app({
      files: (ns) => Object.fromEntries(names.map((name) => [`${name}.yaml`, configMap(ns, name, { v: '1' })])),
    });
    await app.agent.stop();
    await app.remove('configmaps/deleted');
    await app.patch('configmaps/edited', { data: { v: 'x' } }, by('operator'));
    await app.remove('configmaps/anew');
    await place.cluster.api(
      'POST',
      `/api/v1/namespaces/${app.ns}/configmaps`,
      JSON.parse(configMap(app.ns, 'anew', { v: 'x' })),
    );
    await app.patch('configmaps/relabelled', { metadata: { labels: { [flux('name')]: 'x' } } }, by('operator'));
    await app.restart();
    for (const name of names)
      await healed(app, `configmaps/${name}`, (object) => {
        const labels = object?.metadata['labels'] as Record<string, string> | undefined;
        return JSON.stringify(object?.['data']) === '{"v":"1"}' && labels?.[flux('name')] === 'app';
      });
    await app.agent.reaches((s) => s.converged);
  });
});
