import { describe, expect, it } from 'vitest';
import { createLeadership, type Leadership } from '../../../agent/loop/lease.ts';
import { type KubeObject, textAt, type VersionedRef } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const REF: VersionedRef = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  namespace: 'default',
  name: 'holdfast',
};
const LEASE_MS = 15_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const log: Log = { ...silent, with: () => log };

interface World {
  readonly clock: ManualClock;
  readonly cluster: FakeCluster;
  start(identity: string): Leadership;
  holder(): Promise<string | undefined>;
}

function world(): World {
  const clock = manualClock();
  const cluster = createFakeCluster({ now: () => clock.now() });
  return {
    clock,
    cluster,
    start: (identity) =>
      createLeadership({
        cluster,
        clock,
        log,
        settings: { enabled: true, namespace: 'default', name: 'holdfast', leaseDurationMs: LEASE_MS },
        identity,
        onLead: () => undefined,
      }),
    holder: async () => textAt(await cluster.read(REF), 'spec', 'holderIdentity'),
  };
}

const release = (lease: KubeObject): KubeObject => ({
  ...lease,
  spec: { ...(lease['spec'] as object), holderIdentity: '' },
});

describe('the lease', () => {
  it('is renewed for as long as it may be, with one timer', async () => {
    const { clock, start } = world();
    const one = start('one');
    await clock.advance(0);
    expect(one.leads()).toBe(true);
    for (let i = 0; i < 200; i++) {
      await clock.advance(LEASE_MS / 2);
      expect([one.leads(), clock.waiting()]).toEqual([true, 1]);
    }
    await one.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('is taken at once from one that gives it free, also while it is being asked for', async () => {
    const { clock, cluster, start, holder } = world();
    const one = start('one');
    await clock.advance(0);
    const two = start('two');
    await clock.advance(LEASE_MS);
    expect([one.leads(), two.leads()]).toEqual([true, false]);
    await one.stop();
    await clock.advance(0);
    expect([two.leads(), await holder()]).toEqual([true, 'two']);
    // Each ring is one wait that has ended: nothing of it stays.
    for (let i = 0; i < 50; i++) {
      cluster.edit(REF, 'somebody', release);
      await clock.advance(0);
      expect([two.leads(), await holder(), clock.waiting()]).toEqual([true, 'two', 1]);
    }
    await two.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('is not held any more by one that has ended, before it is free', async () => {
    const { clock, cluster, start, holder } = world();
    const one = start('one');
    await clock.advance(0);
    let before: boolean | undefined;
    const replace = cluster.replace.bind(cluster);
    cluster.replace = (...args) => {
      before = one.leads();
      return replace(...args);
    };
    await one.stop();
    expect([before, one.leads(), await holder()]).toEqual([false, false, '']);
  });
});
