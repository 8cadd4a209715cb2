import { describe, expect, it } from 'vitest';
import { type ApplyPorts, runPlan } from '../../../src/apply/index.ts';
import { objectId, type Plan, type Step, sha256, type VersionedRef } from '../../../src/model/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

const refOf = (kind: string, name: string, group = ''): VersionedRef => ({
  group,
  version: 'v1',
  kind,
  namespace: kind === 'ConfigMap' ? 'default' : '',
  name,
});

const stepOf = (ref: VersionedRef): Step => ({
  do: 'apply',
  id: objectId(ref),
  ref,
  digest: sha256(ref.name),
  why: 'new',
  detail: '',
  ssa: 'Override',
  force: false,
  probe: false,
});

describe('objects of one stage', () => {
  it('are applied side by side, but a webhook only when all others are there: it might stand in their way', async () => {
    const silent = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
      with: () => silent,
    };
    const maps = Array.from({ length: 5 }, (_, i) => refOf('ConfigMap', `c${i}`));
    const hook = refOf('ValidatingWebhookConfiguration', 'hook', 'admissionregistration.k8s.io');
    const events: string[] = [];
    let most = 0;
    let running = 0;
    const ports: ApplyPorts = {
      cluster: {
        ...createFakeCluster(),
        apply: async (ref) => {
          events.push(`begin ${ref.name}`);
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          events.push(`end ${ref.name}`);
          const { group, version, kind, name } = ref;
          const metadata = { name, uid: name, resourceVersion: '1' };
          return { created: true, object: { apiVersion: `${group}/${version}`, kind, metadata } };
        },
      },
      clock: manualClock(),
      log: silent,
      ledger: { applied: () => undefined, gone: () => undefined },
      body: () => Buffer.from('{}'),
    };
    const plan: Plan = { stages: [{ name: 'main', steps: [...maps, hook].map(stepOf) }], inventory: [] };
    const signal = new AbortController().signal;
    const receipts = await runPlan(plan, ports, { owner: 'a/b', desired: { objects: [] }, width: 16, signal });
    expect(receipts.map((receipt) => receipt.did)).toEqual(Array(6).fill('created'));
    expect(most).toBe(5);
    expect(events.slice(-2)).toEqual(['begin hook', 'end hook']);
  });
});
