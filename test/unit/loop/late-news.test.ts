import { expect, it } from 'vitest';
import { observe, type Watched } from '../../../agent/loop/drift.ts';
import { runKustomization } from '../../../agent/loop/kustomization-run.ts';
import type { Place } from '../../../agent/loop/place.ts';
import type { KubeObject, ObjectId } from '../../../src/model/index.ts';
import type { WatchOptions } from '../../../src/ports/index.ts';
import { silentLog } from '../../support/quiet.ts';
import { KEY, READY, runWorld } from './run-world.ts';

const JOB = { group: 'batch', version: 'v1', kind: 'Job', namespace: 'team', name: 'a' };
const ID = 'team_a_batch_Job' as ObjectId;

function job(resourceVersion: string, failed: boolean): KubeObject {
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'team' };
  const conditions = [{ type: failed ? 'Failed' : 'Complete', status: 'True' }];
  const metadata = { name: 'a', namespace: 'team', uid: 'u', resourceVersion, labels };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: {}, status: { conditions, startTime: 'x' } };
}

/** A ready Kustomization that checks one Job, whose watch is driven by hand. */
function world() {
  let asked = 0;
  const isCurrent = async (): Promise<boolean> => {
    asked += 1;
    return true;
  };
  const { env, run, ports } = runWorld(
    {
      spec: 'healthChecks: [{ apiVersion: batch/v1, kind: Job, name: a, namespace: team }]',
      record: { conditions: [READY] },
      news: { isCurrent },
    },
    { place: async () => place },
  );
  const target = { revision: 'main@sha1:1', rendered: 'sha256:00', at: 0 };
  run.record = { ...run.record, target } as typeof run.record;
  const fact = { uid: 'u', digest: 'sha256:00', mark: '' };
  run.facts = { map: new Map([[ID, fact]]) } as unknown as NonNullable<typeof run.facts>;
  let options: WatchOptions | undefined;
  const watch = (_gvk: unknown, given: WatchOptions): Promise<void> => {
    options = given;
    return new Promise(() => undefined);
  };
  const woken: string[] = [];
  const site = { env, kustomizations: new Map([[KEY, run]]) };
  const watched = { site, key: '', cluster: { watch }, log: silentLog, runs: () => [run], suspect: () => undefined };
  const observer = observe(watched as unknown as Watched, (key, cause) => woken.push(`${key} ${cause}`));
  const presence = { state: () => ({ state: 'up' }), suspect: () => undefined };
  const place = { observer, presence, cluster: {}, area: { key: '' }, account: '' } as unknown as Place;
  run.place = place;
  observer.want([JOB]);
  options?.onEvent({ type: 'put', object: job('10', false) });
  options?.onEvent({ type: 'synced' });
  woken.splice(0);
  return {
    run,
    put: (version: string, failed: boolean) => {
      options?.onEvent({ type: 'put', object: job(version, failed) });
      return woken.splice(0);
    },
    asked: () => asked,
    look: (cause = 'health') => runKustomization(run, new Set([cause]), ports),
    ready: () => run.record.conditions.find((one) => one.type === 'Ready')?.reason,
  };
}

it('what was so before somebody asked for a run counts for it, though a watch tells it afterwards', async () => {
  const { run, put, look, ready } = world();
  run.asked = '20';
  expect(put('15', true)).toEqual([`${KEY} late`]);
  await look('late');
  expect(ready()).toBe('HealthCheckFailed');
});

it('what comes to be after that run is left for the next one', async () => {
  const { run, put, look, ready } = world();
  run.asked = '20';
  expect(put('25', true)).toEqual([]);
  await look();
  expect(ready()).toBe('ReconciliationSucceeded');
});

it('nobody asked: the next run looks', () => {
  expect(world().put('15', true)).toEqual([]);
});

it('what a watch told of an own correction before its answer came costs no look at the API server', async () => {
  const { run, asked, look, ready } = world();
  run.drift.add(ID);
  await look();
  expect([asked(), run.drift.size, ready()]).toEqual([0, 0, 'ReconciliationSucceeded']);
});
