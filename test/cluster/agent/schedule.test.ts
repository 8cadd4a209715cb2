import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, manifest, usePlace } from './app.ts';

const place = usePlace();

const lines = (app: App, msg: string, more: Record<string, unknown> = {}): number =>
  app.agent.lines.filter(
    (line) => line['msg'] === msg && Object.entries(more).every(([key, value]) => line[key] === value),
  ).length;
const asked = (token: string) => ({ annotations: { 'reconcile.fluxcd.io/requestedAt': token } });

/** A further Kustomization, `base`, of the same source. */
const other = (path: string): string[] => [
  manifest(
    'kustomize.toolkit.fluxcd.io/v1',
    'Kustomization',
    { name: 'base', namespace: 'flux-system' },
    {
      spec: {
        interval: '1h',
        retryInterval: '1s',
        prune: true,
        path,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      },
    },
  ),
];

describe.concurrent('a source', () => {
  it('is fetched at its interval, and a new commit is applied without any request', async () => {
    const app = await place.app({ source: { interval: '1s' } });
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"2"}', { within: 4_000 });
    // While it is being fetched the next time is not known.
    const next = (): number => Date.parse(app.agent.loop.status().sources[0]?.nextFetchAt ?? '');
    await until(() => next() <= Date.now() + 1_100);
  });

  it('is fetched when its annotation asks, when all are told to look, and when its spec changes', async () => {
    const app = await place.app();
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    app.spec({}, asked('token-1'));
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"2"}');
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '3' }) });
    expect(app.agent.loop.nudge(undefined)).toBe(true);
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"3"}');
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '4' }) }, { branch: 'other' });
    app.spec({}, { source: { ref: { branch: 'other' } }, ...asked('token-1') });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"4"}');
    expect(app.agent.loop.nudge('GitRepository/flux-system/none')).toBe(false);
  });

  it('that is suspended takes no commit and goes on serving; resumed, it does', async () => {
    const app = await place.app();
    app.spec({}, { source: { suspend: true } });
    await app.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"1"}');
    expect(app.agent.loop.status().sources[0]).toMatchObject({ suspended: true });
    app.spec({}, { source: {} });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"2"}');
  });

  it('is fetched by its cron expression instead of its interval', async () => {
    const app = await place.app({
      source: { interval: '1h' },
      settings: {
        schedules: [{ source: 'GitRepository/flux-system/app', cron: '*/2 * * * * *', timeZone: 'Europe/Berlin' }],
      },
    });
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"2"}', { within: 6_000 });
  });

  it('that fails is tried again sooner than its interval, logged once and counted', async () => {
    const app = await place.app();
    app.repo.fault({ status: 503 });
    app.agent.loop.nudge('GitRepository/flux-system/app');
    const source = () => app.agent.loop.status().sources[0];
    await until(() => (source()?.failures ?? 0) >= 3);
    expect(source()).toMatchObject({ ready: 'False', link: { state: 'up' } });
    expect(source()?.notConverged?.reason).toBe('GitOperationFailed');
    expect(lines(app, 'not converged', { source: 'GitRepository/flux-system/app' })).toBe(1);
    expect(app.status()).toMatchObject({ ready: 'True', converged: true });
    app.repo.fault();
    await until(() => source()?.failures === 0, { within: 15_000 });
    expect(lines(app, 'source recovered')).toBe(1);
  });
});

