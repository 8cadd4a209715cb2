import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAt, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import { configMap, git, installDefinitions, isReady, kustomization, type Site, startSite } from './site.ts';

const COUNT = 60;

let cluster: ClusterAccess;
let site: Site;

beforeAll(async () => {
  cluster = await sharedControlPlane();
  await installDefinitions(cluster);
  const names = Array.from({ length: COUNT }, (_, i) => `b-${i}`);
  site = await startSite(cluster, {
    seeds: (ns, url) => [git(ns, url), kustomization(ns, { path: './app' })],
    files: (ns) => ({
      'app/a.yaml': configMap(ns, 'a', { v: '1' }),
      ...Object.fromEntries(names.map((name) => [`${name}/one.yaml`, configMap(ns, name, { v: '1' })])),
    }),
  });
});
afterAll(async () => {
  await site.stop();
  await cluster.stop();
});

const made = async (): Promise<readonly string[]> => {
  const { body } = await cluster.api('GET', `/api/v1/namespaces/${site.ns}/configmaps`);
  return listAt(body, 'items')
    .map((one) => textAt(one, 'metadata', 'name') ?? '')
    .filter((name) => name.startsWith('b-'));
};

it('a Kustomization that is deleted as soon as it is made leaves nothing behind', async () => {
  await site.reaches('Kustomization', isReady);
  for (let i = 0; i < COUNT; i += 1) {
    const name = `b-${i}`;
    const { status, text } = await site.apply(kustomization(site.ns, { path: `./${name}` }, name));
    expect(status, text).toBeLessThan(300);
    await new Promise((later) => setTimeout(later, i % 12));
    await site.remove('Kustomization', name);
  }
  await new Promise((later) => setTimeout(later, 1_000));
  await until(async () => (await made()).length === 0, { within: 5_000 }).catch(() => undefined);
  expect(await made()).toEqual([]);
}, 60_000);
