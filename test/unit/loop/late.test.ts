import { expect, it } from 'vitest';
import { runKustomization } from '../../../agent/loop/kustomization-run.ts';
import type { Place } from '../../../agent/loop/place.ts';
import type { Digest, ObjectId } from '../../../src/model/index.ts';
import { KEY, type RunWorld, runWorld } from './run-world.ts';

const ID = 'team_a__ConfigMap' as ObjectId;

/** A Kustomization of which an object has drifted, and what it is woken for. */
function drifted(isCurrent: () => Promise<boolean>): RunWorld & { readonly woken: string[] } {
  const target = { revision: 'main@sha1:1', rendered: 'sha256:00' as Digest, at: 0 };
  const woken: string[] = [];
  const world = runWorld(
    { record: { target }, news: { isCurrent } },
    { place: async () => place, wake: (key, cause) => void woken.push(`${key} ${cause}`) },
  );
  world.run.drift.add(ID);
  const presence = { state: () => ({ state: 'up' }), suspect: () => undefined };
  // Nothing can be corrected there: whoever tries tells of an error.
  const place = { observer: { judgeAnew: () => undefined }, presence } as unknown as Place;
  world.run.place = place;
  return { ...world, woken };
}

it('drift waits while the API server has something newer of the Kustomization than its watch', async () => {
  let asked = 0;
  const { clock, run, ports, woken } = drifted(async () => ++asked > 2);
  for (let time = 0; time < 2; time++) {
    await runKustomization(run, new Set(['drift']), ports);
    expect([...run.drift]).toEqual([ID]);
    expect(run.standing).toBeUndefined();
    await clock.advance(1_000);
    expect(woken.splice(0)).toEqual([`${KEY} drift`]);
  }
  await runKustomization(run, new Set(['drift']), ports);
  expect(asked).toBe(3);
  expect(run.standing).toBeDefined();
});

it('drift waits, too, where the watch tells of something newer while the API server is asked', async () => {
  const { clock, run, ports, woken } = drifted(async () => {
    const { meta, spec } = run.object;
    run.object = { ...run.object, meta: { ...meta, generation: 2 }, spec: { ...spec, suspend: true } };
    return true;
  });
  await runKustomization(run, new Set(['drift']), ports);
  expect([...run.drift]).toEqual([ID]);
  expect(run.standing).toBeUndefined();
  await clock.advance(1_000);
  expect(woken).toEqual([`${KEY} drift`]);
});
