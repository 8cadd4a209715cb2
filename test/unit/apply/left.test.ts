import { describe, expect, it } from 'vitest';
import { FIELD_MANAGER, seenOf } from '../../../src/apply/index.ts';
import { type SyncPorts, sync } from '../../../src/cycle/index.ts';
import type { JsonObject, ObjectId } from '../../../src/model/index.ts';
import { sharedSurvey } from '../../../src/observe/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { firstSync, rendered } from '../../support/plans.ts';
import { silentLog } from '../../support/quiet.ts';

const NEVER = new AbortController().signal;
const APP = rendered('app', 'x');
const OURS = { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };

/** A first sync of many: their lists are shared, and here 20 s old when it is the turn of `app`. */
async function world(labels: JsonObject = {}, manager = 'somebody') {
  const cluster = createFakeCluster();
  cluster.namespaces('app');
  const metadata = { name: 'app', namespace: 'app', labels };
  const live = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { v: 'theirs' } }));
  await cluster.apply(APP.ref, live, { dryRun: false, manager, force: true, answer: 'object' });
  let now = 0;
  const shared = sharedSurvey({ cluster, seenOf, now: () => now });
  const first = [{ id: rendered('first', 'x').id, ref: rendered('first', 'x').ref }];
  await shared.survey(first, NEVER);
  await shared.survey(first, NEVER);
  for (const at of [2_000, 4_500, 7_000]) {
    now = at;
    await shared.survey(first, NEVER);
  }
  cluster.forgetCalls();
  return { cluster, turn: () => turnOf(cluster, shared) };
}

async function turnOf(cluster: FakeCluster, shared: ReturnType<typeof sharedSurvey>) {
  const metadata = { name: 'app', namespace: 'app', labels: OURS };
  const body = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { v: 'ours' } }));
  const noted: ObjectId[] = [];
  const ports: SyncPorts = {
    cluster,
    clock: manualClock(),
    log: silentLog,
    seenOf,
    survey: shared.survey,
    body: () => body,
    ledger: { applied: (id) => void noted.push(id), gone: () => undefined },
    writeInventory: async () => undefined,
  };
  const { receipts } = await sync(firstSync(APP), ports, NEVER);
  return {
    did: receipts.map(({ did, message }) => [did, message]),
    noted,
    calls: cluster.calls.map(({ verb }) => verb),
  };
}

const annotate = (cluster: FakeCluster, key: string, value: string): void =>
  cluster.edit(APP.ref, 'an-operator', (object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { [`kustomize.toolkit.fluxcd.io/${key}`]: value } },
  }));
const dataOf = async (cluster: FakeCluster): Promise<unknown> => (await cluster.read(APP.ref))?.['data'];

describe('an object that was there before, seen in a list that is older', () => {
  it('is applied by one request while nobody wrote to it', async () => {
    const { cluster, turn } = await world();
    const { did, calls } = await turn();
    expect([did[0]?.[0], calls]).toEqual(['configured', ['apply']]);
    expect(await dataOf(cluster)).toEqual({ v: 'ours' });
  });

  it.each([
    ['reconcile', 'disabled', 'reconcile: disabled in the cluster'],
    ['ssa', 'Ignore', 'ssa: Ignore in the cluster'],
  ])('is left alone when it has asked for that since then: %s', async (key, value, why) => {
    const { cluster, turn } = await world();
    annotate(cluster, key, value);
    expect(await turn()).toMatchObject({ did: [['skipped', why]], noted: [] });
    expect(await dataOf(cluster)).toEqual({ v: 'theirs' });
  });

  it('is applied when somebody wrote to it, and asked for nothing; also when it went', async () => {
    const { cluster, turn } = await world();
    annotate(cluster, 'other', 'x');
    expect(await turn()).toMatchObject({
      did: [['configured', '']],
      noted: [APP.id],
      calls: ['apply', 'read', 'apply'],
    });
    const gone = await world();
    await gone.cluster.remove(APP.ref, { propagation: 'Background' });
    expect((await gone.turn()).did[0]?.[0]).toBe('created');
  });

  it('is left alone, too, where an agent of our kind had applied it', async () => {
    const { cluster, turn } = await world(OURS, FIELD_MANAGER);
    annotate(cluster, 'reconcile', 'disabled');
    expect(await turn()).toMatchObject({ did: [['skipped', 'reconcile: disabled in the cluster']], noted: [] });
    expect(await dataOf(cluster)).toEqual({ v: 'theirs' });
  });
});
