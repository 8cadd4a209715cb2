import { beforeEach, expect, it } from 'vitest';
import { isCurrent, isGone } from '../../../agent/objects/current.ts';
import { refOf } from '../../../agent/objects/kinds.ts';
import { type Tracked, track } from '../../../agent/objects/tracked.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { Fault, type KubeObject } from '../../../src/model/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';

const KEY = 'Kustomization/team/app';
const APP: KubeObject = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'app', namespace: 'team' },
  spec: { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
};
const KIND = { group: 'kustomize.toolkit.fluxcd.io', version: 'v1', kind: 'Kustomization' };
const REF = refOf(KIND, APP);

let cluster: FakeCluster;
const tracked = new Map<string, Tracked>();
const current = (): Promise<boolean> => isCurrent(KEY, { cluster, tracked });
/** As the watch shows it. */
const see = (object: KubeObject): void => void tracked.set(KEY, track(REF, object, tracked.get(KEY)));

beforeEach(async () => {
  cluster = createFakeCluster();
  tracked.clear();
  for (const one of fluxDefinitions())
    await cluster.create(refOf({ group: 'apiextensions.k8s.io', version: 'v1', kind: one.kind }, one), one, {
      manager: 'somebody',
    });
  cluster.namespaces('team');
  see(await cluster.create(REF, APP, { manager: 'somebody' }));
});

it('an object that a watch has shown is current until somebody changes its spec', async () => {
  expect(await current()).toBe(true);
  cluster.edit(REF, 'flux', (object) => ({ ...object, metadata: { ...object.metadata, labels: { a: 'b' } } }));
  expect(await current()).toBe(true);
  const suspended = await cluster.patch(REF, { spec: { suspend: true } }, { manager: 'flux' });
  expect(await current()).toBe(false);
  see(suspended);
  expect(await current()).toBe(true);
});

it('one that is gone, or another of its name, is not', async () => {
  await cluster.remove(REF, { propagation: 'Background' });
  expect(await current()).toBe(false);
  await cluster.create(REF, APP, { manager: 'somebody' });
  expect(await current()).toBe(false);
});

it('one of a file, or that may not be read, counts as current; an API server that is away is told of', async () => {
  tracked.clear();
  expect(await current()).toBe(true);
  see(APP);
  const answers = (code: 'cluster-denied' | 'cluster-unreachable') =>
    isCurrent(KEY, { tracked, cluster: { read: () => Promise.reject(new Fault(code, 'no')) } });
  expect(await answers('cluster-denied')).toBe(true);
  await expect(answers('cluster-unreachable')).rejects.toMatchObject({ code: 'cluster-unreachable' });
});

it('one that no watch shows is gone when the API server has none', async () => {
  expect(await isGone(KEY, { cluster, tracked })).toBe(false);
  tracked.clear();
  expect(await isGone(KEY, { cluster, tracked })).toBe(false);
  await cluster.remove(REF, { propagation: 'Background' });
  expect(await isGone(KEY, { cluster, tracked })).toBe(true);
  expect(await isGone('Elephant/team/app', { cluster, tracked })).toBe(false);
});
