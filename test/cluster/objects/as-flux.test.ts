import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at, type JsonObject, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
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

/** Each of these was seen on source-controller 1.9.1 and kustomize-controller 1.9.4 first. */
describe('what Flux does in corners', () => {
  let cluster: ClusterAccess;
  let site: Site;
  const start = async (options?: SiteOptions): Promise<Site> => {
    site = await startSite(cluster, options);
    return site;
  };
  const observed = (object: KubeObject): boolean =>
    at(object['status'], 'observedGeneration') === object.metadata['generation'];
  const service = (ns: string, spec: JsonObject): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: ns },
    spec: { ports: [{ port: 80 }], ...spec },
  });

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
  });
  afterEach(() => site.stop());
  afterAll(() => cluster.stop());

  it('a Kustomization that is suspended while it is ready stays so for those that depend on it', async () => {
    const files = (ns: string) => ({
      'a/a.yaml': configMap(ns, 'a', { v: '1' }),
      'b/b.yaml': configMap(ns, 'b', { v: '1' }),
    });
    const seeds = (ns: string, url: string) => [git(ns, url), kustomization(ns, { path: './a' })];
    await start({ files, seeds });
    await site.reaches('Kustomization', isReady);
    await site.patch('Kustomization', 'app', { spec: { suspend: true } });
    await site.patch('GitRepository', 'app', { spec: { suspend: true } });
    await site.reaches('Kustomization', (one) => isReady(one) && at(one, 'spec', 'suspend') === true);
    await site.reaches('GitRepository', observed);
    await site.apply(kustomization(site.ns, { path: './b', dependsOn: [{ name: 'app' }] }, 'late'));
    await site.reaches('Kustomization', isReady, 'late');
    expect(await site.get('ConfigMap', 'b')).toBeDefined();
  });

  it('who asks for a run is answered though the kubeconfig is gone, and told of the revision that was tried', async () => {
    const seeds = (ns: string, url: string) => [
      git(ns, url),
      kustomization(ns, { kubeConfig: { secretRef: { name: 'away' } } }),
    ];
    await start({ seeds });
    await site.reaches('GitRepository', isReady);
    const app = await site.reconcile('Kustomization');
    expect(conditionOf(app)).toBe('False/ReconciliationFailed');
    const source = await site.get('GitRepository');
    expect(at(app['status'], 'lastAttemptedRevision')).toBe(at(source?.['status'], 'artifact', 'revision'));
    expect(at(app['status'], 'history')).toBeUndefined();
  });

  it('events name the digest of the artifact and whose commit status to set; who asks in vain is told so', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    await site.reconcile('GitRepository');
    const digest = at((await site.get('GitRepository'))?.['status'], 'artifact', 'digest');
    const notes = async (reason: string): Promise<unknown> => {
      const { body } = await cluster.api('GET', `/api/v1/namespaces/${site.ns}/events`);
      return listAt(body, 'items').find((one) => textAt(one, 'reason') === reason);
    };
    await until(async () => (await notes('GitOperationSucceeded')) !== undefined, { within: 10_000 });
    expect(await notes('NewArtifact')).toMatchObject({
      metadata: { annotations: { 'source.toolkit.fluxcd.io/digest': digest } },
    });
    expect(await notes('ReconciliationSucceeded')).toMatchObject({
      metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/commit_status': 'update' } },
    });
    expect(await site.events()).toContainEqual(
      expect.stringMatching(
        /^GitRepository Normal GitOperationSucceeded: no changes since last reconciliation: observed/,
      ),
    );
  });

  it('a source tells of the artifacts that it includes, and of its spec as the artifact was made with it', async () => {
    const include = [{ repository: { name: 'other' }, fromPath: './', toPath: 'in' }];
    const seeds = (ns: string, url: string) => [
      git(ns, url, {}, 'other'),
      git(ns, url, { include }),
      kustomization(ns, { path: './in' }),
    ];
    await start({ seeds });
    const app = await site.reaches('GitRepository', (one) => at(one, 'status', 'includedArtifacts') !== undefined);
    const other = await site.reaches('GitRepository', isReady, 'other');
    expect(at(app['status'], 'includedArtifacts')).toEqual([at(other['status'], 'artifact')]);
    expect(at(app['status'], 'observedInclude')).toEqual(include);
    await site.patch('GitRepository', 'app', { spec: { ignore: '*.md', ref: { branch: 'gone' } } });
    const failed = await site.reaches('GitRepository', (one) => conditionOf(one) === 'False/GitOperationFailed');
    expect(at(failed['status'], 'observedIgnore')).toBeUndefined();
  });

  it('a check of a kind that nobody serves is waited for; suspended meanwhile, nobody waits any more', async () => {
    const check = { apiVersion: 'nowhere.example.com/v1', kind: 'Thing', name: 'one', namespace: 'default' };
    const seeds = (ns: string, url: string) => [git(ns, url), kustomization(ns, { healthChecks: [check] })];
    await start({ seeds });
    const waits = await site.reaches('Kustomization', (one) => conditionOf(one, 'Healthy') === 'Unknown/Progressing');
    expect(messageOf(waits, 'Healthy')).toMatch(/Thing\/default\/one status: 'Unknown'/);
    await site.patch('Kustomization', 'app', { spec: { suspend: true } });
    await site.reaches('Kustomization', (one) => conditionOf(one) === 'False/HealthCheckCanceled');
    await until(
      async () => (await site.events()).some((one) => /Normal HealthCheckCanceled: Health checks/.test(one)),
      {
        within: 10_000,
      },
    );
  });

  it('with wait, an object that something holds in deletion is not well', async () => {
    await start({ seeds: (ns, url) => [git(ns, url), kustomization(ns, { wait: true })] });
    await site.reaches('Kustomization', isReady);
    await site.patch('ConfigMap', 'a', { metadata: { finalizers: ['example.com/held'] } });
    await site.remove('ConfigMap', 'a');
    await site.reconcile('Kustomization');
    const waits = await site.reaches('Kustomization', (one) => conditionOf(one, 'Healthy') === 'Unknown/Progressing');
    expect(messageOf(waits, 'Healthy')).toContain("status: 'Terminating'");
    await site.patch('ConfigMap', 'a', { metadata: { finalizers: null } });
    await site.reaches('Kustomization', isReady);
  });

  it('what was not begun is not called attempted, and what made nothing has no inventory', async () => {
    const bad = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad' }, spec: { ports: [{ port: 0 }] } };
    const files = (ns: string) => ({
      'bad/s.yaml': JSON.stringify({ ...bad, metadata: { name: 'bad', namespace: ns } }),
    });
    const seeds = (ns: string, url: string) => [
      git(ns, url),
      kustomization(ns, { path: './none' }),
      kustomization(ns, { path: './bad' }, 'bad'),
    ];
    await start({ files, seeds });
    const none = await site.reaches('Kustomization', (one) => conditionOf(one) === 'False/ArtifactFailed');
    expect(at(none['status'], 'lastAttemptedRevision')).toBeUndefined();
    expect(at(none['status'], 'inventory')).toBeUndefined();
    const refused = await site.reaches(
      'Kustomization',
      (one) => conditionOf(one) === 'False/ReconciliationFailed',
      'bad',
    );
    expect(at(refused['status'], 'lastAttemptedRevision')).toMatch(/^main@sha1:/);
    expect(at(refused['status'], 'inventory')).toBeUndefined();
    await until(async () => (await site.events()).some((one) => /ArtifactFailed: .*none/.test(one)), {
      within: 10_000,
    });
  });

  it('annotations that are numbers or words in YAML are taken as they are written', async () => {
    const files = (ns: string) => ({
      'a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: ${ns}\n  annotations:\n    yes: true\n    size: 1.50\n`,
    });
    await start({ files });
    await site.reaches('Kustomization', isReady);
    expect((await site.get('ConfigMap', 'a'))?.metadata['annotations']).toMatchObject({ yes: 'true', size: '1.50' });
  });

  it('force replaces what the API server finds invalid in place, once the new object is proven', async () => {
    const files = (ns: string) => ({ 'a.yaml': JSON.stringify(service(ns, { clusterIP: 'None' })) });
    await start({ files });
    await site.reaches('Kustomization', isReady);
    await site.repo.commit({ 'a.yaml': JSON.stringify(service(site.ns, { clusterIP: '10.0.77.7' })) });
    await site.reconcile('GitRepository');
    await site.reaches('Kustomization', (one) => conditionOf(one) === 'False/ReconciliationFailed');
    await site.patch('Kustomization', 'app', { spec: { force: true } });
    await site.reaches('Kustomization', isReady);
    const path = `/api/v1/namespaces/${site.ns}/services/web`;
    expect(at(await cluster.get(path), 'spec', 'clusterIP')).toBe('10.0.77.7');
  });

  it('ssa: Merge counts where the object lives, too: fields of kubectl stay', async () => {
    const files = (ns: string) => ({
      'a.yaml': configMap(ns, 'a', { k: '1' }),
      'b.yaml': configMap(ns, 'b', { k: '1' }),
    });
    await start({ files });
    await site.reaches('Kustomization', isReady);
    const edit = (name: string, annotations: JsonObject) =>
      cluster.api('PATCH', `${site.path('ConfigMap', name)}?fieldManager=kubectl-edit`, {
        metadata: { annotations },
        data: { k: 'edited', mine: 'x' },
      });
    await edit('a', { 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' });
    await edit('b', {});
    await site.reaches('ConfigMap', (one) => at(one, 'data', 'k') === '1', 'a');
    await site.reaches('ConfigMap', (one) => at(one, 'data', 'mine') === undefined, 'b');
    await site.repo.commit({ 'a.yaml': configMap(site.ns, 'a', { k: '2' }) });
    await site.reconcile('GitRepository');
    const a = await site.reaches('ConfigMap', (one) => at(one, 'data', 'k') === '2', 'a');
    expect(a['data']).toEqual({ k: '2', mine: 'x' });
  });

  it('the history has one entry for what was built, whatever commonMetadata is put on it and wherever it is written', async () => {
    await start({
      seeds: (ns, url) => [git(ns, url), kustomization(ns, { commonMetadata: { labels: { team: 'a' } } })],
    });
    await site.reaches('Kustomization', isReady);
    await site.patch('Kustomization', 'app', { spec: { commonMetadata: { labels: { team: 'b' } } } });
    await site.reaches('ConfigMap', (one) => at(one.metadata, 'labels', 'team') === 'b', 'a');
    await site.repo.commit({ 'a.yaml': `# moved down\n${configMap(site.ns, 'a', { v: '1' })}` });
    await site.reconcile('GitRepository');
    const revision = at((await site.get('GitRepository'))?.['status'], 'artifact', 'revision');
    const app = await site.reaches('Kustomization', (one) => at(one, 'status', 'lastAppliedRevision') === revision);
    expect(listAt(app['status'], 'history')).toMatchObject([{ metadata: { revision } }]);
  });

  it('events carry what annotations of the Kustomization say, and tell by themselves what was pruned', async () => {
    const files = (ns: string) => ({
      'a.yaml': configMap(ns, 'a', { k: '1' }),
      'b.yaml': configMap(ns, 'b', { k: '1' }),
    });
    await start({ files });
    await site.reaches('Kustomization', isReady);
    const annotations = { 'event.toolkit.fluxcd.io/deploy-id': 'e73' };
    await site.patch('Kustomization', 'app', { metadata: { annotations } });
    await site.repo.commit({ 'a.yaml': configMap(site.ns, 'a', { k: '2' }), 'b.yaml': null });
    await site.reconcile('GitRepository');
    const deleted = new RegExp(`^ConfigMap/${site.ns}/b deleted$`);
    const note = await until(
      async () => {
        const { body } = await cluster.api('GET', `/api/v1/namespaces/${site.ns}/events`);
        return listAt(body, 'items').find((one) => deleted.test(textAt(one, 'message') ?? ''));
      },
      { within: 10_000 },
    );
    expect(note).toMatchObject({ metadata: { annotations } });
  });

  it('who takes the request away asks for nothing; rules that cannot be read are tried again, and keep all as it is', async () => {
    await start();
    await site.reaches('Kustomization', isReady);
    const asked = await site.reconcile('Kustomization');
    const handled = at(asked['status'], 'lastHandledReconcileAt');
    const annotations = { 'reconcile.fluxcd.io/requestedAt': null };
    const ignore = [{ paths: ['/data'], target: { name: '[' } }];
    await site.patch('Kustomization', 'app', { metadata: { annotations }, spec: { ignore } });
    const failed = await site.reaches('Kustomization', (one) => conditionOf(one) === 'False/ReconciliationFailed');
    expect(messageOf(failed)).toMatch(
      /^failed to create ignore rule selector: invalid name regex: error parsing regexp/,
    );
    expect(conditionOf(failed, 'Stalled')).toBe('');
    expect(conditionOf(failed, 'Reconciling')).toBe('True/ProgressingWithRetry');
    expect(at(failed['status'], 'lastHandledReconcileAt')).toBe(handled);
    await site.patch('Kustomization', 'app', { spec: { ignore: [{ paths: ['data'] }] } });
    await site.reaches('Kustomization', isReady);
  });

  it('a finalizer that Git takes away lets go of an object that is held in deletion', async () => {
    const held = (ns: string) => configMap(ns, 'a', { k: '1' }, { finalizers: ['example.com/held'] });
    await start({ files: (ns) => ({ 'a.yaml': held(ns) }) });
    await site.reaches('Kustomization', isReady);
    const before = await site.get('ConfigMap', 'a');
    await site.remove('ConfigMap', 'a');
    await site.repo.commit({ 'a.yaml': configMap(site.ns, 'a', { k: '1' }) });
    await site.reconcile('GitRepository');
    await site.reaches('ConfigMap', (one) => one.metadata['uid'] !== before?.metadata['uid'], 'a');
  });

  it('of two Kustomizations with one object, the one that is asked for has it', async () => {
    const files = (ns: string) => ({
      'one/a.yaml': configMap(ns, 'both', { v: '1' }),
      'two/a.yaml': configMap(ns, 'both', { v: '2' }),
    });
    await start({ files, seeds: (ns, url) => [git(ns, url), kustomization(ns, { path: './one' })] });
    await site.reaches('Kustomization', isReady);
    await site.apply(kustomization(site.ns, { path: './two' }, 'two'));
    await site.reaches('ConfigMap', (one) => at(one, 'data', 'v') === '2', 'both');
    for (const [name, value] of [
      ['app', '1'],
      ['two', '2'],
    ] as const) {
      expect(isReady(await site.reconcile('Kustomization', name))).toBe(true);
      expect((await site.get('ConfigMap', 'both'))?.['data']).toEqual({ v: value });
    }
  });
});
