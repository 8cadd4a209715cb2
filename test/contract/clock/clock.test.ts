import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../agent/adapters/clock/index.ts';
import type { Clock } from '../../../src/ports/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

interface Subject {
  readonly clock: Clock;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
}

const subjects: readonly (readonly [string, () => Subject])[] = [
  [
    'system clock',
    () => ({ clock: systemClock(), pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 5)) }),
  ],
  [
    'manual clock',
    () => {
      const clock = manualClock();
      return { clock, pass: (ms) => clock.advance(ms) };
    },
  ],
];

describe.each(subjects)('%s', (_, make) => {
  it('moves both clocks on together', async () => {
    const { clock, pass } = make();
    const [wall, mono] = [clock.now(), clock.monotonic()];
    await pass(30);
    expect(clock.monotonic() - mono).toBeGreaterThanOrEqual(29);
    expect(clock.now() - wall).toBeGreaterThanOrEqual(28);
  });

  it('wakes a sleeper after its time and not before', async () => {
    const { clock, pass } = make();
    let woken = false;
    const slept = clock.sleep(40).then(() => {
      woken = true;
    });
    await pass(5);
    expect(woken).toBe(false);
    await pass(60);
    expect(woken).toBe(true);
    await slept;
  });

  it('ends a sleep at once with the reason of the signal', async () => {
    const { clock } = make();
    const stop = new AbortController();
    const slept = clock.sleep(3_600_000, stop.signal);
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(slept).rejects.toBe(reason);
  });

  it('does not begin a sleep when the signal has already aborted', async () => {
    const { clock } = make();
    const reason = new Error('before');
    await expect(clock.sleep(3_600_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('calls once, in order of time', async () => {
    const { clock, pass } = make();
    const calls: string[] = [];
    clock.after(60, () => calls.push('late'));
    clock.after(10, () => calls.push('early'));
    await pass(120);
    await pass(20);
    expect(calls).toEqual(['early', 'late']);
  });

  it('does not call what was cancelled', async () => {
    const { clock, pass } = make();
    const calls: string[] = [];
    const cancel = clock.after(10, () => calls.push('never'));
    cancel();
    cancel();
    await pass(40);
    expect(calls).toEqual([]);
  });

  it('takes a time of 0 or less as soon, but never within the call', async () => {
    const { clock, pass } = make();
    const calls: number[] = [];
    clock.after(-5, () => calls.push(1));
    expect(calls).toEqual([]);
    await pass(5);
    expect(calls).toEqual([1]);
  });

  it('waits for a time longer than a 32 bit timer can count', async () => {
    const { clock, pass } = make();
    const calls: number[] = [];
    const cancel = clock.after(2 ** 31 + 1000, () => calls.push(1));
    await pass(20);
    expect(calls).toEqual([]);
    cancel();
  });
});

describe('manual clock', () => {
  it('passes 30 days in one call, with every timer in between', async () => {
    const clock = manualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      clock.after(3_600_000, tick);
    };
    clock.after(3_600_000, tick);
    await clock.advance(30 * 24 * 3_600_000);
    expect(ticks).toBe(720);
    expect(clock.waiting()).toBe(1);
    expect(clock.next()).toBe(3_600_000);
  });

  it('moves the wall clock alone when it jumps', async () => {
    const clock = manualClock();
    await clock.advance(1000);
    clock.setWall(0);
    expect(clock.now()).toBe(0);
    expect(clock.monotonic()).toBe(1000);
  });
});
