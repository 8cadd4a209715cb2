import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpCluster, openCluster } from '../../../agent/adapters/cluster/index.ts';
import { Fault } from '../../../src/model/index.ts';
import { definition } from '../../cluster/agent/app.ts';
import { applyData, CONFIG_MAP, configMapRef, startWatch } from '../../contract/cluster/objects.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';

/** A real API server that is killed, paused, wiped and cut off. */
describe('a watch on a real API server', () => {
  let server: ControlPlane;
  let relay: Relay;
  let direct: HttpCluster;
  let cluster: HttpCluster;
  beforeAll(async () => {
    server = await startControlPlane({ controllerManager: false });
    relay = await startRelay({ port: Number(new URL(server.url).port) });
    direct = openCluster({ kubeconfig: await server.kubeconfigFile() });
    const through = { server: `https://127.0.0.1:${relay.port}` };
    cluster = openCluster({
      kubeconfig: await server.kubeconfigFile(through),
      watchTimes: { lastBackoffMs: 500, silenceMs: 3_000 },
    });
  });
  afterAll(async () => {
    direct?.close();
    cluster?.close();
    await relay?.stop();
    await server?.stop();
  });
  const ref = (name: string): ReturnType<typeof configMapRef> => configMapRef('default', name);
  const labels = { w: '1' };
  const watch = async (): Promise<ReturnType<typeof startWatch>> => {
    const watched = startWatch(cluster, CONFIG_MAP, { labelSelector: 'w=1', metadataOnly: true });
    await until(() => watched.lines().includes('synced'));
    return watched;
  };

  it('goes on after the API server was killed and started, without a fresh list', async () => {
    const watched = await watch();
    await server.restart('kube-apiserver');
    await applyData(direct, ref('after-restart'), {}, labels);
    const began = performance.now();
    await until(() => watched.lines().includes('put after-restart'));
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(watched.lines().filter((line) => line === 'restart')).toHaveLength(1);
    expect(watched.lines()).toContain('lost');
    await watched.stop();
  });

  it('misses nothing that happened while the link was cut', async () => {
    const watched = await watch();
    await relay.refuse();
    await applyData(direct, ref('while-cut'), {}, labels);
    await direct.remove(ref('after-restart'), { propagation: 'Background' });
    await relay.restore();
    await until(() => watched.lines().includes('put while-cut') && watched.lines().includes('delete after-restart'));
    await watched.stop();
  });

  it('lives on when its connections are dropped again and again', async () => {
    const watched = await watch();
    for (let i = 0; i < 5; i++) {
      relay.dropAll();
      await applyData(direct, ref('dropped'), { i: String(i) }, labels);
    }
    const version = (await direct.read(ref('dropped'), { metadataOnly: true }))?.metadata['resourceVersion'];
    await until(() => watched.events.some((e) => 'object' in e && e.object.metadata['resourceVersion'] === version));
    await watched.stop();
  });

  it('begins from a fresh list when the datastore was wiped', async () => {
    const watched = await watch();
    const before = await direct.identity();
    await server.wipe();
    await applyData(direct, ref('new-life'), {}, labels);
    await until(() => watched.lines().includes('put new-life'), { within: 30_000 });
    const lines = watched.lines();
    expect(lines.lastIndexOf('restart')).toBeGreaterThan(lines.indexOf('synced'));
    expect(lines.slice(lines.lastIndexOf('restart'))).not.toContain('put while-cut');
    expect((await direct.identity()).uid).not.toBe(before.uid);
    await watched.stop();
  });

  it('neither what a server forbids nor what it lacks is believed while it starts', async () => {
    const group = (i: number): string => `g${i}.example.com`;
    const made = async (path: string, object: unknown): Promise<void> => {
      const { status, text } = await server.api('POST', path, object);
      if (status !== 201) throw new Error(text);
    };
    for (let i = 0; i < 40; i++)
      await made('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', JSON.parse(definition(group(i))));
    const user = { name: 'somebody', groups: [] };
    await made('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: user.name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user.name }],
    });
    const widget = { group: group(39), version: 'v1', kind: 'Widget', namespace: 'default', name: 'none' };
    const served = async (): Promise<boolean> => (await direct.read(widget).catch(() => 'not yet')) === undefined;
    await until(served);
    const said = new Set<string>();
    let over = false;
    const ask = async (kubeconfig: string): Promise<void> => {
      while (!over) {
        // It knows nothing yet, as after a start of the agent.
        const fresh = openCluster({ kubeconfig });
        const answer = await fresh.read(widget).catch((e: unknown) => (e instanceof Fault ? e.code : String(e)));
        said.add(answer === undefined ? 'no such object' : String(answer));
        fresh.close();
      }
    };
    const [admin, limited] = [await server.kubeconfigFile(), await server.kubeconfigFile(user)];
    const asking = [admin, admin, limited, limited].map(ask);
    for (let i = 0; i < 3; i++) {
      await server.restart('kube-apiserver');
      await until(served);
    }
    over = true;
    await Promise.all(asking);
    expect([...said].sort()).toEqual(['cluster-unreachable', 'no such object']);
  }, 60_000);

  it('a request to an API server that hangs is given up in time, and works again afterwards', async () => {
    const kubeconfig = await server.kubeconfigFile();
    const limits = { requestsInFlight: 2, requestMs: 700, responseBytes: 1_000_000, watchEventBytes: 1_000_000 };
    const hasty = openCluster({ kubeconfig, limits });
    await hasty.surface();
    await server.pause('kube-apiserver');
    const began = performance.now();
    const error: unknown = await hasty.read(ref('new-life')).catch((e: unknown) => e);
    expect(error instanceof Fault ? error.code : error).toBe('cluster-unreachable');
    expect(performance.now() - began).toBeLessThan(2_000);
    server.resume('kube-apiserver');
    await until(() => hasty.read(ref('new-life')));
    hasty.close();
  });
});
