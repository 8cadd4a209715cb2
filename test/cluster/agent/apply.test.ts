import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { configMap, dataOf, definition, deployment, flux, managersOf, manifest, usePlace } from './app.ts';

const place = usePlace();

describe.concurrent('what is applied', () => {
  it('carries the owner labels beside its own, under the field manager of Flux alone', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }, { labels: { own: 'yes' } }) }),
    });
    const object = await app.get('configmaps/a');
    expect(object?.metadata['labels']).toEqual({
      own: 'yes',
      [flux('name')]: 'app',
      [flux('namespace')]: 'flux-system',
    });
    expect(managersOf(object)).toEqual(['kustomize-controller/Apply']);
    expect(app.status().inventory).toEqual([{ id: `${app.ns}_a__ConfigMap`, v: 'v1' }]);
  });

  it('of a kind without namespaces has none in its id, is healed and pruned, whatever is written into it', async () => {
    const group = (ns: string): string => `bare-${ns}.example.com`;
    const crd = (ns: string): string => definition(group(ns)).replace('"Namespaced"', '"Cluster"');
    const app = await place.app({ files: (ns) => ({ 'crd.yaml': crd(ns) }) });
    const { ns } = app;
    const one = manifest(`${group(ns)}/v1`, 'Widget', { name: 'one', namespace: ns }, { spec: { size: 1 } });
    await app.applied({ 'one.yaml': one });
    const id = `_one_${group(ns)}_Widget`;
    expect(app.status().inventory.map((entry: { readonly id: string }) => entry.id)).toContain(id);
    const path = `/apis/${group(ns)}/v1/widgets/one`;
    const uid = (await app.get(path))?.metadata['uid'];
    // Its kind is new here: what is deleted before its watch has begun is another case.
    await sleep(2_000);
    await app.remove(path);
    await until(async () => ![undefined, uid].includes((await app.get(path))?.metadata['uid'] as string | undefined), {
      within: 20_000,
    });
    await app.applied({ 'one.yaml': null });
    expect(await app.get(path)).toBeUndefined();
  });

  it('comes in the order it needs: definition, Namespace, class and account before what uses them', async () => {
    const app = await place.app({
      files: (ns) => ({
        '1-user.yaml': manifest(
          'v1',
          'Pod',
          { name: 'runner', namespace: `${ns}-new` },
          {
            spec: {
              priorityClassName: `${ns}-high`,
              serviceAccountName: 'sa',
              containers: [{ name: 'c', image: 'pause' }],
            },
          },
        ),
        '2-widget.yaml': manifest(
          `${ns}.example.com/v1`,
          'Widget',
          { name: 'one', namespace: `${ns}-new` },
          { spec: { size: 1 } },
        ),
        '3-account.yaml': manifest('v1', 'ServiceAccount', { name: 'sa', namespace: `${ns}-new` }),
        '4-class.yaml': manifest('scheduling.k8s.io/v1', 'PriorityClass', { name: `${ns}-high` }, { value: 1234 }),
        '5-crd.yaml': definition(`${ns}.example.com`),
        '6-ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-new` }),
      }),
    });
    expect(await app.get(`/api/v1/namespaces/${app.ns}-new/pods/runner`)).toMatchObject({ spec: { priority: 1234 } });
    const widget = `/apis/${app.ns}.example.com/v1/namespaces/${app.ns}-new/widgets/one`;
    expect(await app.get(widget)).toMatchObject({ spec: { size: 1 } });

    // A field that the definition gets in the same commit may be used at once.
    await app.applied({
      '5-crd.yaml': definition(`${app.ns}.example.com`, { size: { type: 'integer' }, colour: { type: 'string' } }),
      '2-widget.yaml': manifest(
        `${app.ns}.example.com/v1`,
        'Widget',
        { name: 'one', namespace: `${app.ns}-new` },
        {
          spec: { size: 1, colour: 'red' },
        },
      ),
    });
    expect(await app.get(widget)).toMatchObject({ spec: { size: 1, colour: 'red' } });

    await app.applied({ '5-crd.yaml': null, '2-widget.yaml': null });
    await until(async () => (await app.get(widget)) === undefined);
  });

  it('loses the fields that leave Git and keeps those of others', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { stays: '1', goes: '1' }) }) });
    await app.patch('configmaps/a', { data: { theirs: 'x' } }, { query: '?fieldManager=operator' });
    await app.applied({ 'a.yaml': configMap(app.ns, 'a', { stays: '1' }) });
    expect(await dataOf(app, 'a')).toEqual({ stays: '1', theirs: 'x' });
  });

  it('leaves out a field that a built-in kind does not have, and refuses it in a custom resource', async () => {
    const app = await place.app({
      files: (ns) => ({
        'web.yaml': deployment(ns, 'web', {}, { replica: 3, paused: true }),
        'crd.yaml': definition(`${ns}.example.com`),
      }),
    });
    expect(await app.get('deployments/web')).toMatchObject({ spec: { paused: true } });
    await app.applied({ 'web.yaml': deployment(app.ns, 'web', {}, { replica: 3, paused: false, strategi: {} }) });
    expect((await app.get('deployments/web'))?.['spec']).not.toHaveProperty('replica');
    await app.commit({
      'w.yaml': manifest(
        `${app.ns}.example.com/v1`,
        'Widget',
        { name: 'w', namespace: app.ns },
        { spec: { sizee: 1 } },
      ),
    });
    await app.reason(/ReconciliationFailed: .*Widget\/.*\/w.*sizee/);
  });

  it('fails where a namespaced object has no namespace', async () => {
    const app = await place.app({
      files: () => ({ 'a.yaml': manifest('v1', 'ConfigMap', { name: 'nowhere' }) }),
      wait: false,
    });
    await app.reason(/ReconciliationFailed: .*namespace/);
  });

  it('settles for kinds whose values the API server rewrites', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': [
          deployment(
            ns,
            'web',
            {
              containers: [{ name: 'c', image: 'pause', resources: { limits: { cpu: '1000m', memory: '1024Mi' } } }],
            },
            { replicas: 0 },
          ),
          manifest(
            'v1',
            'Service',
            { name: 'web', namespace: ns },
            { spec: { ports: [{ port: 80 }], selector: { app: 'web' } } },
          ),
          manifest('v1', 'Secret', { name: 's', namespace: ns, creationTimestamp: null }, { stringData: { k: 'v' } }),
          manifest(
            'networking.k8s.io/v1',
            'NetworkPolicy',
            { name: 'n', namespace: ns },
            { spec: { podSelector: {} } },
          ),
          manifest(
            'policy/v1',
            'PodDisruptionBudget',
            { name: 'p', namespace: ns },
            {
              spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
            },
          ),
        ].join('\n---\n'),
      }),
    });
    const mark = place.cluster.auditMark();
    app.agent.loop.nudge(undefined);
    app.agent.loop.nudge(undefined);
    await until(() => app.agent.loop.quiet() && app.repo.totals().requests > 2);
    expect(place.cluster.audited({ user: app.user, since: mark, verb: 'patch' })).toEqual([]);
    expect(app.status()).toMatchObject({ converged: true, drift: { healed: 0 } });
  });
});

