import { describe, expect, it } from 'vitest';
import { type ApplyPorts, FIELD_MANAGER, runPlan } from '../../../src/apply/index.ts';
import { Fault, objectId, type Plan, sha256, type VersionedRef } from '../../../src/model/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

const ref = (name: string): VersionedRef => ({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  namespace: 'default',
  name,
});
const json = (name: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: 'default',
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      },
    }),
  );

function planOf(applied: string, stale: string): Plan {
  const digest = sha256(json(applied));
  const apply = {
    do: 'apply',
    id: objectId(ref(applied)),
    ref: ref(applied),
    digest,
    why: 'new',
    detail: '',
    ssa: 'Override',
    force: false,
    probe: false,
  } as const;
  const gone = { do: 'delete', id: objectId(ref(stale)), ref: ref(stale), why: 'no longer declared' } as const;
  return {
    stages: [
      { name: 'main', steps: [apply] },
      { name: 'prune', steps: [gone] },
    ],
    inventory: [],
  };
}

describe('pruning after a run in which something was refused', () => {
  const run = async (refused: boolean) => {
    const cluster = createFakeCluster();
    const silent = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
      with: () => silent,
    };
    const signal = new AbortController().signal;
    await cluster.apply(ref('old'), json('old'), {
      dryRun: false,
      manager: FIELD_MANAGER,
      force: true,
      answer: 'object',
    });
    if (refused) cluster.fail((call) => call.verb === 'apply', new Fault('apply-refused', 'no'), 99);
    const ports: ApplyPorts = {
      cluster,
      clock: manualClock(),
      log: silent,
      ledger: { applied: () => undefined, gone: () => undefined },
      body: () => json('new'),
    };
    const receipts = await runPlan(planOf('new', 'old'), ports, {
      owner: 'flux-system/app',
      desired: { objects: [] },
      width: 4,
      signal,
    });
    return { receipts, old: await cluster.read(ref('old')) };
  };

  it('waits: the old state that is kept may need what left the render', async () => {
    const { receipts, old } = await run(true);
    expect(receipts.map((receipt) => receipt.did)).toEqual(['refused', 'held']);
    expect(old).toBeDefined();
  });

  it('happens when all went well', async () => {
    const { receipts, old } = await run(false);
    expect(receipts.map((receipt) => receipt.did)).toEqual(['created', 'deleted']);
    expect(old).toBeUndefined();
  });
});
