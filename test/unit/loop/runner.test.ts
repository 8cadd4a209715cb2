import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../agent/loop/runner.ts';

describe('the runner', () => {
  it('begins runs in the order of their wakes, one a turn', async () => {
    const seen: string[] = [];
    const turns: (() => void)[] = [];
    const pause = (): Promise<void> => new Promise((resolve) => turns.push(resolve));
    const runner = createRunner(async (key) => void seen.push(key), { monotonic: () => 0, pause });
    for (const key of ['b', 'a', 'c']) runner.wake(key, 'revision');
    await settled();
    expect(seen).toEqual(['b']);
    turns.shift()?.();
    await settled();
    expect(seen).toEqual(['b', 'a']);
    turns.shift()?.();
    await settled();
    expect(seen).toEqual(['b', 'a', 'c']);
  });

  it('gives a key that is woken before its turn one run with all causes', async () => {
    const runs: (readonly string[])[] = [];
    const runner = createRunner(async (_key, causes) => void runs.push([...causes]), { monotonic: () => 0 });
    runner.wake('a', 'revision');
    runner.wake('a', 'requested');
    await settled();
    expect(runs).toEqual([['revision', 'requested']]);
  });

  it('tells a run when it was woken last', async () => {
    const times: number[] = [];
    let now = 1;
    const runner = createRunner(async (_key, _causes, woken) => void times.push(woken), { monotonic: () => now });
    runner.wake('a', 'revision');
    now = 2;
    runner.wake('a', 'requested');
    now = 3;
    await settled();
    expect(times).toEqual([2]);
  });

  it('begins nothing that still waits for its turn once it is closed', async () => {
    const seen: string[] = [];
    const turns: (() => void)[] = [];
    const pause = (): Promise<void> => new Promise((resolve) => turns.push(resolve));
    const runner = createRunner(async (key) => void seen.push(key), { monotonic: () => 0, pause });
    runner.wake('a', 'start');
    runner.wake('b', 'start');
    await settled();
    const closed = runner.close();
    for (const go of turns) go();
    await closed;
    expect(seen).toEqual(['a']);
  });
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
