import { describe, expect, it } from 'vitest';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { runSource } from '../../../agent/loop/source-run.ts';
import { newSourceRun, type SourceRun } from '../../../agent/loop/source-state.ts';
import { DEFAULT_LIMITS, Fault, type FaultCode, NO_TRAFFIC } from '../../../src/model/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { gitSource, KEY, sourcePorts } from './source-world.ts';

/** Milliseconds that a source waits after each of ten attempts that end at their deadline. */
async function waits(
  progress: boolean,
  code: FaultCode = 'wire-timeout',
): Promise<{ readonly run: SourceRun; readonly delays: readonly number[] }> {
  const clock = manualClock();
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const env = {
    clock,
    log,
    records: { traffic: () => NO_TRAFFIC, source: () => undefined, spent: async () => undefined },
    settings: { clusterName: 'test', schedules: [], limits: DEFAULT_LIMITS },
    news: NO_NEWS,
    workshop: {
      fetch: async () => {
        const fault = new Fault(code, 'too slow');
        fault.spent = { requests: 1, up: 10, down: 1_000 };
        fault.progress = progress;
        throw fault;
      },
    },
  } as unknown as LoopEnv;
  const source = gitSource();
  const run = newSourceRun(KEY, source, env);
  const delays: number[] = [];
  for (let i = 0; i < 10; i++) {
    await runSource(run, sourcePorts(env));
    delays.push(run.nextAt - clock.now());
  }
  return { run, delays };
}

describe('a source whose attempts end at their deadline', () => {
  it('waits longer and longer when they bring nothing', async () => {
    const { delays } = await waits(false);
    expect(Math.max(...delays)).toBeGreaterThan(60_000);
  });

  it('goes on soon as long as each brings something, and counts what it costs', async () => {
    const { run, delays } = await waits(true);
    expect(Math.max(...delays)).toBeLessThan(2_000);
    expect(run.standing?.failures).toBe(10);
    expect(run.count).toEqual({ requests: 10, up: 100, down: 10_000 });
  });
});

describe('the link to a source', () => {
  it.each([
    ['wire-timeout', 'down'],
    ['wire-server', 'up'],
    ['wire-throttled', 'up'],
    ['source-auth', 'up'],
  ] as const)('after %s is %s', async (code, state) => {
    expect((await waits(false, code)).run.link.state).toBe(state);
  });
});
