import { describe, expect, it } from 'vitest';
import type { JsonObject, KustomizationStatus } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, condition, configMap, definition, deployment, flux, manifest, usePlace } from './app.ts';

const place = usePlace();

const job = (ns: string, more: JsonObject = {}): string =>
  manifest(
    'batch/v1',
    'Job',
    { name: 'task', namespace: ns },
    {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'pause' }] } }, ...more },
    },
  );
const widget = (ns: string, name = 'one', size = 1): string =>
  manifest(`${ns}.example.com/v1`, 'Widget', { name, namespace: ns }, { spec: { size } });
const widgetPath = (app: App, name = 'one'): string =>
  `/apis/${app.ns}.example.com/v1/namespaces/${app.ns}/widgets/${name}`;
const say = (app: App, type: string, status: string, more: JsonObject = {}): Promise<unknown> =>
  app.patch(`${widgetPath(app)}/status`, {
    status: { conditions: [{ type, status, reason: 'Test', message: 'set by hand' }], ...more },
  });
/** Makes every Pod of the namespace run, as a kubelet would; the controllers do the rest. */
async function runPods(app: App): Promise<void> {
  const list = (await place.cluster.api('GET', `/api/v1/namespaces/${app.ns}/pods`)).body['items'];
  for (const pod of (list ?? []) as readonly { metadata: { name: string } }[])
    await app.patch(`pods/${pod.metadata.name}/status`, {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
      },
    });
}
const web = (ns: string, spec: JsonObject = {}): string => deployment(ns, 'web', {}, { replicas: 0, ...spec });
const waiting = (app: App): Promise<KustomizationStatus> =>
  app.agent.reaches((s) => /Running health checks/.test(condition(s, 'Reconciling')));