describe.concurrent('objects that somebody made before', () => {
  const by = (manager: string, how: 'apply' | 'create'): string =>
    how === 'apply' ? `?fieldManager=${manager}&force=true` : `?fieldManager=${manager}`;
  const adopted = async (make: (ns: string, path: string) => Promise<unknown>) => {
    const ns = await place.cluster.namespace('adopt');
    const path = `/api/v1/namespaces/${ns}/configmaps`;
    await make(ns, path);
    const uid = (await place.cluster.get(`${path}/a`))?.metadata['uid'];
    await place.app({ files: () => ({ 'a.yaml': configMap(ns, 'a', { key: 'one' }) }) });
    const object = await place.cluster.get(`${path}/a`);
    expect(object?.metadata['uid']).toBe(uid);
    return object;
  };

  it('by kubectl apply are taken over: extra fields and the annotation of kubectl go', async () => {
    const object = await adopted((ns, path) =>
      place.cluster.api('POST', path + by('kubectl-client-side-apply', 'create'), {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'a',
          namespace: ns,
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        },
        data: { key: 'old', extra: 'x' },
      }),
    );
    expect(object?.['data']).toEqual({ key: 'one' });
    expect(object?.metadata['annotations']).toBeUndefined();
    expect(managersOf(object)).toEqual(['kustomize-controller/Apply']);
  });

  it('by kubectl apply --server-side are taken over in the same way', async () => {
    const object = await adopted((ns, path) =>
      place.cluster.api('PATCH', `${path}/a${by('kubectl', 'apply')}`, configMap(ns, 'a', { key: 'old', extra: 'x' }), {
        type: 'apply',
      }),
    );
    expect(object?.['data']).toEqual({ key: 'one' });
    expect(managersOf(object)).toEqual(['kustomize-controller/Apply']);
  });

  it('without any field owner are taken over: before-first-apply and its fields go', async () => {
    const object = await adopted(async (ns, path) => {
      await place.cluster.api('POST', path, JSON.parse(configMap(ns, 'a', { key: 'old', extra: 'x' })));
      await place.cluster.api('PATCH', `${path}/a`, { metadata: { managedFields: [{}] } });
      expect((await place.cluster.get(`${path}/a`))?.metadata['managedFields']).toBeUndefined();
    });
    expect(object?.['data']).toEqual({ key: 'one' });
    expect(managersOf(object)).toEqual(['kustomize-controller/Apply']);
  });

  it('by another controller keep its other fields', async () => {
    const object = await adopted((ns, path) =>
      place.cluster.api(
        'POST',
        path + by('operator', 'create'),
        JSON.parse(configMap(ns, 'a', { key: 'old', extra: 'x' })),
      ),
    );
    expect(object?.['data']).toEqual({ key: 'one', extra: 'x' });
  });
});

