import { describe, expect, it } from 'vitest';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { runSource } from '../../../agent/loop/source-run.ts';
import { newSourceRun, type SourcePorts, type SourceRun } from '../../../agent/loop/source-state.ts';
import { type OCIRepository, parseFluxObjects } from '../../../src/flux/index.ts';
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

describe('a source whose newer revision cannot be had', () => {
  const digest = (char: string): string => `sha256:${char.repeat(64)}`;

  /** A source with a revision that is here; each run ends as the next of these says. */
  async function ociRun(
    ends: (Fault | 'unchanged')[],
  ): Promise<{ run: SourceRun; next(): Promise<readonly string[]> }> {
    const { run, ports } = deletedSource();
    const { deleting: _deleting, ...meta } = run.object.meta;
    const [declared] = parseFluxObjects([
      {
        value: {
          apiVersion: 'source.toolkit.fluxcd.io/v1',
          kind: 'OCIRepository',
          metadata: { name: 'app', namespace: 'team' },
          spec: { interval: '1h', url: 'oci://e.com/app', ref: { tag: 'v1' }, ignore: 'old' },
        },
        file: 'f',
        line: 1,
      },
    ]).objects;
    run.object = { ...(declared as OCIRepository), meta };
    const record = { current: { revision: `v1@${digest('a')}`, root: digest('b'), metadata: {}, keep: [] } };
    const fetch = async (): Promise<unknown> => {
      const end = ends.shift();
      if (end instanceof Fault) throw end;
      return { kind: 'unchanged', identity: 'i', count: NO_TRAFFIC };
    };
    const env = {
      ...ports.env,
      records: { ...ports.env.records, source: () => record, confirmed: async () => undefined },
      workshop: { recompose: async () => undefined, fetch },
    } as unknown as LoopEnv;
    return {
      run,
      next: async () => {
        await runSource(run, { ...ports, env });
        return run.conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);
      },
    };
  }
  const broken = (revision: string): Fault => {
    const fault = new Fault('source-corrupt', 'another digest', { reason: 'OCIArtifactLayerOperationFailed' });
    fault.revision = revision;
    return fault;
  };
  const OUTDATED = 'ArtifactOutdated=True/NewRevision';

  it('says so until it is had, or is the one that is here', async () => {
    const away = new Fault('wire-unreachable', 'refused');
    const { run, next } = await ociRun([broken(`v1@${digest('c')}`), away, 'unchanged', broken(`v1@${digest('a')}`)]);
    expect(await next()).toContain(OUTDATED);
    expect(run.conditions).toContainEqual(
      expect.objectContaining({ message: `new revision 'v1@${digest('c')}' for 'e.com/app:v1'` }),
    );
    expect(await next()).toContain(OUTDATED);
    expect(await next()).toEqual(['Ready=True/Succeeded', 'ArtifactInStorage=True/Succeeded']);
    expect(await next()).not.toContain(OUTDATED);
  });

  it('says nothing of one that was found for another wish', async () => {
    const away = new Fault('wire-unreachable', 'refused');
    const { run, next } = await ociRun([broken(`v1@${digest('c')}`), away, away]);
    expect(await next()).toContain(OUTDATED);
    const { object } = run;
    const wish = (change: object) => ({ ...object, spec: { ...object.spec, ...change } }) as typeof object;
    run.object = wish({ ref: { tag: 'v2' } });
    expect(await next()).not.toContain(OUTDATED);
    // Nor where only its other fields change.
    run.object = wish({ interval: 1_000 });
    expect(await next()).toContain(OUTDATED);
  });

  it('shows the rules that its content was made with until other ones have come to hold', async () => {
    const { run, next } = await ociRun(['unchanged', new Fault('wire-unreachable', 'refused'), 'unchanged']);
    await next();
    const before = run.object;
    expect(run.observed).toBe(before);
    run.object = { ...before, spec: { ...before.spec, ignore: 'new' } } as typeof before;
    await next();
    expect(run.observed).toBe(before);
    await next();
    expect(run.observed).toBe(run.object);
  });
});

describe('a source that is suspended', () => {
  it.each(['True', 'False'] as const)(
    'and whose Ready was %s has been looked at, and what it was asked for',
    async (status) => {
      const { run, ports } = deletedSource();
      const { deleting: _deleting, ...meta } = run.object.meta;
      const { spec } = run.object;
      const object = { ...run.object, meta: { ...meta, requestedAt: 'now', generation: 7 } };
      run.object = { ...object, spec: { ...spec, suspend: true } } as typeof run.object;
      run.observedGeneration = 3;
      const ready = { type: 'Ready', reason: 'Succeeded', message: '', lastTransitionTime: '', observedGeneration: 3 };
      const stored = { ...ready, type: 'ArtifactInStorage', status: 'True' } as const;
      run.conditions = [{ ...ready, status }, stored];
      await runSource(run, ports);
      expect([run.observedGeneration, run.handledRequest]).toEqual([7, 'now']);
      expect(run.conditions).toEqual([{ ...ready, status, observedGeneration: 7 }, stored]);
    },
  );

  it('shows nothing where it was never looked at', async () => {
    const { run, ports } = deletedSource();
    const { deleting: _deleting, ...meta } = run.object.meta;
    run.object = { ...run.object, meta, spec: { ...run.object.spec, suspend: true } } as typeof run.object;
    run.observedGeneration = -1;
    await runSource(run, ports);
    expect([run.observedGeneration, run.conditions]).toEqual([-1, []]);
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
