import { expect, it } from 'vitest';
import { runPlan } from '../../../src/apply/index.ts';
import { Fault, type FaultCode, type Plan, type Receipt, type Step } from '../../../src/model/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { rendered, setOf } from '../../support/plans.ts';
import { silentLog } from '../../support/quiet.ts';

const NAMESPACE = rendered('team', 'n', { kind: 'Namespace', namespace: '' });
const INSIDE = ['a', 'b'].map((name) => rendered(name, 'one', { namespace: 'team', needs: [NAMESPACE.id] }));

/** Two objects are made again and refused. */
async function refused(why: 'missing' | 'changed', code: FaultCode, world: (cluster: FakeCluster) => void) {
  const cluster = createFakeCluster();
  world(cluster);
  cluster.fail((call) => call.verb === 'apply', new Fault(code, 'no'));
  const steps = INSIDE.map(
    ({ id, ref, digest }): Step => ({
      do: 'apply',
      ...{ id, ref, digest, why, detail: '', ssa: 'Override', force: false, probe: false },
    }),
  );
  const plan: Plan = { stages: [{ name: 'main', steps }], inventory: [] };
  const ports = {
    cluster,
    clock: manualClock(),
    log: silentLog,
    ledger: { applied: () => undefined, gone: () => undefined },
    body: ({ length: _ }: string) => Buffer.from('{}'),
  };
  const desired = setOf(NAMESPACE, ...INSIDE);
  const receipts = await runPlan(plan, ports, {
    owner: 'flux-system/app',
    desired,
    width: 2,
    signal: new AbortController().signal,
  });
  return { receipts, reads: cluster.count('read') };
}

const told = (receipts: readonly Receipt[]) => receipts.map(({ did, fault, message }) => [did, fault, message]);
const WAITS = ['held', 'apply-waits', 'waits for Namespace/team, which is being deleted'];

const held = (cluster: FakeCluster): void => {
  cluster.namespaces('team');
  cluster.edit(NAMESPACE.ref, 'm', (object) => ({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x.io/hold'] },
  }));
};

it('what was there before waits where its Namespace is on its way out, or gone; one look serves all', async () => {
  const going = await refused('missing', 'apply-refused', held);
  expect(told(going.receipts)).toEqual([WAITS, WAITS]);
  expect(going.reads).toBe(1);
  const gone = await refused('missing', 'apply-conflict', () => undefined);
  expect(told(gone.receipts)).toEqual([WAITS, WAITS]);
});

it('any other refusal is told as it is', async () => {
  const there = await refused('missing', 'apply-refused', (cluster) => cluster.namespaces('team'));
  expect(told(there.receipts)).toEqual([
    ['refused', 'apply-refused', 'no'],
    ['refused', 'apply-refused', 'no'],
  ]);
  const fresh = await refused('changed', 'apply-refused', held);
  expect(told(fresh.receipts)[0]).toEqual(['refused', 'apply-refused', 'no']);
  const denied = await refused('missing', 'cluster-denied', held);
  expect(told(denied.receipts)[0]).toEqual(['refused', 'cluster-denied', 'no']);
  expect(denied.reads).toBe(0);
});
