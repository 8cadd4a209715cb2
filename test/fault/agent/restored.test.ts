import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type KubeObject, textAt } from '../../../src/model/index.ts';
import { configMap, dataOf, deployment, healed, type Place, startPlace } from '../../cluster/agent/app.ts';
import { installDefinitions, isReady, startSite } from '../../cluster/objects/site.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';

let cluster: ControlPlane;
let place: Place;
beforeAll(async () => {
  cluster = await startControlPlane({ audit: true });
  place = await startPlace(cluster);
});
afterAll(async () => {
  await place.stop();
  await cluster.stop();
});

it('a datastore that is put back to an earlier state, under the same cluster, is brought to what is declared', async () => {
  const app = await place.app({
    files: (ns) => ({
      'a.yaml': configMap(ns, 'a', { v: '1' }),
      'd.yaml': configMap(ns, 'd', { v: '1' }),
      'web.yaml': deployment(ns, 'web', {}, { replicas: 1 }),
    }),
  });
  const putBack = await cluster.snapshot();
  await app.agent.reaches((s) => s.converged);
  // The versions of the datastore go on for a while.
  for (let i = 0; i < 50; i++) await app.patch('configmaps/d', { metadata: { labels: { i: `${i}` } } });
  await app.applied({
    'a.yaml': configMap(app.ns, 'a', { v: '2' }),
    'c.yaml': configMap(app.ns, 'c', { v: '2' }),
    'web.yaml': deployment(app.ns, 'web', {}, { replicas: 3 }),
  });
  await sleep(500);
  await putBack();
  expect(await dataOf(app, 'a')).toBeDefined();
  await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"2"}');
  await healed(app, 'configmaps/c', (o) => o !== undefined);
  await healed(app, 'deployments/web', (o) => JSON.stringify(o).includes('"replicas":3'));
  await app.agent.reaches((s) => s.converged);
  // It sees what happens from then on.
  await app.patch('configmaps/a', { data: { v: 'x' } }, { query: '?fieldManager=operator' });
  await healed(app, 'configmaps/a', (o) => JSON.stringify(o?.['data']) === '{"v":"2"}');
  await app.remove('configmaps/d');
  await healed(app, 'configmaps/d', (o) => o !== undefined);
}, 120_000);

it('tells of it again in the status of Flux objects that were put back', async () => {
  await installDefinitions(cluster);
  const site = await startSite(cluster);
  try {
    await site.reaches('Kustomization', isReady);
    const putBack = await cluster.snapshot();
    await site.repo.commit({ 'a.yaml': configMap(site.ns, 'a', { v: '2' }) });
    const revision = `main@sha1:${await site.repo.head()}`;
    const isNew = (object: KubeObject): boolean =>
      isReady(object) && textAt(object['status'], 'lastAppliedRevision') === revision;
    await site.reconcile('GitRepository');
    await site.reaches('Kustomization', isNew);
    await sleep(500);
    await putBack();
    await site.reaches('ConfigMap', (object) => JSON.stringify(object['data']) === '{"v":"2"}', 'a');
    await site.reaches('Kustomization', isNew);
    await site.reaches('GitRepository', (o) => textAt(o['status'], 'artifact', 'revision') === revision);
  } finally {
    await site.stop();
  }
}, 120_000);