describe.concurrent('with wait', () => {
  it('healthy objects end Ready and Healthy, without a request for their health', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'a', {}),
        'web.yaml': web(ns),
        'job.yaml': job(ns, { suspend: true }),
      }),
      spec: { wait: true },
    });
    const status = app.status();
    expect(condition(status, 'Ready')).toMatch(/^True\/ReconciliationSucceeded: Applied revision: main@sha1:/);
    expect(condition(status, 'Healthy')).toMatch(/^True\/Succeeded: Health check passed in /);
    expect(condition(status, 'Reconciling')).toBe('');
    const reads = place.cluster
      .audited({ user: app.user, verb: 'get' })
      .filter((one) => one.namespace === app.ns && one.code !== 404);
    expect(reads).toEqual([]);
  });

  it('shows the progress while an object is not ready, and ends as soon as it is', async () => {
    const app = await place.app({
      files: (ns) => ({ 'web.yaml': web(ns, { replicas: 1 }), 'a.yaml': configMap(ns, 'a', {}) }),
      spec: { wait: true },
      wait: false,
    });
    const status = await waiting(app);
    expect(condition(status, 'Ready')).toMatch(/^Unknown\/Progressing/);
    expect(condition(status, 'Healthy')).toMatch(/^Unknown\/Progressing/);
    expect(condition(status, 'Reconciling')).toContain(`Deployment/${app.ns}/web`);
    expect(status).toMatchObject({ lastAppliedRevision: '', converged: false });
    expect(status.inventory).toHaveLength(2);
    expect(status.objects.unhealthy).toMatchObject([{ object: `Deployment/${app.ns}/web`, status: 'InProgress' }]);
    await until(async () => {
      await runPods(app);
      return app.status().converged;
    });
    expect(app.status().objects.byHealth).toEqual({ Current: 2 });
  });

  it('a new revision ends the wait and is applied at once', async () => {
    const app = await place.app({
      files: (ns) => ({ 'web.yaml': web(ns, { replicas: 1 }) }),
      spec: { wait: true },
      wait: false,
    });
    await waiting(app);
    await app.applied({ 'web.yaml': web(app.ns) });
    expect(await app.get('deployments/web')).toMatchObject({ spec: { replicas: 0 } });
  });

  it('fails early when Pods of what it waits for crash again and again, and recovers', async () => {
    const app = await place.app({
      files: (ns) => ({ 'web.yaml': web(ns, { replicas: 1 }) }),
      spec: { wait: true, retryInterval: '1h' },
      wait: false,
    });
    await waiting(app);
    const podsOf = async (): Promise<readonly { readonly metadata: { readonly name: string } }[]> =>
      ((await place.cluster.api('GET', `/api/v1/namespaces/${app.ns}/pods`)).body['items'] ?? []) as never;
    await until(async () => (await podsOf()).length === 1);
    const [pod] = await podsOf();
    await app.patch(`pods/${pod?.metadata.name}/status`, {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses: [
          {
            name: 'c',
            image: 'pause',
            imageID: '',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
          },
        ],
      },
    });
    await app.reason(/HealthCheckFailed: .*failed early.*Deployment\/.*\/web status: 'Failed': 1 pods have failed/);
    await until(async () => {
      await runPods(app);
      return app.status().converged;
    });
  });

  it('fails at the timeout, retries at retryInterval, and recovers by itself', async () => {
    const app = await place.app({
      files: (ns) => ({ 'crd.yaml': definition(`${ns}.example.com`), 'w.yaml': widget(ns) }),
      spec: { wait: true, timeout: '30s', retryInterval: '1s' },
    });
    await say(app, 'Ready', 'False');
    await app.agent.reaches((s) => s.objects.unhealthy.length === 1);
    app.agent.loop.nudge('Kustomization/flux-system/app');
    const status = await app.reason(
      /HealthCheckFailed: .*after 30s.*timeout waiting for: \[Widget\/.*\/one status: 'InProgress'/,
      40_000,
    );
    expect(condition(status, 'Healthy')).toMatch(/^False\/HealthCheckFailed/);
    expect(status.lastAppliedRevision).not.toBe('');
    await until(() => condition(app.status(), 'Ready').startsWith('Unknown/Progressing'));
    await app.reason(/HealthCheckFailed/);
    expect(
      app.agent.lines.filter((line) => line['msg'] === 'not converged' && line['code'] === 'health-failed'),
    ).toHaveLength(1);
    await say(app, 'Ready', 'True');
    await app.agent.reaches((s) => s.converged, { timeoutMs: 5_000 });
    expect(condition(app.status(), 'Healthy')).toMatch(/^True\/Succeeded/);
  });

  it('fails at the timeout where healthChecks name an object that does not exist', async () => {
    const app = await place.app({
      spec: { timeout: '30s', healthChecks: [{ kind: 'Deployment', name: 'nowhere', namespace: 'default' }] },
      wait: false,
    });
    await app.reason(/HealthCheckFailed: .*Deployment\/default\/nowhere status: 'NotFound'/, 40_000);
  });

  it('a failed Job fails it long before the timeout, and is named', async () => {
    const app = await place.app({
      files: (ns) => ({ 'job.yaml': job(ns, { activeDeadlineSeconds: 1, backoffLimit: 0 }) }),
      spec: { wait: true },
      wait: false,
    });
    const status = await app.reason(/HealthCheckFailed: health check failed after .*Job\/.*\/task status: 'Failed'/);
    expect(status.objects.byHealth).toEqual({ Failed: 1 });
  });

  it('a Stalled condition fails it at once, a status of an older generation waits', async () => {
    const app = await place.app({
      files: (ns) => ({ 'crd.yaml': definition(`${ns}.example.com`), 'w.yaml': widget(ns) }),
      spec: { wait: true, retryInterval: '1h' },
    });
    await say(app, 'Ready', 'True', { observedGeneration: 0 });
    await app.agent.reaches((s) => s.objects.unhealthy.length === 1);
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await waiting(app);
    await say(app, 'Stalled', 'True', { observedGeneration: 1 });
    await app.reason(/HealthCheckFailed: .*Widget\/.*\/one status: 'Failed'/);
    // Healed, it is told at once, not at the next retry.
    await say(app, 'Ready', 'True', { observedGeneration: 1 });
    await app.agent.reaches((s) => s.converged, { timeoutMs: 3_000 });
  });

  it('does not wait for what is left alone', async () => {
    const annotations = { [flux('reconcile')]: 'disabled' };
    const app = await place.app({
      files: (ns) => ({
        'web.yaml': manifest('apps/v1', 'Deployment', { name: 'never', namespace: ns, annotations }, { spec: {} }),
        'a.yaml': configMap(ns, 'a', {}),
      }),
      spec: { wait: true },
    });
    expect(condition(app.status(), 'Healthy')).toMatch(/^True/);
  });

  it('prunes before the health checks are passed', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'web.yaml': web(ns) }),
      spec: { wait: true },
    });
    await app.commit({ 'a.yaml': null, 'web.yaml': web(app.ns, { replicas: 1 }) });
    await waiting(app);
    expect(await app.get('configmaps/a')).toBeUndefined();
  });

  it('goes on after a restart', async () => {
    const app = await place.app({
      files: (ns) => ({ 'web.yaml': web(ns, { replicas: 1 }) }),
      spec: { wait: true },
      wait: false,
    });
    await waiting(app);
    await app.restart();
    await waiting(app);
    await until(async () => {
      await runPods(app);
      return app.status().converged;
    });
  });
});

