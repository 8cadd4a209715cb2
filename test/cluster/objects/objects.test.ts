import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import {
  conditionOf,
  configMap,
  git,
  installDefinitions,
  isReady,
  kustomization,
  messageOf,
  type Site,
  type SiteOptions,
  startSite,
} from './site.ts';

const FINALIZER = 'finalizers.fluxcd.io';

describe('Flux objects of the cluster', () => {
  let cluster: ClusterAccess;
  let site: Site;
  const start = async (options?: SiteOptions): Promise<Site> => {
    site = await startSite(cluster, options);
    return site;
  };
  const dataOf = async (name: string): Promise<unknown> => (await site.get('ConfigMap', name))?.['data'];
  const gone = (kind: string, name = 'app'): Promise<unknown> =>
    until(async () => (await site.get(kind, name)) === undefined, { within: 20_000, what: `${kind} ${name} is gone` });

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
  });
  afterEach(() => site.stop());
  afterAll(() => cluster.stop());

  it('are applied, and tell of it by status, finalizer and events', async () => {
    await start();
    const app = await site.reaches('Kustomization', isReady);
    const source = await site.reaches('GitRepository', isReady);
    const revision = textAt(source['status'], 'artifact', 'revision');
    expect(revision).toMatch(/^main@sha1:[0-9a-f]{40}$/);
    expect(app['status']).toMatchObject({
      lastAppliedRevision: revision,
      lastAttemptedRevision: revision,
      inventory: { entries: [{ id: `${site.ns}_a__ConfigMap`, v: 'v1' }] },
      history: [{ lastReconciledStatus: 'ReconciliationSucceeded', totalReconciliations: 1, metadata: { revision } }],
    });
    expect([conditionOf(app), conditionOf(source), conditionOf(source, 'ArtifactInStorage')]).toEqual([
      'True/ReconciliationSucceeded',
      'True/Succeeded',
      'True/Succeeded',
    ]);
    expect([app.metadata['finalizers'], source.metadata['finalizers']]).toEqual([[FINALIZER], [FINALIZER]]);
    await until(async () => (await site.events()).length >= 3);
    const events = (await site.events()).join('\n');
    expect(events).toMatch(/GitRepository Normal NewArtifact: stored artifact for commit '/);
    expect(events).toContain(`Kustomization Normal Progressing: ConfigMap/${site.ns}/a created`);
    expect(events).toMatch(
      /Kustomization Normal ReconciliationSucceeded: Reconciliation finished in .*, next run in 1h0m0s/,
    );
  });

  it('are not written to while nothing is new, and once for each that moves', async () => {
    await start({
      seeds: (ns, url) => [
        git(ns, url),
        kustomization(ns, { path: './a', interval: '1s' }),
        kustomization(ns, { path: './b', interval: '1s' }, 'b'),
      ],
      files: (ns) => ({ 'a/a.yaml': configMap(ns, 'a', { v: '1' }), 'b/b.yaml': configMap(ns, 'b', { v: '1' }) }),
    });
    await site.reaches('Kustomization', isReady);
    await site.reaches('Kustomization', isReady, 'b');
    const writes = (since: number): readonly string[] =>
      cluster
        .audited({ since, user: `agent-${site.ns}` })
        .filter((one) => one.verb !== 'watch' && one.verb !== 'list' && one.verb !== 'get')
        .map((one) => `${one.verb} ${one.resource}${one.subresource === '' ? '' : `/${one.subresource}`} ${one.name}`);
    await until(() => site.agent.loop.quiet());
    const still = cluster.auditMark();
    const runs = site.agent.loop.runs();
    await until(() => site.agent.loop.runs() >= runs + 4, { within: 15_000 });
    expect(writes(still)).toEqual([]);
    const before = cluster.auditMark();
    const sha = await site.repo.commit({ 'b/b.yaml': configMap(site.ns, 'b', { v: '2' }) });
    site.agent.loop.nudge(`GitRepository/${site.ns}/app`);
    const at = (object: { readonly [key: string]: unknown }): boolean =>
      textAt(object['status'] as JsonObject, 'lastAppliedRevision') === `main@sha1:${sha}`;
    await site.reaches('Kustomization', at);
    await site.reaches('Kustomization', at, 'b');
    // The API server writes its log a little after it has answered.
    for (const one of ['gitrepositories/status app', 'kustomizations/status app', 'kustomizations/status b'])
      await until(() => writes(before).includes(`patch ${one}`));
    const seen = writes(before).filter((one) => !one.includes('events'));
    expect(seen.filter((one) => one.includes('configmaps a'))).toEqual([]);
    expect(seen.filter((one) => one === 'patch kustomizations/status app')).toHaveLength(1);
    expect(seen.filter((one) => one === 'patch kustomizations/status b')).toHaveLength(1);
    expect(seen.filter((one) => one === 'patch gitrepositories/status app')).toHaveLength(1);
  });

  it('keep what is changed by hand after they were suspended, and cost two requests a correction otherwise', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    const edit = (v: string) => site.patch('ConfigMap', 'a', { data: { v } });
    const value = async () => textAt(await site.get('ConfigMap', 'a'), 'data', 'v');
    for (const round of ['x', 'y', 'z']) {
      await site.patch('Kustomization', 'app', { spec: { suspend: true } });
      await edit(round);
      await sleep(700);
      expect(await value()).toBe(round);
      await site.patch('Kustomization', 'app', { spec: { suspend: false } });
      await until(async () => (await value()) === '1');
    }
    await site.reaches('Kustomization', isReady);
    await until(() => site.agent.loop.quiet());
    const mark = cluster.auditMark();
    await edit('by hand');
    await until(async () => (await value()) === '1');
    const asked = (): readonly string[] =>
      cluster
        .audited({ since: mark, user: `agent-${site.ns}` })
        // What is told of the runs before comes when it comes.
        .filter((one) => one.verb !== 'watch' && one.resource !== 'events')
        .map((one) => `${one.verb} ${one.resource}/${one.name}`);
    await until(() => asked().length > 1);
    expect(asked()).toEqual(['get kustomizations/app', 'patch configmaps/a']);
  });

  it('that are deleted take along what they applied, as their policy says', async () => {
    await start({
      seeds: (ns, url) => [
        git(ns, url),
        kustomization(ns),
        kustomization(ns, { path: './keep', prune: false }, 'keep'),
        kustomization(ns, { path: './orphan', deletionPolicy: 'Orphan' }, 'orphan'),
        kustomization(ns, { path: './all', prune: false, deletionPolicy: 'Delete' }, 'all'),
        kustomization(ns, { path: './still' }, 'still'),
      ],
      files: (ns) => ({
        'kustomization.yaml': 'resources: [a.yaml]',
        'a.yaml': configMap(ns, 'a', { v: '1' }),
        ...Object.fromEntries(
          ['keep', 'orphan', 'all', 'still'].map((name) => [`${name}/x.yaml`, configMap(ns, name, { v: '1' })]),
        ),
      }),
    });
    for (const name of ['app', 'keep', 'orphan', 'all', 'still']) await site.reaches('Kustomization', isReady, name);
    await site.patch('Kustomization', 'still', { spec: { suspend: true } });
    for (const name of ['app', 'keep', 'orphan', 'all', 'still']) await site.remove('Kustomization', name);
    for (const name of ['app', 'keep', 'orphan', 'all', 'still']) await gone('Kustomization', name);
    await gone('ConfigMap', 'a');
    await gone('ConfigMap', 'all');
    for (const name of ['keep', 'orphan', 'still']) expect(await dataOf(name)).toEqual({ v: '1' });
    await until(async () => (await site.events()).some((one) => one.includes(`ConfigMap/${site.ns}/a deleted`)));
  });

  it('wait for what ends slowly, where they are asked to', async () => {
    await start({ seeds: (ns, url) => [git(ns, url), kustomization(ns, { deletionPolicy: 'WaitForTermination' })] });
    await site.reaches('Kustomization', isReady);
    await site.patch('ConfigMap', 'a', { metadata: { finalizers: ['test.example/hold'] } });
    await site.remove('Kustomization');
    await until(async () => (await site.get('ConfigMap', 'a'))?.metadata['deletionTimestamp'] !== undefined);
    expect(await site.get('Kustomization')).toBeDefined();
    await site.patch('ConfigMap', 'a', { metadata: { finalizers: null } });
    await gone('Kustomization');
  });

  it('that others hold as well are settled once, and stay so over a restart', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    await site.patch('Kustomization', 'app', { metadata: { finalizers: [FINALIZER, 'test.example/hold'] } });
    await site.remove('Kustomization');
    await gone('ConfigMap', 'a');
    const finalizers = async () => (await site.get('Kustomization'))?.metadata['finalizers'];
    await until(async () => JSON.stringify(await finalizers()) === '["test.example/hold"]');
    await site.restart();
    await site.reconcile('GitRepository');
    await until(() => site.agent.loop.quiet() && site.agent.loop.status().kustomizations.length === 0);
    expect(await site.get('ConfigMap', 'a')).toBeUndefined();
    await site.patch('Kustomization', 'app', { metadata: { finalizers: null } });
    await gone('Kustomization');
  });

  it('run when a Secret or ConfigMap that they name and that is labelled so changes', async () => {
    await start({
      seeds: (ns, url) => [
        git(ns, url),
        kustomization(ns, { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] } }),
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'vars', namespace: ns, labels: { 'reconcile.fluxcd.io/watch': 'Enabled' } },
          data: { v: 'one' },
        },
      ],
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '${v}' }) }),
    });
    await site.reaches('Kustomization', isReady);
    expect(await dataOf('a')).toEqual({ v: 'one' });
    await site.patch('ConfigMap', 'vars', { data: { v: 'two' } });
    const shows = (v: string) => until(async () => textAt(await site.get('ConfigMap', 'a'), 'data', 'v') === v);
    await shows('two');
    // Another value of the label, as no label, asks for nothing any more; a deletion is a change.
    const label = (value: string | null) => ({ metadata: { labels: { 'reconcile.fluxcd.io/watch': value } } });
    for (const value of ['Disabled', null]) {
      await site.patch('ConfigMap', 'vars', { ...label(value), data: { v: `with ${value}` } });
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(await dataOf('a')).toEqual({ v: value === null ? 'three' : 'two' });
      await site.patch('ConfigMap', 'vars', { ...label('Enabled'), data: { v: 'three' } });
      await shows('three');
    }
    await site.remove('ConfigMap', 'vars');
    await site.reaches('Kustomization', (one) => conditionOf(one, 'Ready') === 'False/BuildFailed');
  });

  it('with a field that is not built yet, or that cannot be read, say so', async () => {
    await start({
      seeds: (ns, url) => [
        git(ns, url),
        kustomization(ns),
        {
          apiVersion: 'source.toolkit.fluxcd.io/v1',
          kind: 'OCIRepository',
          metadata: { name: 'app', namespace: ns },
          spec: { url: 'oci://e.example.com/b', interval: '1m', provider: 'aws' },
        },
      ],
    });
    const clouded = await site.reaches(
      'OCIRepository',
      (one) => conditionOf(one, 'Stalled') === 'True/FeatureNotSupported',
    );
    expect(messageOf(clouded)).toMatch(/spec\.provider .*not built yet/);
    await site.reaches('Kustomization', isReady);
    await site.patch('GitRepository', 'app', { spec: { sparseCheckout: ['../out'] } });
    const broken = await site.reaches('GitRepository', (one) => conditionOf(one, 'Stalled') === 'True/InvalidSpec');
    expect(messageOf(broken)).toMatch(/spec\.sparseCheckout\[0\]: leads out of the source/);
    // Who asks for a run is answered: `flux reconcile` would wait for ever.
    expect(conditionOf(await site.reconcile('GitRepository'), 'Stalled')).toBe('True/InvalidSpec');
    // Its last good state stays in use.
    await cluster.api('DELETE', site.path('ConfigMap', 'a'));
    await until(async () => (await site.get('ConfigMap', 'a')) !== undefined);
    await site.patch('GitRepository', 'app', { spec: { sparseCheckout: null } });
    await site.reaches('GitRepository', isReady);
  });

  it('that a file declares as well are left to the file, and both are named; they are taken up when it goes', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    const twin = {
      ...kustomization(site.ns),
      spec: { ...(kustomization(site.ns)['spec'] as JsonObject), suspend: true },
    };
    site.agent.declare(JSON.stringify(twin));
    const { problems } = site.agent.loop.status();
    expect(problems.map((one) => one.message).join()).toMatch(/declared in test\.yaml:1 and in the cluster/);
    await site.patch('Kustomization', 'app', { spec: { interval: '2h' } });
    const refused = await site.reaches('Kustomization', (one) => conditionOf(one, 'Stalled').startsWith('True/'));
    expect(messageOf(refused)).toMatch(/declared in test\.yaml:1 and in the cluster: the file is used/);
    // No watch tells of the object again: nothing of it changes when the file goes.
    site.agent.declare('');
    const app = await site.reaches('Kustomization', isReady);
    expect(conditionOf(app, 'Stalled')).toBe('');
    expect(site.agent.loop.status().problems).toEqual([]);
    expect(site.agent.kustomization().suspended).toBe(false);
  });

  it('that a file declares as well may be deleted: what the file declares goes on', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    site.agent.declare(JSON.stringify(kustomization(site.ns)));
    await site.remove('Kustomization');
    await gone('Kustomization');
    await until(() => site.agent.loop.status().problems.length === 0);
    expect(await dataOf('a')).toEqual({ v: '1' });
    await site.remove('ConfigMap', 'a');
    await until(async () => (await site.get('ConfigMap', 'a')) !== undefined);
  });

  it('are known again after a restart without a write, and followed', async () => {
    await start({ advertise: 'http://artifacts.test' });
    await site.reaches('Kustomization', isReady);
    await site.reaches('GitRepository', isReady);
    await until(() => site.agent.loop.quiet());
    const before = [await site.get('Kustomization'), await site.get('GitRepository')];
    await site.restart();
    await until(() => site.agent.loop.status().kustomizations[0]?.converged === true);
    const sha = await site.repo.commit({ 'b.yaml': configMap(site.ns, 'b', { v: '1' }) });
    expect([await site.get('Kustomization'), await site.get('GitRepository')]).toEqual(before);
    await site.reconcile('GitRepository');
    await site.reaches('Kustomization', (one) => textAt(one['status'], 'lastAppliedRevision') === `main@sha1:${sha}`);
  });

  it('that another agent has looked after are adopted by their inventory: nothing is rewritten, what left Git is pruned', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    await site.repo.commit({ 'a.yaml': null, 'b.yaml': configMap(site.ns, 'b', { v: '1' }) });
    await site.reconcile('GitRepository');
    await gone('ConfigMap', 'a');
    await site.reaches('Kustomization', isReady);
    await site.agent.stop();
    // What an agent on another disk finds: the inventory names an object that is no longer in Git.
    await cluster.api('POST', site.path('ConfigMap', '').slice(0, -1), {
      metadata: {
        name: 'old',
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': site.ns },
      },
    });
    const app = await site.get('Kustomization');
    const entries = [...listAt(app?.['status'], 'inventory', 'entries'), { id: `${site.ns}_old__ConfigMap`, v: 'v1' }];
    await cluster.api('PATCH', `${site.path('Kustomization', 'app')}/status`, { status: { inventory: { entries } } });
    const version = (await site.get('ConfigMap', 'b'))?.metadata['resourceVersion'];
    const other = await startSite(cluster, { clusterObjects: { namespaces: [site.ns], labelSelector: '' } });
    await gone('ConfigMap', 'old');
    expect((await site.get('ConfigMap', 'b'))?.metadata['resourceVersion']).toBe(version);
    await other.stop();
  });
});