describe.concurrent('annotations of an object', () => {
  const marked = (ns: string, name: string, data: Record<string, string>, key: string, value: string): string =>
    configMap(ns, name, data, { annotations: { [flux(key)]: value } });

  it('ssa: Merge keeps what kubectl added, until it is gone', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': marked(ns, 'a', { key: 'one' }, 'ssa', 'Merge') }) });
    await app.patch('configmaps/a', { data: { mine: 'x' } }, { query: '?fieldManager=kubectl-edit' });
    await app.applied({ 'a.yaml': marked(app.ns, 'a', { key: 'two' }, 'ssa', 'Merge') });
    expect(await dataOf(app, 'a')).toEqual({ key: 'two', mine: 'x' });
    await app.applied({ 'a.yaml': configMap(app.ns, 'a', { key: 'two' }) });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"key":"two"}');
  });

  it('ssa: IfNotPresent creates and never updates; removed, it is made again', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': marked(ns, 'a', { key: 'one' }, 'ssa', 'ifnotpresent') }),
    });
    await app.applied({ 'a.yaml': marked(app.ns, 'a', { key: 'two' }, 'ssa', 'IfNotPresent') });
    await app.patch('configmaps/a', { data: { key: 'mine' } }, { query: '?fieldManager=operator' });
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await app.applied({ 'b.yaml': configMap(app.ns, 'b', {}) });
    expect(await dataOf(app, 'a')).toEqual({ key: 'mine' });
    await app.remove('configmaps/a');
    await until(async () => (await dataOf(app, 'a')) !== undefined);
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"key":"two"}');
    await app.applied({ 'a.yaml': null });
    expect(await dataOf(app, 'a')).toBeUndefined();
  });

  it('ssa: IfNotPresent leaves alone what was there before, whoever made it', async () => {
    const ns = await place.cluster.namespace('there');
    await place.cluster.api(
      'POST',
      `/api/v1/namespaces/${ns}/configmaps`,
      JSON.parse(configMap(ns, 'a', { key: 'mine' })),
    );
    const app = await place.app({
      files: () => ({ 'a.yaml': marked(ns, 'a', { key: 'one' }, 'ssa', 'IfNotPresent') }),
    });
    expect((await place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/a`))?.['data']).toEqual({ key: 'mine' });
    await app.applied({ 'a.yaml': null });
    expect(await place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/a`)).toBeDefined();
  });

  it('ssa: Ignore neither creates, nor updates, nor prunes', async () => {
    const ns = await place.cluster.namespace('ignored');
    const path = `/api/v1/namespaces/${ns}/configmaps`;
    await place.cluster.api('POST', path, JSON.parse(configMap(ns, 'mine', { key: 'mine' })));
    const app = await place.app({
      files: (own) => ({
        'a.yaml': marked(ns, 'mine', { key: 'one' }, 'ssa', 'Ignore'),
        'b.yaml': marked(ns, 'never', { key: 'one' }, 'ssa', 'Ignore'),
        'c.yaml': configMap(own, 'c', {}),
      }),
    });
    expect((await place.cluster.get(`${path}/mine`))?.['data']).toEqual({ key: 'mine' });
    expect(await place.cluster.get(`${path}/never`)).toBeUndefined();
    await app.applied({ 'a.yaml': null, 'b.yaml': null });
    expect(await place.cluster.get(`${path}/mine`)).toBeDefined();
  });

  it('reconcile: disabled in Git: neither created nor updated, and pruned as what was applied before', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'still', { key: 'one' }),
        'b.yaml': configMap(ns, 'other', { key: 'one' }),
      }),
    });
    await app.applied({
      'a.yaml': marked(app.ns, 'still', { key: 'two' }, 'reconcile', 'Disabled'),
      'n.yaml': marked(app.ns, 'never', { key: 'two' }, 'reconcile', 'disabled'),
      'b.yaml': configMap(app.ns, 'other', { key: 'two' }),
    });
    expect(await dataOf(app, 'still')).toEqual({ key: 'one' });
    expect(await dataOf(app, 'never')).toBeUndefined();
    expect(await dataOf(app, 'other')).toEqual({ key: 'two' });
    await app.applied({ 'a.yaml': null, 'n.yaml': null });
    expect(await dataOf(app, 'still')).toBeUndefined();
  });

  it('reconcile: disabled in the cluster stops updates and corrections until it is removed', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'pinned', { key: 'one' }),
        'b.yaml': configMap(ns, 'other', { key: 'one' }),
      }),
    });
    const set = (value: string | null, data = {}) =>
      app.patch(
        'configmaps/pinned',
        { metadata: { annotations: { [flux('reconcile')]: value } }, data },
        {
          query: '?fieldManager=operator',
        },
      );
    await set('disabled', { key: 'mine' });
    await app.applied({
      'a.yaml': configMap(app.ns, 'pinned', { key: 'two' }),
      'b.yaml': configMap(app.ns, 'other', { key: 'two' }),
    });
    expect(await dataOf(app, 'other')).toEqual({ key: 'two' });
    expect(await dataOf(app, 'pinned')).toEqual({ key: 'mine' });
    await set(null);
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await until(async () => JSON.stringify(await dataOf(app, 'pinned')) === '{"key":"two"}');
  });
});
