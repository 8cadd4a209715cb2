import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { bundleTime, inTime } from '../../../agent/workshop/in-time.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

it('a bundle has the time that is set, as far as a timer goes', async () => {
  expect(bundleTime(DEFAULT_LIMITS)).toBe(20 * 60_000);
  expect(bundleTime({ bundleMs: 6 * 3_600_000 })).toBe(6 * 3_600_000);
  expect(bundleTime({ bundleMs: 1_000 })).toBe(1_000);
  const long = inTime(
    () => new Promise((done) => setTimeout(() => done('read'), 5_000)),
    bundleTime({ bundleMs: 1e12 }),
    never,
  );
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await long).toBe('read');
});

it('a job that never comes back is given up in time, and told so', async () => {
  let told: AbortSignal | undefined;
  const job = inTime(
    (signal) => {
      told = signal;
      return new Promise(() => undefined);
    },
    1_000,
    never,
  );
  const failed = expect(job).rejects.toMatchObject({
    code: 'wire-timeout',
    message: expect.stringContaining('limits.bundleMs = 1000'),
  });
  await vi.advanceTimersByTimeAsync(1_000);
  await failed;
  expect(told?.aborted).toBe(true);
});

it('it ends at once when it is called off, before or meanwhile, and gives what it has else', async () => {
  const stop = new AbortController();
  const hung = inTime(() => new Promise(() => undefined), 1_000, stop.signal);
  stop.abort(new Error('enough'));
  await expect(hung).rejects.toThrow('enough');
  await expect(inTime(() => new Promise(() => undefined), 1_000, stop.signal)).rejects.toThrow('enough');
  expect(await inTime(async () => 1, 1_000, never)).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});
