import { expect, it } from 'vitest';
import { clusterData } from '../../../agent/objects/data.ts';
import type { DataRef } from '../../../src/flux/index.ts';
import type { KubeObject, VersionedRef } from '../../../src/model/index.ts';
import type { Cluster } from '../../../src/ports/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { until } from '../../support/until.ts';

const REF: DataRef = { kind: 'ConfigMap', namespace: 'team', name: 'values' };

/** What the cluster says of a ConfigMap that is another one each time, and how often it was asked. */
function world() {
  const clock = manualClock();
  let asked = 0;
  const read = async () => {
    asked += 1;
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'values', namespace: 'team' },
      data: { v: `${asked}` },
    };
  };
  const data = clusterData({ cluster: { read } as unknown as Cluster, clock, namespaces: [] });
  const value = async (since: number): Promise<string> => {
    const [found] = await data.read([REF], since);
    return Buffer.from(found?.data.get('v') ?? []).toString('utf8');
  };
  return { clock, value };
}

it('an answer is shared by those who were woken before it was asked for, for a moment', async () => {
  const { clock, value } = world();
  const woken = clock.monotonic();
  expect([await value(woken), await value(woken)]).toEqual(['1', '1']);
  await clock.advance(40);
  expect(await value(woken)).toBe('1');
  await clock.advance(20);
  expect(await value(woken)).toBe('2');
});

it('who was woken after it was asked for may mean something newer', async () => {
  const { clock, value } = world();
  expect(await value(clock.monotonic())).toBe('1');
  await clock.advance(1);
  const woken = clock.monotonic();
  expect([await value(woken), await value(woken)]).toEqual(['2', '2']);
});

const LABEL = 'reconcile.fluxcd.io/watch';

const labelled = (labels: Readonly<Record<string, string>>, v: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: REF.name, namespace: REF.namespace, labels },
  data: { v },
});

it('one that is labelled is told of when it is made, changed or deleted, not when it loses the label', async () => {
  const cluster = createFakeCluster();
  cluster.namespaces('team');
  const ref: VersionedRef = { group: '', version: 'v1', ...REF };
  const told: string[] = [];
  const stop = new AbortController();
  const data = clusterData({ cluster, clock: manualClock(), namespaces: ['team'] });
  data.watch((one) => told.push(one.name), stop.signal);
  const make = (labels: Readonly<Record<string, string>>, v: string) => {
    const json = Buffer.from(JSON.stringify(labelled(labels, v)));
    return cluster.apply(ref, json, { dryRun: false, manager: 'm', force: true, answer: 'object' });
  };
  const looks = (): number => cluster.count('read');
  await new Promise((resolve) => setImmediate(resolve));
  await make({ [LABEL]: 'Enabled' }, '1');
  await until(() => told.length === 1);
  await make({ [LABEL]: 'Enabled' }, '2');
  await until(() => told.length === 2);
  await make({ [LABEL]: 'Disabled' }, '3');
  await until(() => looks() === 1);
  await make({ [LABEL]: 'Enabled' }, '3');
  await until(() => told.length === 3);
  await make({}, '3');
  await until(() => looks() === 2);
  await make({ [LABEL]: 'Enabled' }, '3');
  await until(() => told.length === 4);
  await cluster.remove(ref, { propagation: 'Background' });
  await until(() => told.length === 5);
  stop.abort();
  expect(told).toHaveLength(5);
});
