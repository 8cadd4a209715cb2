import { describe, expect, it } from 'vitest';
import { wallClockOf } from '../../../agent/loop/by-clock.ts';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import type { Site } from '../../../agent/loop/site.ts';
import { runSource } from '../../../agent/loop/source-run.ts';
import { newSourceRun } from '../../../agent/loop/source-state.ts';
import { watchWallClock } from '../../../agent/loop/wall-clock.ts';
import { DEFAULT_LIMITS, NO_TRAFFIC } from '../../../src/model/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';
import { gitSource, KEY, sourcePorts } from './source-world.ts';

const BUILT = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A watch on a clock that starts at this time, and what it was told. */
function watched(start: number, floor = 0) {
  const clock = manualClock(start);
  const moved: number[] = [];
  const accepted: number[] = [];
  const watch = watchWallClock({
    clock,
    log: silentLog,
    trustedAfter: BUILT,
    floor,
    onMoved: (ms) => void moved.push(ms),
    onAccept: (at) => void accepted.push(at),
  });
  return { clock, watch, moved, accepted };
}

describe('the wall clock', () => {
  it('is trusted while it runs on, and tells of nothing', async () => {
    const { clock, watch, moved } = watched(BUILT + DAY, BUILT + DAY);
    await clock.advance(10 * DAY);
    expect([watch.doubt(), moved]).toEqual(['', []]);
    expect(watch.floor()).toBeGreaterThan(BUILT + 10 * DAY);
  });

  it.each([
    ['at 1970', 0],
    ['before 1970', -DAY],
    ['before the build', BUILT - 1_000],
  ])('is not trusted %s, until it is set', async (_what, start) => {
    const { clock, watch, moved } = watched(start);
    expect(watch.doubt()).toMatch(/^the clock shows \d{4}-.*Z, before this software was made$/);
    await clock.advance(500);
    clock.setWall(BUILT + DAY);
    expect(watch.doubt()).toBe('');
    await clock.advance(HOUR);
    expect(moved).toEqual([BUILT + DAY - (start + 500)]);
  });

  it('is not trusted when it shows less than the disk remembers, but for what a start may lose', () => {
    expect(watched(BUILT + DAY, BUILT + DAY + HOUR).watch.doubt()).toBe(
      'the clock shows 2026-01-02T00:00:00Z, and 2026-01-02T01:00:00Z was seen here before',
    );
    expect(watched(BUILT + DAY, BUILT + DAY + 5 * 60_000).watch.doubt()).toBe('');
  });

  it('is not trusted after it jumped back from a time that was steady', async () => {
    const { clock, watch, moved } = watched(BUILT + 10 * DAY);
    await clock.advance(2 * HOUR);
    clock.setWall(BUILT + DAY);
    await clock.advance(60_000);
    expect(watch.doubt()).toContain('was seen here before');
    expect(moved).toHaveLength(1);
    await clock.advance(10 * DAY);
    // By running on it comes to where it was.
    expect([watch.doubt(), moved.slice(1)]).toEqual(['', [0]]);
  });

  it('that starts far ahead and is put right soon spoils nothing', async () => {
    const { clock, watch } = watched(BUILT + 70 * 365 * DAY);
    await clock.advance(10 * 60_000);
    clock.setWall(BUILT + DAY);
    await clock.advance(2 * HOUR);
    expect(watch.doubt()).toBe('');
    expect(watch.floor()).toBeLessThan(BUILT + 2 * DAY);
  });

  it('is accepted when somebody has looked, unless it shows a time before the build', async () => {
    const { clock, watch, moved, accepted } = watched(BUILT + DAY, BUILT + 70 * 365 * DAY);
    watch.accept();
    expect([watch.doubt(), accepted, moved]).toEqual(['', [BUILT + DAY], [0]]);
    clock.setWall(0);
    watch.accept();
    expect([watch.doubt() === '', accepted.length]).toEqual([false, 1]);
    watch.stop();
    expect(clock.waiting()).toBe(0);
  });
});

