import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Child, createChild } from '../../../agent/workshop/child.ts';
import { type JobLimits, SharedEnd } from '../../../agent/workshop/lane.ts';
import type { Job, Note } from '../../../agent/workshop/protocol.ts';
import { Fault } from '../../../src/model/index.ts';

/** Lanes whose jobs end when the test says so. */
function world(): {
  readonly child: Child;
  readonly lanes: () => number;
  readonly closed: () => number;
  readonly open: (() => void)[];
  readonly notes: readonly (((note: Note) => void) | undefined)[];
} {
  const open: (() => void)[] = [];
  const notes: (((note: Note) => void) | undefined)[] = [];
  let [made, closed] = [0, 0];
  const child = createChild({ setup: () => ({}) as never, memoryMib: 1, idleMs: 1 }, () => {
    made += 1;
    return {
      run: (_, { onNote }) => {
        notes.push(onNote);
        return new Promise((resolve) => open.push(() => resolve({} as never)));
      },
      close: () => {
        closed += 1;
      },
    };
  });
  return { child, lanes: () => made, closed: () => closed, open, notes };
}

const JOB = { kind: 'render' } as Job;
const LIMITS = { timeoutMs: 60_000, signal: new AbortController().signal };
const SLOW_MS = 8_100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('one job at a time runs in the child, in order', async () => {
  const { child, open, lanes } = world();
  const all = [1, 2, 3].map(() => child.run(JOB, LIMITS));
  for (const count of [1, 2, 3]) {
    await vi.advanceTimersByTimeAsync(100);
    expect(open).toHaveLength(count);
    open.at(-1)?.();
  }
  await Promise.all(all);
  expect(lanes()).toBe(1);
});

it('beside a job that takes long another one goes on, up to three', async () => {
  const { child, open, lanes } = world();
  for (let i = 0; i < 6; i++) void child.run(JOB, LIMITS);
  for (const count of [1, 2, 3, 3]) {
    await vi.advanceTimersByTimeAsync(0);
    expect(open).toHaveLength(count);
    await vi.advanceTimersByTimeAsync(SLOW_MS);
  }
  expect(lanes()).toBe(3);
});

it('once the slow ones are done it is one at a time again', async () => {
  const { child, open } = world();
  const slow = [1, 2, 3].map(() => child.run(JOB, LIMITS));
  await vi.advanceTimersByTimeAsync(3 * SLOW_MS);
  for (const end of open) end();
  await Promise.all(slow);
  for (let i = 0; i < 3; i++) void child.run(JOB, LIMITS);
  await vi.advanceTimersByTimeAsync(100);
  expect(open).toHaveLength(4);
});

it('once there is no more work, only one process waits for some', async () => {
  const { child, open, lanes, closed } = world();
  const slow = [1, 2, 3].map(() => child.run(JOB, LIMITS));
  await vi.advanceTimersByTimeAsync(3 * SLOW_MS);
  for (const end of open) end();
  await Promise.all(slow);
  expect([lanes(), closed()]).toEqual([3, 2]);
});

it('a job that says that it waits for a server lets others go on at once', async () => {
  const { child, open, notes } = world();
  for (let i = 0; i < 2; i++) void child.run(JOB, LIMITS);
  await vi.advanceTimersByTimeAsync(900);
  expect(open).toHaveLength(1);
  notes[0]?.({ waiting: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(open).toHaveLength(2);
});

it('other notes of a job go to who asked', async () => {
  const { child, notes } = world();
  const heard: Note[] = [];
  void child.run(JOB, { ...LIMITS, onNote: (note) => void heard.push(note) });
  await vi.advanceTimersByTimeAsync(0);
  notes[0]?.({ expected: 7 });
  notes[0]?.({ waiting: true });
  expect(heard).toEqual([{ expected: 7 }]);
});

describe('fetches that wait for their servers', () => {
  const FETCH = { kind: 'fetch' } as Job;

  it('share one process, and leave others to what works', async () => {
    const { child, open, notes, lanes } = world();
    for (let i = 0; i < 4; i++) {
      void child.run(FETCH, LIMITS);
      await vi.advanceTimersByTimeAsync(0);
      notes[i]?.({ waiting: true });
    }
    expect([open.length, lanes()]).toEqual([4, 1]);
    void child.run(JOB, LIMITS);
    await vi.advanceTimersByTimeAsync(0);
    expect([open.length, lanes()]).toEqual([5, 2]);
  });

  it('never keep a render waiting, however many there are', async () => {
    const { child, open, notes, lanes } = world();
    for (let i = 0; i < 30; i++) {
      void child.run(FETCH, LIMITS);
      await vi.advanceTimersByTimeAsync(0);
      notes[i]?.({ waiting: true });
    }
    expect([open.length, lanes()]).toEqual([16, 2]);
    void child.run(JOB, LIMITS);
    await vi.advanceTimersByTimeAsync(0);
    expect([open.length, lanes()]).toEqual([17, 3]);
  });

  it('wait where one of that process is at work', async () => {
    const { child, open, notes } = world();
    for (let i = 0; i < 3; i++) void child.run(FETCH, LIMITS);
    await vi.advanceTimersByTimeAsync(0);
    notes[0]?.({ waiting: true });
    await vi.advanceTimersByTimeAsync(0);
    expect(open).toHaveLength(2);
  });

  it('are done once more, alone, when their process ended with all of them', async () => {
    const ends: ((error: Error) => void)[] = [];
    const notes: (((note: Note) => void) | undefined)[] = [];
    let made = 0;
    const child = createChild({ setup: () => ({}) as never, memoryMib: 1, idleMs: 1 }, () => {
      made += 1;
      const run = (_: Job, { onNote }: JobLimits): Promise<never> => {
        notes.push(onNote);
        return new Promise((_, reject) => ends.push(reject));
      };
      return { run, close: () => undefined };
    });
    const all = [1, 2].map(() => child.run(FETCH, LIMITS).catch((error: Error) => error.message));
    await vi.advanceTimersByTimeAsync(0);
    notes[0]?.({ waiting: true });
    await vi.advanceTimersByTimeAsync(0);
    notes[1]?.({ waiting: true });
    expect([ends.length, made]).toEqual([2, 1]);
    for (const end of [...ends]) end(new SharedEnd());
    await vi.advanceTimersByTimeAsync(0);
    notes[2]?.({ waiting: true });
    await vi.advanceTimersByTimeAsync(0);
    expect([ends.length, made]).toEqual([4, 2]);
    for (const end of ends.slice(2)) end(new Error('to blame'));
    expect(await Promise.all(all)).toEqual(['to blame', 'to blame']);
  });

  it.each([true, false])('count what they had moved in the process that ended: %s', async (good) => {
    const spent = { requests: 2, up: 20, down: 5_000 };
    let tries = 0;
    const child = createChild({ setup: () => ({}) as never, memoryMib: 1, idleMs: 1 }, () => ({
      run: async () => {
        tries += 1;
        if (tries === 1) throw new SharedEnd('SIGABRT', spent);
        if (good) return { kind: 'unchanged', revision: 'r', count: { requests: 1, up: 1, down: 1 } };
        throw new Fault('wire-cut', 'cut');
      },
      close: () => undefined,
    }));
    const done = child.run({ kind: 'fetch' } as Job, LIMITS).catch((error: unknown) => error);
    if (good) expect(await done).toMatchObject({ count: { requests: 3, up: 21, down: 5_001 } });
    else expect(await done).toMatchObject({ code: 'wire-cut', spent });
  });
});
