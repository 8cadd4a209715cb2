import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, deployment, healed, type Place, startPlace } from './app.ts';

/** Patience for an API server that has just been started. */
const PATIENT = { within: 30_000 };

describe('drift is healed after', () => {
  let cluster: ControlPlane;
  let place: Place;
  let relay: Relay;
  let app: App;
  beforeAll(async () => {
    cluster = await startControlPlane({ audit: true });
    place = await startPlace(cluster);
    relay = await startRelay({ port: cluster.port });
    app = await place.app({
      server: `https://127.0.0.1:${relay.port}`,
      limits: { requestMs: 5_000 },
      files: (ns) => ({
        'a.yaml': configMap(ns, 'a', { v: '1' }),
        'b.yaml': configMap(ns, 'b', { v: '1' }),
        'web.yaml': deployment(ns, 'web', {}, { replicas: 0 }),
      }),
    });
  });
  afterAll(async () => {
    await place?.stop();
    await relay?.stop();
    await cluster?.stop();
  });

  const isOne = (object: unknown): boolean =>
    JSON.stringify((object as { data?: unknown } | undefined)?.data) === '{"v":"1"}';
  const edit = (name: string) =>
    app.patch(`configmaps/${name}`, { data: { v: 'x' } }, { query: '?fieldManager=operator' });
  const back = async (name: string): Promise<void> => {
    await until(async () => isOne(await app.get(`configmaps/${name}`)), { ...PATIENT, what: `${name} healed` });
    await app.agent.reaches((s) => s.converged, { timeoutMs: 30_000 });
  };

  it('the API server was killed and started', async () => {
    await cluster.kill('kube-apiserver');
    await until(() => app.agent.loop.status().cluster.api.state === 'down', PATIENT);
    await cluster.start('kube-apiserver');
    await edit('a');
    await app.remove('configmaps/b');
    await back('a');
    await back('b');
    expect(app.agent.loop.alive()).toBe(true);
  });

  it('etcd was paused, with a commit meanwhile', async () => {
    await cluster.pause('etcd');
    try {
      await app.commit({ 'c.yaml': configMap(app.ns, 'c', { v: '1' }) });
      await app.reason(/ReconciliationFailed/, 30_000);
    } finally {
      await cluster.resume('etcd');
    }
    await app.agent.reaches((s) => s.converged && s.lastAppliedRevision === s.lastAttemptedRevision, {
      timeoutMs: 40_000,
    });
    expect(await dataOf(app, 'c')).toEqual({ v: '1' });
    await edit('c');
    await back('c');
  });

  it('a partition in which everything changed', async () => {
    await relay.refuse();
    await edit('a');
    await app.remove('configmaps/b');
    await app.remove('deployments/web');
    await relay.restore();
    await back('a');
    await back('b');
    await until(async () => (await app.get('deployments/web')) !== undefined, PATIENT);
  });

  it('connections that were cut in the middle of an apply', async () => {
    for (let round = 2; round < 6; round++) {
      relay.cutAfter(200 * round, 'out');
      const wanted = await app.commit({ 'd.yaml': configMap(app.ns, 'd', { v: String(round) }) });
      await sleep(100);
      await relay.restore();
      await app.agent.reaches((s) => s.converged && s.lastAppliedRevision === wanted, { timeoutMs: 30_000 });
      expect(await dataOf(app, 'd')).toEqual({ v: String(round) });
    }
    await app.applied({ 'd.yaml': null });
  });

  it('watches that are too old to go on', async () => {
    await relay.refuse();
    await app.remove('configmaps/b');
    await edit('a');
    await compact(cluster);
    await relay.restore();
    await back('a');
    await back('b');
  });

  it('all of it: no object was made twice, none was lost, and other faults are over', async () => {
    const names = ['a', 'b', 'c'];
    for (const name of names) expect(isOne(await app.get(`configmaps/${name}`))).toBe(true);
    const took = await (async () => {
      await edit('a');
      return healed(app, 'configmaps/a', isOne);
    })();
    expect(took).toBeLessThan(1_000);
    expect(app.status()).toMatchObject({ converged: true, objects: { held: [] } });
  });
});

/** Makes the API server forget older versions: a restart empties its watch cache. */
async function compact(cluster: ControlPlane): Promise<void> {
  for (let i = 0; i < 20; i++)
    await cluster.api('POST', '/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { generateName: 'noise-' },
    });
  await cluster.restart('kube-apiserver');
}