describe.concurrent('a Kustomization', () => {
  it('runs again at retryInterval after a failure, logged once and counted', async () => {
    const app = await place.app({ spec: { retryInterval: '1s' } });
    const owned = manifest('v1', 'ConfigMap', { name: 'late', namespace: `${app.ns}-late` }, { data: {} });
    const wanted = await app.commit({ 'late.yaml': owned });
    await app.reason(/ReconciliationFailed: .*late/);
    await until(() => lines(app, 'still not converged') >= 1, { within: 5_000 });
    await place.cluster.api('POST', '/api/v1/namespaces', { metadata: { name: `${app.ns}-late` } });
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged, { timeoutMs: 5_000 });
    expect(lines(app, 'not converged', { code: 'apply-refused' })).toBe(1);
    expect(lines(app, 'recovered')).toBe(1);
  });

  it('runs when its annotation asks, and an annotation of others starts nothing', async () => {
    const app = await place.app();
    const runs = (): number => app.agent.loop.runs();
    await until(() => app.agent.loop.quiet());
    const before = runs();
    app.spec({}, { annotations: { 'example.com/note': 'x' } });
    // What is woken counts as running at once.
    expect([app.agent.loop.quiet(), runs()]).toEqual([true, before]);
    app.spec({}, asked('token-7'));
    await until(() => runs() > before);
  });

  it('that is suspended applies no commit and heals no drift; resumed, both', async () => {
    const path = './app';
    const app = await place.app({
      spec: { path },
      more: () => other('./base'),
      files: (ns) => ({
        'app/a.yaml': configMap(ns, 'a', { v: '1' }),
        'app/b.yaml': configMap(ns, 'b', {}),
        'base/seen.yaml': configMap(ns, 'seen', { v: '1' }),
      }),
    });
    app.spec({ path, suspend: true });
    const wanted = await app.commit({ 'app/b.yaml': null, 'app/c.yaml': configMap(app.ns, 'c', {}) });
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted, { name: 'base' });
    for (const name of ['a', 'seen'])
      await app.patch(`configmaps/${name}`, { data: { v: 'x' } }, { query: '?fieldManager=operator' });
    // The same watch has shown both, in this order.
    await until(async () => JSON.stringify(await dataOf(app, 'seen')) === '{"v":"1"}');
    await until(() => app.agent.loop.quiet());
    expect(await dataOf(app, 'a')).toEqual({ v: 'x' });
    expect(await app.get('configmaps/b')).toBeDefined();
    expect(app.status()).toMatchObject({ suspended: true, nextRunAt: '' });
    app.spec({ path });
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    expect(await app.get('configmaps/b')).toBeUndefined();
  });

  it('that is suspended from the start does nothing', async () => {
    const app = await place.app({ spec: { suspend: true }, wait: false });
    await until(() => (app.agent.loop.status().sources[0]?.revision ?? '') !== '');
    await until(() => app.agent.loop.idle());
    expect(await app.get('configmaps/a')).toBeUndefined();
  });

  it('that is no longer declared leaves its objects as they are', async () => {
    const app = await place.app();
    app.agent.declare(
      manifest(
        'source.toolkit.fluxcd.io/v1',
        'GitRepository',
        { name: 'other', namespace: 'flux-system' },
        {
          spec: { url: app.repo.url, interval: '1h', ref: { branch: 'main' } },
        },
      ),
    );
    expect(app.agent.loop.status().kustomizations).toEqual([]);
    await app.remove('configmaps/a');
    await until(() => app.agent.loop.status().sources[0]?.ready === 'True' && app.agent.loop.quiet());
    expect(await app.get('configmaps/a')).toBeUndefined();
    app.spec({});
    await until(async () => (await app.get('configmaps/a')) !== undefined);
  });

  it('whose feature is not built yet stalls, and its old state is kept', async () => {
    const app = await place.app();
    app.spec({}, { source: { provider: 'azure' } });
    const stalled = () => app.agent.loop.status().sources[0]?.conditions.find(({ type }) => type === 'Stalled');
    await until(() => stalled()?.status === 'True');
    expect(stalled()?.message).toContain('spec.provider');
    expect(stalled()?.reason).toBe('FeatureNotSupported');
    // Nothing is waited for: only a change of the object helps.
    await until(() => app.agent.loop.idle());
    expect(app.agent.loop.status().sources[0]?.nextFetchAt).toBe('');
    await app.remove('configmaps/a');
    await until(async () => (await app.get('configmaps/a')) !== undefined);
    app.spec({}, { source: {} });
    await until(() => stalled() === undefined);
    await app.agent.reaches((s) => s.converged);
  });
});

