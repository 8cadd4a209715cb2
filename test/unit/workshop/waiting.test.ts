import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { whenWaiting } from '../../../agent/workshop/waiting.ts';

describe('a job that waits for a server', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Shares of time at work, one a look; the last stays. */
  const world = (...shares: number[]): { readonly told: () => number; readonly end: () => void } => {
    let [looks, told] = [0, 0];
    const end = whenWaiting(
      () => {
        told += 1;
      },
      () => {
        const mine = shares[Math.min(looks++, shares.length - 1)] ?? 0;
        return () => mine;
      },
    );
    return { told: () => told, end };
  };

  it('is told of once', async () => {
    const { told } = world(0.1);
    await vi.advanceTimersByTimeAsync(400);
    expect(told()).toBe(0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told()).toBe(1);
  });

  it('is not who works, however long; and is who begins to wait', async () => {
    const { told } = world(1, 0.9, 0.6, 0.2);
    await vi.advanceTimersByTimeAsync(1_700);
    expect(told()).toBe(0);
    await vi.advanceTimersByTimeAsync(500);
    expect(told()).toBe(1);
  });

  it('is not told of once the job is over', async () => {
    const { told, end } = world(0);
    end();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told()).toBe(0);
  });
});

it('work of the event loop is no waiting, and doing nothing is', async () => {
  const waits = new Promise<number>((resolve) => {
    const began = performance.now();
    const end = began + 1_200;
    // Busy first, with room for timers.
    const work = (): void => {
      for (const until = performance.now() + 40; performance.now() < until; ) Math.sqrt(2);
      if (performance.now() < end) setImmediate(work);
    };
    whenWaiting(() => resolve(performance.now() - began));
    setImmediate(work);
  });
  expect(await waits).toBeGreaterThan(1_200);
});
