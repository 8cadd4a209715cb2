import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Attempt } from '../../../agent/adapters/ssh/attempt.ts';
import { type Quiet, watch } from '../../../agent/adapters/ssh/watch.ts';
import type { Connection } from '../../../agent/adapters/wire/connect.ts';
import type { Fault } from '../../../src/model/index.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A connection of which only what is counted is there. */
function begin(idleMs: number) {
  const raw = { bytesRead: 0, writableLength: 0 };
  const stream = { writableLength: 0 };
  const faults: Fault[] = [];
  const attempt = { target: 'h:22', fail: (fault: Fault) => void faults.push(fault) } as unknown as Attempt;
  const quiet: Quiet = watch({ raw, stream } as unknown as Connection, attempt, idleMs);
  return { raw, stream, faults, quiet, codes: () => [...new Set(faults.map(({ code }) => code))] };
}

it('waits for the idle time and for what is on its way at a kilobyte a second, and no longer than for an answer', () => {
  const { quiet, codes } = begin(1_000);
  vi.advanceTimersByTime(5_000);
  quiet.begin(3_000);
  quiet.pause();
  vi.advanceTimersByTime(5_000);
  quiet.begin();
  vi.advanceTimersByTime(3_900);
  expect(codes()).toEqual([]);
  quiet.end();
  quiet.begin();
  vi.advanceTimersByTime(900);
  expect(codes()).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(codes()).toEqual(['wire-timeout']);
  quiet.stop();
});

it('ends a connection whose server takes no answers', () => {
  const { quiet, stream, codes } = begin(1_000);
  stream.writableLength = 8 * 1_048_576;
  vi.advanceTimersByTime(1_000);
  expect(codes()).toEqual([]);
  stream.writableLength += 1;
  vi.advanceTimersByTime(200);
  expect(codes()).toEqual(['wire-protocol']);
  quiet.stop();
});

it('looks at nothing any more when it is over', () => {
  const { quiet, raw, codes } = begin(1_000);
  quiet.begin();
  quiet.stop();
  raw.bytesRead = 1e9;
  vi.advanceTimersByTime(60_000);
  expect(codes()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