describe.concurrent('dependsOn', () => {
  it('waits, says so, and starts as soon as what it waits for is ready', async () => {
    const app = await place.app({
      spec: { path: './app', retryInterval: '1h', dependsOn: [{ name: 'base' }] },
      more: () => other('./base'),
      files: (ns) => ({
        'app/a.yaml': configMap(ns, 'a', { v: '1' }),
        'base/b.yaml': manifest('v1', 'ConfigMap', { name: 'b', namespace: `${ns}-late` }, { data: {} }),
      }),
      wait: false,
    });
    const status = await app.reason(/DependencyNotReady: .*flux-system\/base/);
    expect(status.ready).toBe('False');
    expect(await app.get('configmaps/a')).toBeUndefined();
    await app.commit({ 'base/b.yaml': configMap(app.ns, 'b', {}) });
    await app.agent.reaches((s) => s.converged, { name: 'base' });
    const began = performance.now();
    await app.agent.reaches((s) => s.converged);
    // By itself it would be tried again after an hour.
    expect(performance.now() - began).toBeLessThan(10_000);

    // At a new revision of the common source the dependency goes first, and drift is healed meanwhile.
    await app.commit({
      'base/b.yaml': configMap(`${app.ns}-late`, 'b', {}),
      'app/a.yaml': configMap(app.ns, 'a', { v: '2' }),
    });
    await app.reason(/DependencyNotReady/);
    await app.remove('configmaps/a');
    await until(async () => (await app.get('configmaps/a')) !== undefined);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    await app.applied({ 'base/b.yaml': configMap(app.ns, 'b', {}) });
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });
  });

  it('on something that is not declared waits for it', async () => {
    const app = await place.app({ spec: { dependsOn: [{ name: 'nobody' }] }, wait: false });
    await app.reason(/DependencyNotReady: .*nobody/);
    app.spec({});
    await app.agent.reaches((s) => s.converged);
  });
});

describe.concurrent('two Kustomizations', () => {
  it('of one source follow a commit each, and an object that moves between them is kept', async () => {
    const app = await place.app({
      spec: { path: './one' },
      more: () => [
        manifest(
          'kustomize.toolkit.fluxcd.io/v1',
          'Kustomization',
          { name: 'two', namespace: 'flux-system' },
          {
            spec: { interval: '1h', prune: true, path: './two', sourceRef: { kind: 'GitRepository', name: 'app' } },
          },
        ),
      ],
      files: (ns) => ({
        'one/a.yaml': configMap(ns, 'moves', { v: '1' }),
        'one/b.yaml': configMap(ns, 'b', {}),
        'two/c.yaml': configMap(ns, 'c', {}),
      }),
    });
    await app.agent.reaches((s) => s.converged, { name: 'two' });
    const uid = (await app.get('configmaps/moves'))?.metadata['uid'];
    await app.applied({
      'two/a.yaml': configMap(app.ns, 'moves', { v: '2' }),
      'one/x.yaml': configMap(app.ns, 'x', {}),
    });
    await until(async () => JSON.stringify(await dataOf(app, 'moves')) === '{"v":"2"}');
    await app.applied({ 'one/a.yaml': null });
    await app.agent.reaches((s) => s.converged && s.lastAppliedRevision === app.status().lastAppliedRevision, {
      name: 'two',
    });
    await until(() => app.agent.loop.quiet());
    const object = await app.get('configmaps/moves');
    expect(object?.metadata['uid']).toBe(uid);
    expect(object?.metadata['labels']).toMatchObject({ 'kustomize.toolkit.fluxcd.io/name': 'two' });
  });

  it('that declare one object do not take it from each other again and again: the first says who has it', async () => {
    const app = await place.app({
      spec: { path: './one', interval: '1s' },
      more: () => [
        manifest(
          'kustomize.toolkit.fluxcd.io/v1',
          'Kustomization',
          { name: 'two', namespace: 'flux-system' },
          {
            spec: { interval: '1s', prune: true, path: './two', sourceRef: { kind: 'GitRepository', name: 'app' } },
          },
        ),
      ],
      files: (ns) => ({
        'one/a.yaml': configMap(ns, 'both', { v: '1' }),
        'one/b.yaml': configMap(ns, 'b', { v: '1' }),
        'two/c.yaml': configMap(ns, 'c', {}),
      }),
    });
    await app.agent.reaches((s) => s.converged, { name: 'two' });
    await app.commit({ 'two/a.yaml': configMap(app.ns, 'both', { v: '2' }) });
    const status = await app.reason(/ConfigMap\/.*\/both: Kustomization flux-system\/two declares it, too/);
    expect(status.notConverged?.code).toBe('owned-by-other');
    await app.agent.reaches((s) => s.converged, { name: 'two' });
    const version = (await app.get('configmaps/both'))?.metadata['resourceVersion'];
    const runs = app.agent.loop.runs();
    await until(() => app.agent.loop.runs() >= runs + 6);
    expect((await app.get('configmaps/both'))?.metadata['resourceVersion']).toBe(version);
    await app.commit({ 'one/a.yaml': null });
    await app.agent.reaches((s) => s.converged && s.inventory.length === 1);
    expect(await dataOf(app, 'both')).toEqual({ v: '2' });
  });
});
