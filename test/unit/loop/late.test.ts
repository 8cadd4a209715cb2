import { expect, it } from 'vitest';
import { runKustomization } from '../../../agent/loop/kustomization-run.ts';
import type { Place } from '../../../agent/loop/place.ts';
import type { Digest, ObjectId } from '../../../src/model/index.ts';
import { KEY, runWorld } from './run-world.ts';

const ID = 'team_a__ConfigMap' as ObjectId;

it('drift waits while the API server has something newer of the Kustomization than its watch', async () => {
  const target = { revision: 'main@sha1:1', rendered: 'sha256:00' as Digest, at: 0 };
  let asked = 0;
  const isCurrent = async (): Promise<boolean> => ++asked > 2;
  const woken: string[] = [];
  const { clock, run, ports } = runWorld(
    { record: { target }, news: { isCurrent } },
    { place: async () => place, wake: (key, cause) => void woken.push(`${key} ${cause}`) },
  );
  run.drift.add(ID);
  const presence = { state: () => ({ state: 'up' }), suspect: () => undefined };
  // Nothing can be corrected there: whoever tries tells of an error.
  const place = { observer: { judgeAnew: () => undefined }, presence } as unknown as Place;
  run.place = place;
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
