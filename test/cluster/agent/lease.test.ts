import { describe, expect, it } from 'vitest';
import { appObjects, startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { usePlace } from './app.ts';

describe('several agents of one cluster', () => {
  const place = usePlace();

  const setUp = async (name: string, leaseDurationMs: number) => {
    const ns = await place.cluster.namespace(name);
    const repo = await place.git.repo(name);
    await repo.commit({
      'a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: ${ns} }\ndata: { v: "1" }\n`,
    });
    const start = async (identity: string) =>
      startTestAgent({
        stateDir: (await tempDir(identity)).path,
        kubeconfig: await place.cluster.kubeconfigFile(),
        objects: appObjects({ url: repo.url }),
        settings: { identity, lease: { enabled: true, namespace: ns, name: 'holdfast', leaseDurationMs } },
      });
    const at = (path: string) => place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/${path}`);
    const edit = () => place.cluster.api('PATCH', `/api/v1/namespaces/${ns}/configmaps/a`, { data: { v: 'by hand' } });
    const healed = () =>
      until(async () => ((await at('a'))?.['data'] as { v: string } | undefined)?.v === '1', { within: 20_000 });
    return { start, edit, healed };
  };

  it('have one that applies; when it ends the other takes over at once', async () => {
    const { start, edit, healed } = await setUp('lease', 15_000);
    const one = await start('one');
    await until(() => one.loop.status().agent.leader);
    const two = await start('two');
    await healed();
    await until(() => two.loop.status().sources[0]?.ready === 'True');
    expect(two.loop.status()).toMatchObject({ agent: { leader: false } });
    await one.stop();
    await until(() => two.loop.status().agent.leader, { within: 10_000 });
    await edit();
    await healed();
    await two.stop();
  });

  it('take over from one that vanished once its lease is over, and not before', async () => {
    const { start, edit, healed } = await setUp('vanish', 3_000);
    const one = await start('one');
    await until(() => one.loop.status().agent.leader);
    await healed();
    // It is cut off: nothing it does arrives any more, and it gives nothing free.
    one.freeze();
    const two = await start('two');
    const began = performance.now();
    await until(() => two.loop.status().agent.leader, { within: 15_000 });
    expect(performance.now() - began).toBeGreaterThan(1_500);
    await edit();
    await healed();
    await two.stop();
    await one.stop();
  });
});
