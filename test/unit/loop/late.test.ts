import { expect, it } from 'vitest';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { runKustomization } from '../../../agent/loop/kustomization-run.ts';
import { EMPTY, type KustomizationPorts, newKustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import type { Place } from '../../../agent/loop/place.ts';
import { DEFAULT_LIMITS, type Digest, type ObjectId } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { manualClock } from '../../support/manual-clock.ts';

const ID = 'team_a__ConfigMap' as ObjectId;

it('drift waits while the API server has something newer of the Kustomization than its watch', async () => {
  const clock = manualClock();
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const target = { revision: 'main@sha1:1', rendered: 'sha256:00' as Digest, at: 0 };
  const records = { kustomization: () => ({ ...EMPTY, target }), writeKustomization: async () => undefined };
  let asked = 0;
  const isCurrent = async (): Promise<boolean> => ++asked > 2;
  const settings = { clusterName: 'test', limits: DEFAULT_LIMITS };
  const env = { clock, log, news: { ...NO_NEWS, isCurrent }, records, settings } as unknown as LoopEnv;
  const [object] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: team }
spec: { interval: 1h, prune: true, sourceRef: { kind: GitRepository, name: app } }
`).kustomizations;
  if (object === undefined) throw new Error('not read');
  const run = newKustomizationRun('Kustomization/team/app', object, env);
  run.drift.add(ID);
  const presence = { state: () => ({ state: 'up' }), suspect: () => undefined };
  // Nothing can be corrected there: whoever tries tells of an error.
  const place = { observer: { judgeAnew: () => undefined }, presence } as unknown as Place;
  run.place = place;
  const woken: string[] = [];
  const ports = {
    env,
    place: async () => place,
    leads: () => true,
    awaitsSource: () => false,
    signal: new AbortController().signal,
    wake: (key: string, cause: string) => woken.push(`${key} ${cause}`),
    onStatus: () => undefined,
    onReady: () => undefined,
  } as unknown as KustomizationPorts;
  for (let time = 0; time < 2; time++) {
    await runKustomization(run, new Set(['drift']), ports);
    expect([...run.drift]).toEqual([ID]);
    expect(run.standing).toBeUndefined();
    await clock.advance(1_000);
    expect(woken.splice(0)).toEqual(['Kustomization/team/app drift']);
  }
  await runKustomization(run, new Set(['drift']), ports);
  expect(asked).toBe(3);
  expect(run.standing).toBeDefined();
});
