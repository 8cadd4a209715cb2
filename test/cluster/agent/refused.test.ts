import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, deployment, flux, healed, manifest, usePlace } from './app.ts';

const place = usePlace();

const uidOf = async (app: App, what: string): Promise<unknown> => (await app.get(what))?.metadata['uid'];
const fixed = (ns: string, name: string, value: string, annotations = {}): string =>
  manifest('v1', 'ConfigMap', { name, namespace: ns, annotations }, { immutable: true, data: { v: value } });
const job = (ns: string, image: string, more = {}): string =>
  manifest(
    'batch/v1',
    'Job',
    { name: 'task', namespace: ns },
    {
      spec: {
        suspend: true,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image }] } },
        ...more,
      },
    },
  );
const secret = (ns: string, type: string): string =>
  manifest('v1', 'Secret', { name: 's', namespace: ns }, { type, stringData: { username: 'u', password: 'p' } });
const web = (ns: string, track: string, spec = {}): string => {
  const labels = { app: 'web', track };
  return deployment(
    ns,
    'web',
    {},
    {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'pause' }] } },
      ...spec,
    },
  );
};

describe.concurrent('a field that cannot be changed in place', () => {
  const kinds: readonly [string, string, (ns: string, which: 'old' | 'new') => string][] = [
    ['an immutable ConfigMap', 'configmaps/f', (ns, which) => fixed(ns, 'f', which)],
    [
      'the type of a Secret',
      'secrets/s',
      (ns, which) => secret(ns, which === 'old' ? 'Opaque' : 'kubernetes.io/basic-auth'),
    ],
    ['the template of a Job', 'jobs/task', (ns, which) => job(ns, which)],
    ['the selector of a Deployment', 'deployments/web', (ns, which) => web(ns, which)],
  ];

  it.each(kinds)('%s: without force an error that names it, and the old one stays', async (_name, what, make) => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': make(ns, 'old'), 'b.yaml': configMap(ns, 'b', { v: '1' }) }),
    });
    const uid = await uidOf(app, what);
    await app.commit({ 'a.yaml': make(app.ns, 'new'), 'b.yaml': configMap(app.ns, 'b', { v: '2' }) });
    const name = what.slice(what.indexOf('/') + 1);
    const status = await app.reason(new RegExp(`ReconciliationFailed: .*/${app.ns}/${name}.*immutable`, 's'));
    expect(status.notConverged?.code).toBe('apply-immutable');
    expect(await uidOf(app, what)).toBe(uid);
    expect(await dataOf(app, 'b')).toEqual({ v: '2' });
  });

  it.each(kinds)('%s: with spec.force it is replaced', async (_name, what, make) => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': make(ns, 'old') }), spec: { force: true } });
    const uid = await uidOf(app, what);
    await app.applied({ 'a.yaml': make(app.ns, 'new') });
    expect(await uidOf(app, what)).not.toBe(uid);
  });

  it('with the annotation force: enabled that object alone is replaced', async () => {
    const force = { [flux('force')]: 'Enabled' };
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': fixed(ns, 'a', '1', force), 'b.yaml': fixed(ns, 'b', '1') }),
    });
    const uids = [await uidOf(app, 'configmaps/a'), await uidOf(app, 'configmaps/b')];
    await app.commit({ 'a.yaml': fixed(app.ns, 'a', '2', force), 'b.yaml': fixed(app.ns, 'b', '2') });
    await app.reason(/ConfigMap\/.*\/b/);
    expect(await uidOf(app, 'configmaps/a')).not.toBe(uids[0]);
    expect(await uidOf(app, 'configmaps/b')).toBe(uids[1]);
  });

  it('with force and a new state that is refused, nothing is deleted', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': web(ns, 'old') }), spec: { force: true } });
    const uid = await uidOf(app, 'deployments/web');
    await app.commit({ 'a.yaml': web(app.ns, 'new', { replicas: -1 }) });
    await app.reason(/ReconciliationFailed: .*Deployment\/.*\/web.*replicas/s);
    await app.commit({ 'a.yaml': web(app.ns, 'new', { replicas: 0, progressDeadlineSeconds: 1, minReadySeconds: 5 }) });
    await app.reason(/progressDeadlineSeconds/);
    expect(await uidOf(app, 'deployments/web')).toBe(uid);
    const verbs = place.cluster.audited({ user: app.user, verb: 'delete' });
    expect(verbs).toEqual([]);
  });

  it('with force, an object that somebody made before is replaced in a first apply too', async () => {
    const ns = await place.cluster.namespace('made');
    await place.cluster.api('POST', `/api/v1/namespaces/${ns}/configmaps`, JSON.parse(fixed(ns, 'f', 'theirs')));
    await place.app({ files: () => ({ 'a.yaml': fixed(ns, 'f', 'ours') }), spec: { force: true } });
    expect((await place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/f`))?.['data']).toEqual({ v: 'ours' });
  });
});

describe.concurrent('one object that is refused', () => {
  const badService = (ns: string): string =>
    manifest('v1', 'Service', { name: 'broken', namespace: ns }, { spec: { ports: [{ port: 123_456 }] } });

  it('stops no other in a first apply; the condition names it, and the next commit repairs it', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'fine', { v: '1' }), 'b.yaml': badService(ns) }),
      wait: false,
    });
    const status = await app.reason(/ReconciliationFailed: .*Service\/.*\/broken/);
    expect(status.ready).toBe('False');
    expect(status.objects.held).toMatchObject([{ object: `Service/${app.ns}/broken` }]);
    expect(await dataOf(app, 'fine')).toEqual({ v: '1' });
    expect(status.inventory.map((one) => one.id)).toContain(`${app.ns}_fine__ConfigMap`);
    const repaired = await app.applied({ 'b.yaml': null });
    expect(repaired.objects.held).toEqual([]);
  });

  it('keeps its old state with all that hangs on it, while the rest of the revision goes on', async () => {
    const all = (ns: string, v: string, config: string): Record<string, string> => ({
      'config.yaml': config,
      'mounts.yaml': deployment(ns, 'mounts', {
        containers: [{ name: 'c', image: `pause:${v}` }],
        volumes: [{ name: 'v', configMap: { name: 'config' } }],
      }),
      'env.yaml': deployment(ns, 'env', {
        containers: [{ name: 'c', image: `pause:${v}`, envFrom: [{ configMapRef: { name: 'config' } }] }],
      }),
      'hpa.yaml': manifest(
        'autoscaling/v2',
        'HorizontalPodAutoscaler',
        { name: 'hpa', namespace: ns },
        {
          spec: {
            scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'mounts' },
            maxReplicas: Number(v) + 5,
            metrics: [
              { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
            ],
          },
        },
      ),
      'free.yaml': deployment(ns, 'free', { containers: [{ name: 'c', image: `pause:${v}` }] }),
    });
    const app = await place.app({ files: (ns) => all(ns, '1', configMap(ns, 'config', { v: '1' })) });
    const bad = manifest('v1', 'ConfigMap', { name: 'config', namespace: app.ns }, { data: { 'bad key': 'x' } });
    await app.commit(all(app.ns, '2', bad));
    const status = await app.reason(/ConfigMap\/.*\/config dry-run failed.*: .*kept as they were/s);
    const image = async (name: string): Promise<unknown> =>
      JSON.stringify((await app.get(`deployments/${name}`))?.['spec']).match(/pause:\d/)?.[0];
    expect(await image('free')).toBe('pause:2');
    expect([await image('mounts'), await image('env')]).toEqual(['pause:1', 'pause:1']);
    expect(await app.get('horizontalpodautoscalers/hpa')).toMatchObject({ spec: { maxReplicas: 6 } });
    expect(await dataOf(app, 'config')).toEqual({ v: '1' });
    expect(status.objects.held.map((one) => one.object).sort()).toEqual(
      ['ConfigMap', 'Deployment', 'Deployment', 'HorizontalPodAutoscaler'].map(
        (kind, i) => `${kind}/${app.ns}/${['config', 'env', 'mounts', 'hpa'][i]}`,
      ),
    );
    expect(status.lastAttemptedRevision).not.toBe(status.lastAppliedRevision);

    // What is held is kept at its old state, also against hands.
    await app.remove('deployments/mounts');
    await healed(app, 'deployments/mounts', (object) => object !== undefined);
    expect(await image('mounts')).toBe('pause:1');
    await app.patch('configmaps/config', { data: { v: 'by hand' } });
    await healed(app, 'configmaps/config', (object) => JSON.stringify(object?.['data']) === '{"v":"1"}');
    expect(app.status().notConverged?.code).toBe('apply-refused');

    await app.applied(all(app.ns, '3', configMap(app.ns, 'config', { v: '3' })));
    expect([await image('mounts'), await image('env'), await image('free')]).toEqual(['pause:3', 'pause:3', 'pause:3']);
  });

  it('holds accounts, roles and their users', async () => {
    const rules = (verbs: readonly string[]) => ({ rules: [{ apiGroups: [''], resources: ['pods'], verbs }] });
    const all = (ns: string, v: string, verbs: readonly string[]): Record<string, string> => ({
      'role.yaml': manifest('rbac.authorization.k8s.io/v1', 'Role', { name: 'r', namespace: ns }, rules(verbs)),
      'binding.yaml': manifest(
        'rbac.authorization.k8s.io/v1',
        'RoleBinding',
        { name: 'b', namespace: ns, labels: { v } },
        {
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
          subjects: [{ kind: 'ServiceAccount', name: 'sa', namespace: ns }],
        },
      ),
      'sa.yaml': manifest('v1', 'ServiceAccount', { name: 'sa', namespace: ns, labels: { v } }),
    });
    const app = await place.app({ files: (ns) => all(ns, '1', ['get']) });
    await app.commit(all(app.ns, '2', []));
    await app.reason(/Role\/.*\/r dry-run failed.*: .*RoleBinding\/.*\/b/s);
    const label = async (what: string): Promise<unknown> => (await app.get(what))?.metadata['labels'];
    expect(await label('rolebindings/b')).toMatchObject({ v: '1' });
    expect(await label('serviceaccounts/sa')).toMatchObject({ v: '2' });
  });

  it('is the only change of a revision: the revision is not called applied', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': fixed(ns, 'a', '1') }) });
    const before = app.status().lastAppliedRevision;
    await app.commit({ 'a.yaml': fixed(app.ns, 'a', '2') });
    const status = await app.reason(/ConfigMap\/.*\/a.*immutable/s);
    expect(status).toMatchObject({ ready: 'False', converged: false, lastAppliedRevision: before });
    await app.applied({ 'a.yaml': fixed(app.ns, 'a', '1') });
  });

  it('leaves no orphan: what a failed revision made is pruned when the next leaves it out', async () => {
    const app = await place.app();
    await app.commit({ 'extra.yaml': configMap(app.ns, 'extra', {}), 'bad.yaml': badService(app.ns) });
    await app.reason(/broken/);
    await until(async () => (await dataOf(app, 'extra')) === undefined && (await app.get('configmaps/extra')));
    await app.applied({ 'extra.yaml': null, 'bad.yaml': null });
    expect(await app.get('configmaps/extra')).toBeUndefined();
  });

  it('deletes nothing of the old state that it may stand for: a renamed object stays until its new name is applied', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': deployment(ns, 'old', {}, { replicas: 0 }) }) });
    const status = async (): Promise<readonly string[]> => app.status().inventory.map((one) => one.id);
    await app.commit({ 'a.yaml': deployment(app.ns, 'new', {}, { replicas: -1 }) });
    const held = await app.reason(/Deployment\/.*\/new dry-run failed.*: .*kept as they were.*Deployment\/.*\/old/s);
    expect(held.objects.held.map((one) => one.object)).toContain(`Deployment/${app.ns}/old`);
    expect(await app.get('deployments/old')).toBeDefined();
    expect(await status()).toEqual([`${app.ns}_old_apps_Deployment`]);
    await app.applied({ 'a.yaml': deployment(app.ns, 'new', {}, { replicas: 0 }) });
    expect(await app.get('deployments/old')).toBeUndefined();
  });

  it('a webhook that does not answer holds only the kind it is for', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 's.yaml': secret(ns, 'Opaque') }),
    });
    const name = `down-${app.ns}`;
    const hook = manifest(
      'admissionregistration.k8s.io/v1',
      'ValidatingWebhookConfiguration',
      { name },
      {
        webhooks: [
          {
            name: 'down.example.com',
            clientConfig: { url: 'https://127.0.0.1:1/' },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'], operations: ['*'] }],
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': app.ns } },
            failurePolicy: 'Fail',
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            timeoutSeconds: 1,
          },
        ],
      },
    );
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    await place.cluster.api('POST', path, JSON.parse(hook));
    await until(
      async () => (await app.patch('secrets/s?dryRun=All', { metadata: { labels: { x: '1' } } })).status >= 400,
    );
    const next = manifest('v1', 'Secret', { name: 's', namespace: app.ns }, { stringData: { username: 'new' } });
    const wanted = await app.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }), 's.yaml': next });
    const status = await app.reason(/Secret\/.*\/s.*down\.example\.com/s);
    expect(status.notConverged?.code).toBe('cluster-api-down');
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });
    await place.cluster.api('DELETE', `${path}/${name}`);
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged, { timeoutMs: 30_000 });
  });
});
