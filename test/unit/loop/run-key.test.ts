import { describe, expect, it } from 'vitest';
import { remove } from '../../../agent/loop/declare.ts';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { type Ports, runKey } from '../../../agent/loop/run-key.ts';
import type { Runner } from '../../../agent/loop/runner.ts';
import type { Site } from '../../../agent/loop/site.ts';
import { createOffers } from '../../../agent/loop/source-offer.ts';
import { newSourceRun } from '../../../agent/loop/source-state.ts';
import { FROM_CLUSTER, type SourceObject } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, NO_TRAFFIC } from '../../../src/model/index.ts';
import { createCounters } from '../../../src/report/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';
import { gitSource, KEY, sourcePorts } from './source-world.ts';

const runner = { wake: () => undefined } as unknown as Runner;

/** A source that is polled once; `during` happens meanwhile. */
async function poll(during: (site: Site) => Promise<void>, news: Partial<LoopEnv['news']> = {}) {
  const meter = createCounters();
  const clock = manualClock();
  const woken: string[] = [];
  const env = {
    clock,
    log: silentLog,
    news: { ...NO_NEWS, ...news },
    meter,
    settings: { clusterName: 'test', schedules: [], limits: DEFAULT_LIMITS, fetchScope: 'whole' },
    records: {
      traffic: () => NO_TRAFFIC,
      source: () => undefined,
      confirmed: async () => undefined,
      hold: async () => () => undefined,
    },
    workshop: {
      forget: () => undefined,
      recompose: async () => undefined,
      fetch: async () => {
        await during(site);
        return { kind: 'unchanged', identity: 'i', count: { requests: 1, up: 2, down: 3 } };
      },
    },
  } as unknown as LoopEnv;
  const source = gitSource();
  const ofCluster = { ...source, meta: { ...source.meta, origin: FROM_CLUSTER, generation: 1 } } as SourceObject;
  const run = newSourceRun(KEY, ofCluster, env);
  const site = {
    env,
    sources: new Map([[KEY, run]]),
    kustomizations: new Map(),
    unread: new Map(),
    roots: new Map(),
    later: new Set(),
    asked: { keys: new Set(), late: undefined },
    places: { settle: () => undefined },
    leadership: { leads: () => true },
    presence: { state: () => ({ state: 'up' }) },
    standsBack: undefined,
    ended: 0,
  } as unknown as Site;
  const ports = {
    offers: createOffers(),
    source: sourcePorts(env),
    kustomization: { env, wake: (...wake: string[]) => void woken.push(wake.join(' ')) },
  } as unknown as Ports;
  await runKey(site, KEY, new Set(['start']), ports);
  return { run, clock, woken, counted: meter.runs().map(({ name }) => name) };
}

describe('a run', () => {
  it('is counted for its object', async () => {
    expect((await poll(async () => undefined)).counted).toEqual(['app']);
  });

  it('does not begin for an object that is gone, and looks again when no watch tells so', async () => {
    let fetched = false;
    const during = async (): Promise<void> => {
      fetched = true;
    };
    const { clock, woken, counted } = await poll(during, { claim: async () => false });
    expect([fetched, counted, woken]).toEqual([false, [], []]);
    await clock.advance(1_000);
    expect([fetched, woken]).toEqual([false, [`${KEY} start`]]);
  });

  it('of an object that went meanwhile leaves no series behind', async () => {
    expect((await poll((site) => remove(site, KEY, false, runner))).counted).toEqual([]);
  });

  it('says nothing of a spec that came meanwhile', async () => {
    const { run } = await poll(async ({ sources }) => {
      const before = sources.get(KEY);
      if (before?.object.kind !== 'GitRepository') throw new Error('not there');
      const { object } = before;
      before.object = { ...object, meta: { ...object.meta, generation: 2 } };
    });
    const ready = run.conditions.find(({ type }) => type === 'Ready');
    expect([run.observedGeneration, ready?.status, ready?.observedGeneration]).toEqual([1, 'True', 1]);
  });
});
