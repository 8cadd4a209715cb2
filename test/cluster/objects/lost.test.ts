import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { textAt } from '../../../src/model/index.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import { configMap, git, installDefinitions, isReady, kustomization, type Site, startSite } from './site.ts';

describe('Flux objects of a cluster that goes away', () => {
  let cluster: ControlPlane;
  let site: Site;
  const value = async (): Promise<unknown> =>
    textAt(await site.get('ConfigMap', 'a').catch(() => undefined), 'data', 'v');

  beforeAll(async () => {
    cluster = await startControlPlane({ controllerManager: true, audit: true });
  });
  beforeEach(async () => {
    await installDefinitions(cluster);
    site = await startSite(cluster, {
      seeds: (ns, url) => [git(ns, url), kustomization(ns, { path: './top' }, 'top')],
      files: (ns) => ({
        'top/child.yaml': JSON.stringify(kustomization(ns, { path: './app' }, 'child')),
        'app/a.yaml': configMap(ns, 'a', { v: '1' }),
      }),
    });
    await site.reaches('Kustomization', isReady, 'child');
  });
  afterEach(() => site.stop());
  afterAll(() => cluster.stop());

  it('are followed again after a restart of the API server, and their statuses written then', async () => {
    await cluster.kill('kube-apiserver');
    const sha = await site.repo.commit({ 'app/a.yaml': configMap(site.ns, 'a', { v: '2' }) });
    site.agent.loop.nudge(`GitRepository/${site.ns}/app`);
    await until(() => site.agent.loop.status().sources[0]?.revision === `main@sha1:${sha}`);
    await cluster.start('kube-apiserver');
    await until(async () => (await value()) === '2', { within: 30_000 });
    await site.reaches(
      'Kustomization',
      (one) => textAt(one['status'], 'lastAppliedRevision') === `main@sha1:${sha}`,
      'child',
    );
    await site.reaches('GitRepository', (one) => textAt(one['status'], 'artifact', 'revision') === `main@sha1:${sha}`);
  });

  it('are known from disk to an agent that starts without an API server', async () => {
    await site.agent.stop();
    await cluster.kill('kube-apiserver');
    await site.restart();
    const { kustomizations, sources } = site.agent.loop.status();
    expect(kustomizations.map((one) => one.name).sort()).toEqual(['child', 'top']);
    expect(sources.map((one) => one.name)).toEqual(['app']);
    await cluster.start('kube-apiserver');
    await cluster.api('PATCH', site.path('ConfigMap', 'a'), { data: { v: 'by hand' } });
    await until(async () => (await value()) === '1', { within: 30_000 });
  });

  it('are put back with all that hangs on them into a cluster whose datastore was lost, by a running agent', async () => {
    await cluster.wipe();
    await until(async () => (await value()) === '1', { within: 60_000 });
    for (const name of ['top', 'child']) await site.reaches('Kustomization', isReady, name);
    await site.reaches('GitRepository', isReady);
    const sha = await site.repo.commit({ 'app/a.yaml': configMap(site.ns, 'a', { v: '3' }) });
    await site.reconcile('GitRepository');
    await site.reaches(
      'Kustomization',
      (one) => textAt(one['status'], 'lastAppliedRevision') === `main@sha1:${sha}`,
      'child',
    );
    expect(await value()).toBe('3');
  });

  it('and by an agent that starts after the loss', async () => {
    await site.agent.stop();
    await cluster.wipe();
    await site.restart();
    await until(async () => (await value()) === '1', { within: 60_000 });
    for (const name of ['top', 'child']) await site.reaches('Kustomization', isReady, name);
  });
});
