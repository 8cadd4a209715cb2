import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import type { Launched } from '../../fault/agent/launch.ts';
import { until } from '../../support/until.ts';
import { configMap } from '../agent/app.ts';
import {
  type FluxPlace,
  gitRepository,
  isReady,
  kustomization,
  namespace,
  pathOfText,
  startFluxPlace,
} from './place.ts';

let place: FluxPlace;
let repo: Awaited<ReturnType<FluxPlace['git']['repo']>>;
let agent: Launched;

const LEASE = 'kustomize-controller-leader-election';

/** Renews the lease of Flux's controller, as its leader election does; holder '' gives it free. */
async function lease(holder: string, seconds = 35): Promise<void> {
  const spec = { holderIdentity: holder, leaseDurationSeconds: seconds, renewTime: micro(), acquireTime: micro() };
  await place.put({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: LEASE, namespace: 'flux-system' },
    spec,
  });
}

const micro = (): string => new Date().toISOString().replace('Z', '000Z');

beforeAll(async () => {
  place = await startFluxPlace();
  repo = await place.git.repo('apps');
  await repo.commit({ 'a.yaml': configMap('apps', 'a', { v: 'one' }) });
  for (const name of ['flux-system', 'apps']) await place.put(namespace(name));
  await place.put(gitRepository('apps', { url: repo.url }));
  await place.put(kustomization('apps', {}));
  await lease('kustomize-controller-1');
  agent = place.agent();
  await agent.serving();
});
afterAll(() => place?.stop());

const writes = (): readonly string[] =>
  place.cluster
    .audited({ user: 'holdfast' })
    .filter((one) => !['get', 'list', 'watch'].includes(one.verb))
    .map((one) => `${one.verb} ${one.resource}/${one.subresource} ${one.name}`);

const left = async (): Promise<string> => (await agent.kustomization('apps')).notConverged?.code ?? '';

async function status(what: string, body: unknown, manager: string): Promise<void> {
  const path = `${pathOfText(what)}/status?fieldManager=${manager}`;
  expect((await place.cluster.api('PATCH', path, { status: body })).status).toBe(200);
}

describe('beside Flux at work', () => {
  it('nothing is applied and no status written; the reason is told once; sources are fetched', async () => {
    await until(async () => (await left()) === 'flux-active');
    await until(async () => (await agent.status()).sources[0]?.revision !== '');
    const one = await agent.kustomization('apps');
    expect(one.notConverged).toMatchObject({ code: 'flux-active', reason: 'FluxActive' });
    expect(one.notConverged?.message).toBe(
      `Flux is at work: its kustomize-controller holds the lease flux-system/${LEASE} (kustomize-controller-1)`,
    );
    agent.signal('SIGHUP');
    await lease('kustomize-controller-1');
    await place.put(kustomization('apps', { timeout: '3m' }));
    await until(async () => (await agent.status()).sources[0]?.wire.requests !== 2);
    expect(writes()).toEqual([]);
    expect(agent.lines().filter((line) => line['code'] === 'flux-active').length).toBe(1);
  });

  it('takes over with what Flux has done meanwhile, and prunes by its inventory, once the lease is given free', async () => {
    const labels = {
      [`kustomize.toolkit.fluxcd.io/name`]: 'apps',
      [`kustomize.toolkit.fluxcd.io/namespace`]: 'flux-system',
    };
    await place.put({
      ...(JSON.parse(configMap('apps', 'late', {})) as KubeObject),
      metadata: { name: 'late', namespace: 'apps', labels },
    });
    const entries = [{ id: 'apps_late__ConfigMap', v: 'v1' }];
    await status(
      'Kustomization/flux-system/apps',
      { inventory: { entries }, lastHandledReconcileAt: 'before' },
      'gotk-kustomize-controller',
    );
    expect(writes()).toEqual([]);
    await lease('');
    const ks = await place.reaches('Kustomization/flux-system/apps', (one) => isReady(one));
    expect(listAt(ks, 'status', 'inventory', 'entries')).toEqual([{ id: 'apps_a__ConfigMap', v: 'v1' }]);
    expect(await place.get('ConfigMap/apps/late')).toBeUndefined();
    expect(ks.metadata['finalizers']).toEqual(['finalizers.fluxcd.io']);
    const source = await place.reaches('GitRepository/flux-system/apps', isReady);
    expect(source.metadata['finalizers']).toEqual(['finalizers.fluxcd.io']);
  });

  it('stays back again when Flux comes back, and heals what changed meanwhile when its lease runs out', async () => {
    await lease('kustomize-controller-2', 3);
    await until(async () => (await left()) === 'flux-active');
    const before = writes().length;
    await place.put({ ...(JSON.parse(configMap('apps', 'a', { v: 'two' })) as KubeObject) });
    await lease('kustomize-controller-2', 3);
    expect(await left()).toBe('flux-active');
    expect(writes().length).toBe(before);
    await until(async () => textAt(await place.get('ConfigMap/apps/a'), 'data', 'v') === 'one', { within: 20_000 });
    await until(async () => (await left()) === '');
  });

  it('is found by the statuses that it writes, where it runs without leader election', async () => {
    const { body } = await place.cluster.api('DELETE', pathOfText(`Lease/flux-system/${LEASE}`));
    expect(textAt(body, 'status')).toBe('Success');
    // What was written under the lease is not held against it for a few seconds.
    await until(
      async () => {
        const at = new Date().toISOString();
        await status('Kustomization/flux-system/apps', { lastHandledReconcileAt: at }, 'gotk-kustomize-controller');
        return (await left()) === 'flux-active';
      },
      { within: 30_000, every: 1_100 },
    );
    expect((await agent.kustomization('apps')).notConverged?.message).toBe(
      'Flux is at work: its kustomize-controller writes the status of Kustomization/flux-system/apps',
    );
  });
});