/** A source that is fetched at 02:00 each day, in an agent whose clock starts so. */
function scheduled(start: number) {
  const clock = manualClock(start);
  let fetches = 0;
  const env = {
    clock,
    log: silentLog,
    records: {
      traffic: () => NO_TRAFFIC,
      source: () => undefined,
      confirmed: async () => undefined,
      wallFloor: () => 0,
      acceptWall: async () => undefined,
    },
    settings: {
      clusterName: 'test',
      schedules: [{ source: KEY, cron: '0 2 * * *', timeZone: 'UTC' }],
      limits: DEFAULT_LIMITS,
      trustedAfter: BUILT,
    },
    news: NO_NEWS,
    workshop: {
      fetch: async () => {
        fetches += 1;
        return { kind: 'unchanged', identity: 'i', count: { requests: 1, up: 2, down: 3 } };
      },
      recompose: async () => undefined,
    },
  } as unknown as LoopEnv;
  const source = gitSource();
  const run = newSourceRun(KEY, source, env);
  const site = { env, sources: new Map([[run.key, run]]), kustomizations: new Map() } as unknown as Site;
  const ports = sourcePorts(env, {
    // The library asks the machine's clock.
    cron: { until: async (_cron, _zone, now) => nextAtTwo(now) - now },
    clockDoubt: () => site.wallClock.doubt(),
    wake: () => void runSource(run, ports),
  });
  site.wallClock = wallClockOf(site, ports);
  return { clock, run, ports, fetches: () => fetches };
}

const nextAtTwo = (now: number): number => {
  const today = Math.floor(now / DAY) * DAY + 2 * HOUR;
  return today > now ? today : today + DAY;
};

describe('a source with a schedule', () => {
  it('is not fetched at times that are not known; it says so, and goes on by itself when the clock is set', async () => {
    const { clock, run, ports, fetches } = scheduled(0);
    await runSource(run, ports);
    expect(run.standing).toMatchObject({
      code: 'clock-untrusted',
      reason: 'ClockUntrusted',
      message: expect.stringMatching(/fetchSchedule.*1970-01-01T00:00:00Z, before this software was made/),
    });
    expect(run.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
    expect(run.link.state).toBe('up');
    await clock.advance(3 * DAY);
    expect([fetches(), run.nextAt]).toEqual([1, 0]);
    clock.setWall(BUILT + DAY + HOUR);
    await clock.advance(30_000);
    // At once it is told when it will be; and fetched then, not before.
    expect([fetches(), run.standing, run.nextAt]).toEqual([1, undefined, BUILT + DAY + 2 * HOUR]);
    await clock.advance(HOUR);
    expect(fetches()).toBe(2);
  });

  it('keeps its time of day when the clock is set meanwhile', async () => {
    const { clock, run, ports, fetches } = scheduled(BUILT + 3 * HOUR);
    await runSource(run, ports);
    expect(run.nextAt).toBe(BUILT + DAY + 2 * HOUR);
    clock.setWall(BUILT + 5 * DAY + HOUR);
    await clock.advance(60_000);
    expect(run.nextAt).toBe(BUILT + 5 * DAY + 2 * HOUR);
    await clock.advance(HOUR);
    expect(fetches()).toBe(2);
  });

  it('waits when the clock jumps to where it cannot be, and one without a schedule does not care', async () => {
    const { clock, run, ports, fetches } = scheduled(BUILT + 3 * HOUR);
    await runSource(run, ports);
    clock.setWall(0);
    await clock.advance(2 * DAY);
    expect([fetches(), run.standing?.code]).toEqual([1, 'clock-untrusted']);
    const env = { ...ports.env, settings: { ...ports.env.settings, schedules: [] } };
    await runSource(run, { ...ports, env });
    expect(run.standing).toBeUndefined();
    expect(run.nextAt - clock.now()).toBeGreaterThan(HOUR * 0.9);
  });
});
