import { describe, expect, it } from 'vitest';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { runSource } from '../../../agent/loop/source-run.ts';
import { newSourceRun, type SourcePorts, type SourceRun } from '../../../agent/loop/source-state.ts';
import { DEFAULT_LIMITS, Fault, NO_TRAFFIC } from '../../../src/model/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { gitSource, KEY, sourcePorts } from './source-world.ts';

interface World {
  readonly clock: ManualClock;
  readonly run: SourceRun;
  readonly ports: SourcePorts;
  /** What was released, or tried to be, in order. */
  readonly released: string[];
  readonly events: string[];
  leads: boolean;
  /** What stands in the way of a release. */
  fault: Fault | undefined;
}

/** A source that somebody has deleted; a wake runs it, as the loop does. */
function deletedSource(): World {
  const clock = manualClock();
  const released: string[] = [];
  const events: string[] = [];
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const env = {
    clock,
    log,
    records: { traffic: () => NO_TRAFFIC, source: () => undefined },
    settings: { clusterName: 'test', schedules: [], limits: DEFAULT_LIMITS },
    news: {
      ...NO_NEWS,
      event: (event: { readonly message: string }) => void events.push(event.message),
      released: async (key: string) => {
        released.push(key);
        if (world.fault !== undefined) throw world.fault;
      },
    },
  } as unknown as LoopEnv;
  const source = gitSource();
  const run = newSourceRun(KEY, { ...source, meta: { ...source.meta, deleting: true } }, env);
  const ports = sourcePorts(env, { leads: () => world.leads, wake: () => void runSource(run, ports) });
  const world: World = { clock, run, ports, released, events, leads: true, fault: undefined };
  return world;
}

describe('a source in which nothing is new', () => {
  it('is up to date also where the disk takes no note of it', async () => {
    const { run, ports } = deletedSource();
    const { deleting: _deleting, ...meta } = run.object.meta;
    run.object = { ...run.object, meta } as typeof run.object;
    const told: string[] = [];
    const log = { ...ports.env.log, warn: (event: string) => void told.push(event) };
    const env = {
      ...ports.env,
      log,
      records: {
        ...ports.env.records,
        confirmed: async () => {
          throw new Fault('cache-full', 'no space left');
        },
      },
      workshop: {
        recompose: async () => undefined,
        fetch: async () => ({ kind: 'unchanged', identity: 'i', count: { requests: 1, up: 2, down: 3 } }),
      },
    } as unknown as LoopEnv;
    await runSource(run, { ...ports, env });
    expect(run.standing).toBeUndefined();
    expect(run.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(run.confirmedAt).toBe(env.clock.now());
    expect(run.link.state).toBe('up');
    expect(told).toEqual(['not written down that nothing is new']);
    expect(run.nextAt - env.clock.now()).toBeGreaterThan(3_000_000);
  });
});

describe('a source that somebody has deleted', () => {
  it('is let go of by the agent that leads, once, and is not fetched any more', async () => {
    const { clock, run, ports, released } = deletedSource();
    await runSource(run, ports);
    await clock.advance(24 * 3_600_000);
    expect(released).toEqual(['GitRepository/team/app']);
    expect(run.standing).toBeUndefined();
  });

  it('is left alone by one that does not, until that one leads', async () => {
    const world = deletedSource();
    world.leads = false;
    await runSource(world.run, world.ports);
    expect(world.released).toEqual([]);
    world.leads = true;
    world.ports.wake(world.run.key, 'cluster');
    await world.clock.advance(0);
    expect(world.released).toHaveLength(1);
  });

  it.each(['cluster-denied', 'object-invalid'] as const)(
    'says why it cannot be let go of (%s), and is tried again until it can',
    async (code) => {
      const world = deletedSource();
      const { clock, run, ports, released, events } = world;
      world.fault = new Fault(code, 'may not patch it');
      await runSource(run, ports);
      expect(run.standing).toMatchObject({ code, message: 'may not patch it', failures: 1 });
      expect(run.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
      await clock.advance(10_000);
      const tries = released.length;
      expect(tries).toBeGreaterThan(2);
      expect(run.standing?.failures).toBe(tries);
      // The same failure is told of once.
      expect(events).toEqual(['may not patch it']);
      world.fault = undefined;
      await clock.advance(DEFAULT_LIMITS.backoffMs * 2);
      expect(released).toHaveLength(tries + 1);
      expect(run.standing).toBeUndefined();
    },
  );
});