describe.concurrent('healthChecks', () => {
  it('look only at what they list, apps/v1 without an apiVersion, and at objects of others', async () => {
    const ns = await place.cluster.namespace('others');
    await place.cluster.api(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      JSON.parse(definition(`${ns}.example.com`)),
    );
    const path = `/apis/${ns}.example.com/v1/namespaces/${ns}/widgets`;
    await until(async () => (await place.cluster.api('POST', path, JSON.parse(widget(ns, 'theirs')))).status === 201);
    const set = (status: string): Promise<unknown> =>
      place.cluster.api('PATCH', `${path}/theirs/status`, {
        status: { conditions: [{ type: 'Ready', status, reason: 'Test', message: 'by hand' }] },
      });
    await set('False');
    const app = await place.app({
      files: (own) => ({
        'web.yaml': web(own),
        'slow.yaml': deployment(own, 'slow'),
        'a.yaml': configMap(own, 'a', {}),
      }),
      spec: {
        healthChecks: [
          { kind: 'Deployment', name: 'web', namespace: 'HERE' },
          { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace: 'HERE' },
          { apiVersion: `${ns}.example.com/v1`, kind: 'Widget', name: 'theirs', namespace: ns },
        ],
      },
      wait: false,
    });
    const status = await waiting(app);
    expect(condition(status, 'Healthy')).toContain(`Widget/${ns}/theirs`);
    expect(condition(status, 'Healthy')).not.toContain('slow');
    await set('True');
    await app.agent.reaches((s) => s.converged, { timeoutMs: 5_000 });
  });

  it('are not looked at with wait', async () => {
    const app = await place.app({
      spec: { wait: true, healthChecks: [{ kind: 'Deployment', name: 'nowhere', namespace: 'default' }] },
    });
    expect(condition(app.status(), 'Healthy')).toMatch(/^True/);
  });
});

describe.concurrent('without wait', () => {
  it('an object that is not ready holds nothing up, and the status counts it', async () => {
    const app = await place.app({
      files: (ns) => ({ 'web.yaml': web(ns, { replicas: 1 }), 'a.yaml': configMap(ns, 'a', {}) }),
    });
    await app.agent.reaches((s) => s.objects.byHealth.InProgress === 1 && s.objects.byHealth.Current === 1);
    expect(condition(app.status(), 'Healthy')).toBe('');
  });
});
