import { describe, expect, it } from 'vitest';
import { type ApplyPorts, FIELD_MANAGER, keepReason, runPlan } from '../../../src/apply/index.ts';
import { withoutKept } from '../../../src/cycle/kept.ts';
import {
  type JsonObject,
  type ObjectMeta,
  objectId,
  type Plan,
  sha256,
  type VersionedRef,
} from '../../../src/model/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

const OWNER = 'flux-system/app';
const LABELS = { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };
const FLUX = { ...LABELS, 'app.kubernetes.io/part-of': 'flux' };

const ref = (name: string): VersionedRef => ({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  namespace: 'default',
  name,
});
const crd = (name: string): VersionedRef => ({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  namespace: '',
  name,
});
const body = (name: string, data: JsonObject, labels: JsonObject = LABELS): Buffer =>
  Buffer.from(
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data }),
  );

async function apply(cluster: FakeCluster, name: string, json: Buffer): Promise<void> {
  await cluster.apply(ref(name), json, { dryRun: false, manager: FIELD_MANAGER, force: true, answer: 'object' });
  cluster.forgetCalls();
}

function portsOf(cluster: FakeCluster, json: Buffer): { readonly ports: ApplyPorts; readonly noted: string[] } {
  const none = (): void => undefined;
  const log = { debug: none, info: none, warn: none, error: none, with: () => log };
  const noted: string[] = [];
  const ledger = { applied: (id: string) => void noted.push(id), gone: none };
  return { ports: { cluster, clock: manualClock(), log, ledger, body: () => json }, noted };
}

const signal = new AbortController().signal;

describe('an object that another agent has applied', () => {
  const take = async (live: JsonObject, wanted: JsonObject) => {
    const cluster = createFakeCluster();
    await apply(cluster, 'a', body('a', live));
    const { ports, noted } = portsOf(cluster, body('a', wanted));
    const step = { do: 'apply', id: objectId(ref('a')), ref: ref('a'), digest: sha256(Buffer.from('x')) } as const;
    const how = { why: 'unknown', detail: '', ssa: 'Override', force: false, probe: false, adopt: true } as const;
    const plan: Plan = { stages: [{ name: 'main', steps: [{ ...step, ...how }] }], inventory: [] };
    const receipts = await runPlan(plan, ports, { owner: OWNER, desired: { objects: [] }, width: 1, signal });
    const applies = cluster.calls.filter((call) => call.verb === 'apply').map((call) => call.dryRun);
    return { did: receipts.map((one) => one.did), applies, noted };
  };

  it('is not written when it is as wanted, but known from then on', async () => {
    expect(await take({ v: '1' }, { v: '1' })).toEqual({
      did: ['unchanged'],
      applies: [true],
      noted: ['default_a__ConfigMap'],
    });
  });

  it.each([
    ['has another value', { v: '1' }, { v: '2' }],
    ['lacks a field', {}, { v: '1' }],
    ['has a field that is wanted no longer', { v: '1', w: '1' }, { v: '1' }],
  ])('is applied when it %s', async (_, live, wanted) => {
    const { did, applies } = await take(live, wanted);
    expect(did).toEqual(['configured']);
    expect(applies).toEqual([true, false]);
  });
});

describe('what left the render', () => {
  const why = (labels: JsonObject, of: VersionedRef = ref('a'), annotations: JsonObject = {}): string =>
    keepReason(of, { name: of.name, labels, annotations } as ObjectMeta, OWNER);

  it('may be deleted when it is ours, and nothing of Flux', () => {
    expect(why(LABELS)).toBe('');
    expect(why({})).toBe('it no longer carries the owner labels');
    expect(why(FLUX)).toBe('it is part of Flux itself');
    expect(why(LABELS, crd('kustomizations.kustomize.toolkit.fluxcd.io'))).toContain('defines objects of the Flux API');
    expect(why(LABELS, crd('widgets.example.com'))).toBe('');
    expect(why(LABELS, crd('widgets.toolkit.example.com'))).toBe('');
    expect(why(LABELS, ref('a'), { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' })).toBe('prune: disabled');
  });

  it('counts for the guard only where it would go', async () => {
    const cluster = createFakeCluster();
    await apply(cluster, 'ours', body('ours', {}));
    await apply(cluster, 'flux', body('flux', {}, FLUX));
    await apply(cluster, 'other', body('other', {}, {}));
    const gone = ['ours', 'flux', 'other', 'absent'].map((name) => {
      return { do: 'delete', id: objectId(ref(name)), ref: ref(name), why: 'no longer declared' } as const;
    });
    const plan: Plan = { stages: [{ name: 'prune', steps: gone }], inventory: [] };
    const left = await withoutKept(plan, OWNER, { cluster }, signal);
    expect(left.stages.map(({ name, steps }) => [name, steps])).toEqual([['prune', [gone[0]]]]);
  });
});
