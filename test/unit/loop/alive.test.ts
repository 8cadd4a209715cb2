import { describe, expect, it } from 'vitest';
import { createStints } from '../../../agent/loop/alive.ts';
import type { FetchWork, Workshop } from '../../../agent/loop/env.ts';
import { EMPTY, type KustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import { createRunner, type Runner } from '../../../agent/loop/runner.ts';
import type { SourceRun } from '../../../agent/loop/source-state.ts';
import { DEFAULT_LIMITS, type InventoryEntry } from '../../../src/model/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { gitSource, KEY } from './source-world.ts';

const MINUTE = 60_000;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A source with a timeout; others have another name. */
function sourceOf(timeout: number, name = 'app') {
  const source = gitSource();
  return { ...source, meta: { ...source.meta, name }, spec: { ...source.spec, timeout } };
}

/** A loop in which each run does what it is told, and a workshop whose fetches end when they are let. */
function world(runs: Readonly<Record<string, SourceRun | KustomizationRun>> = {}) {
  const clock = manualClock();
  const ends: (() => void)[] = [];
  const fetch = (): Promise<never> => new Promise((_, reject) => ends.push(() => reject(new Error('ended'))));
  const work = new Map<string, () => Promise<unknown>>();
  const runner: Runner = createRunner(
    async (key) =>
      void (await work
        .get(key)?.()
        .catch(() => undefined)),
    clock,
  );
  const stints = createStints(clock, DEFAULT_LIMITS, (key) => runner.touch(key));
  const workshop = stints.around({ fetch } as unknown as Workshop);
  return {
    clock,
    work,
    runner,
    alive: () => stints.alive(runner.running(), (key) => runs[key]),
    fetch: (source: ReturnType<typeof sourceOf>) =>
      workshop.fetch({ source } as unknown as FetchWork, new AbortController().signal),
    /** The fetch that began first ends. */
    end: async () => {
      ends.shift()?.();
      await settled();
    },
    begin: async (key: string, todo: () => Promise<unknown>) => {
      work.set(key, todo);
      runner.wake(key, 'interval');
      await settled();
    },
  };
}

describe('a run that goes on for long', () => {
  it('is stuck after half an hour in which nothing is waited for', async () => {
    const one = world();
    await one.begin(KEY, () => new Promise(() => undefined));
    await one.clock.advance(29 * MINUTE);
    expect(one.alive()).toBe(true);
    await one.clock.advance(MINUTE);
    expect(one.alive()).toBe(false);
  });

  it('may wait for a fetch as long as its source may take, and no longer', async () => {
    const one = world();
    await one.begin(KEY, () => one.fetch(sourceOf(60 * MINUTE)));
    await one.clock.advance(3 * 60 * MINUTE + 29 * MINUTE);
    expect(one.alive()).toBe(true);
    await one.clock.advance(MINUTE);
    expect(one.alive()).toBe(false);
  });

  it('may wait for its turn behind the fetches of others', async () => {
    const one = world();
    await one.begin('GitRepository/team/slow', () => one.fetch(sourceOf(60 * MINUTE, 'slow')));
    await one.begin(KEY, () => one.fetch(sourceOf(MINUTE)));
    await one.clock.advance(100 * MINUTE);
    await one.end();
    await one.clock.advance(60 * MINUTE);
    expect(one.alive()).toBe(true);
    await one.clock.advance(60 * MINUTE);
    expect(one.alive()).toBe(false);
  });

  it('has half an hour from the end of its fetch on', async () => {
    const one = world();
    const lost = new Promise(() => undefined);
    await one.begin(KEY, () => one.fetch(sourceOf(60 * MINUTE)).catch(() => lost));
    await one.clock.advance(100 * MINUTE);
    await one.end();
    await one.clock.advance(29 * MINUTE);
    expect(one.alive()).toBe(true);
    await one.clock.advance(MINUTE);
    expect(one.alive()).toBe(false);
  });

  it('is another one each time that it is woken meanwhile', async () => {
    const one = world();
    let next: () => void = () => undefined;
    await one.begin(KEY, () => new Promise<void>((resolve) => (next = resolve)));
    for (let time = 0; time < 4; time++) {
      await one.clock.advance(20 * MINUTE);
      expect(one.alive()).toBe(true);
      one.runner.wake(KEY, 'requested');
      next();
      await settled();
    }
  });

  const app = 'Kustomization/team/app';
  const kustomization = (objects: number, deleting: boolean): KustomizationRun => {
    const inventory = Array.from(
      { length: objects },
      (_, i) => ({ id: `team_${i}__ConfigMap` }) as unknown as InventoryEntry,
    );
    const object = { meta: { deleting }, spec: { timeout: 60 * MINUTE } };
    return { record: { ...EMPTY, inventory }, object } as unknown as KustomizationRun;
  };

  it.each([
    ['of few objects', kustomization(1, false), 31],
    // 3 requests of 30 s for each of 1,600 objects, 16 at a time.
    ['of many objects, each of which may take its time', kustomization(1_600, false), 150 + 30],
    ['that is deleted and waits for its objects to end', kustomization(1, true), 60 + 31],
  ])('of a Kustomization %s is stuck when all of it had its time', async (_what, run, minutes) => {
    const one = world({ [app]: run });
    await one.begin(app, () => new Promise(() => undefined));
    await one.clock.advance((minutes - 1) * MINUTE);
    expect(one.alive()).toBe(true);
    await one.clock.advance(MINUTE);
    expect(one.alive()).toBe(false);
  });
});
