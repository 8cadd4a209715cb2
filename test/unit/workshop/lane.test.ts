import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedEnd } from '../../../agent/workshop/lane.ts';
import type { Job } from '../../../agent/workshop/protocol.ts';
import { type Fault, holds } from '../../../src/model/index.ts';
import { laneWorld as world } from './world.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a job that is called off while its process starts ends, and the process with it', async () => {
  const { lane, hand, ends } = world();
  const stop = new AbortController();
  const job = lane.run({ kind: 'bundle' } as Job, { timeoutMs: 60_000, signal: stop.signal });
  const failed = expect(job).rejects.toThrow('enough');
  await turn();
  stop.abort(new Error('enough'));
  hand();
  await failed;
  expect(ends).toEqual(['SIGKILL']);
});

it.each(['SIGKILL', 'SIGABRT'])(
  'a bundle whose process ends by %s is worth another try, other content is not',
  async (end) => {
    const { lane, hand, child } = world();
    for (const kind of ['bundle', 'fetch'] as const) {
      const job = lane.run({ kind } as Job, { timeoutMs: 60_000, signal: new AbortController().signal });
      const fault = job.catch((error: unknown) => error as Fault);
      await turn();
      hand();
      await turn();
      child.kill(end);
      const { code, retryAfterMs, message } = (await fault) as Fault;
      expect([code, holds({ code, retryAfterMs })]).toEqual(['source-bounds', kind === 'bundle']);
      expect(message).toContain('limits.workerMemoryMib');
    }
  },
);

it('a bundle that is late is worth another try, and names its own limit', async () => {
  const { lane, hand } = world();
  const job = lane.run({ kind: 'bundle' } as Job, { timeoutMs: 1, signal: new AbortController().signal });
  const failed = job.catch((error: unknown) => error as Fault);
  await turn();
  hand();
  const fault = (await failed) as Fault;
  expect([fault.message, holds(fault)]).toEqual(['the file took longer than limits.bundleMs = 1', true]);
});

it('a process that says what is no answer is ended, and its job fails', async () => {
  const { lane, hand, ends, raw } = world();
  const job = lane.run({ kind: 'fetch' } as Job, { timeoutMs: 60_000, signal: new AbortController().signal });
  const fault = job.catch((error: unknown) => error as Fault);
  await turn();
  hand();
  await turn();
  raw('(node:1) Warning: something\n');
  expect(await fault).toMatchObject({ code: 'internal', message: expect.stringContaining('Warning: something') });
  expect(ends).toEqual(['SIGKILL']);
});

describe('two jobs in one process', () => {
  const FETCH = { kind: 'fetch' } as Job;
  afterEach(() => void vi.useRealTimers());

  async function both() {
    const { lane, hand, ...more } = world();
    const stops = [new AbortController(), new AbortController()];
    const jobs = stops.map(({ signal }) =>
      lane.run(FETCH, { timeoutMs: 60_000, signal }).catch((error: unknown) => error),
    );
    await turn();
    hand();
    await turn();
    return { ...more, jobs, stops };
  }

  it('get each their own answer', async () => {
    const { jobs, said, answer } = await both();
    expect(said.slice(1)).toEqual([
      { id: 1, job: FETCH },
      { id: 2, job: FETCH },
    ]);
    for (const id of [2, 1]) answer({ id, answer: { ok: true, value: { kind: `of ${id}` } } });
    expect(await Promise.all(jobs)).toEqual([{ kind: 'of 1' }, { kind: 'of 2' }]);
  });

  it('are not blamed for its end, neither of them', async () => {
    const { jobs, child } = await both();
    child.kill('SIGABRT');
    for (const one of await Promise.all(jobs)) expect(one).toBeInstanceOf(SharedEnd);
  });

  it('that end together leave nothing that ends a third one later', async () => {
    vi.useFakeTimers();
    const { lane, hand, answer, ends } = world(2_000);
    const limits = { timeoutMs: 60_000, signal: new AbortController().signal };
    const two = [lane.run(FETCH, limits), lane.run(FETCH, limits)];
    await vi.advanceTimersByTimeAsync(0);
    hand();
    await vi.advanceTimersByTimeAsync(0);
    for (const id of [1, 2]) answer({ id, answer: { ok: true, value: null } });
    await vi.advanceTimersByTimeAsync(0);
    expect(await Promise.all(two)).toEqual([null, null]);
    await vi.advanceTimersByTimeAsync(1_000);
    const third = lane.run(FETCH, limits).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ends).toEqual([]);
    answer({ id: 3, answer: { ok: true, value: null } });
    await vi.advanceTimersByTimeAsync(0);
    expect(await third).toBe(null);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ends).toEqual(['SIGKILL']);
  });

  it('go on when one is called off', async () => {
    const { jobs, stops, said, answer, ends } = await both();
    stops[0]?.abort(new Error('enough'));
    expect(said.at(-1)).toEqual({ cancel: 1 });
    const fault = { code: 'internal', message: 'aborted', reason: '', spent: null, progress: false, paths: [] };
    answer({ id: 1, answer: { ok: false, fault } });
    expect(await jobs[0]).toMatchObject({ message: 'enough' });
    answer({ id: 2, answer: { ok: true, value: null } });
    expect([await jobs[1], ends]).toEqual([null, []]);
  });

  it('end with their process when one does not heed that it is called off', async () => {
    const { jobs, stops, ends } = await both();
    vi.useFakeTimers();
    stops[0]?.abort(new Error('enough'));
    await vi.advanceTimersByTimeAsync(1_900);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(ends).toEqual(['SIGKILL']);
    expect(await jobs[0]).toMatchObject({ message: 'enough' });
    expect(await jobs[1]).toBeInstanceOf(SharedEnd);
  });
});

describe('a fetch that is late', () => {
  const FETCH = { kind: 'fetch' } as Job;
  const SPENT = { requests: 3, up: 20, down: 7_000 };
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** One that has run out of its minute. */
  async function late(job = FETCH) {
    const { lane, hand, ...more } = world();
    const used = { ms: 0 };
    const failed = lane
      .run(job, { timeoutMs: 60_000, used, signal: new AbortController().signal })
      .catch((error: unknown) => error as Fault);
    await vi.advanceTimersByTimeAsync(0);
    hand();
    await vi.advanceTimersByTimeAsync(0);
    return { ...more, failed, used };
  }
  const answerOf = (progress: boolean) => ({
    ok: false,
    fault: { code: 'internal', message: 'aborted', reason: '', spent: SPENT, progress, paths: [] },
  });

  it.each([true, false])('tells what it has moved, and whether it brought something: %s', async (progress) => {
    const { failed, used, said, answer, ends } = await late();
    await vi.advanceTimersByTimeAsync(59_999);
    expect(said.slice(2)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(said.at(-1)).toEqual({ cancel: 1 });
    answer({ id: 1, answer: answerOf(progress) });
    await vi.advanceTimersByTimeAsync(0);
    expect(await failed).toMatchObject({
      code: 'wire-timeout',
      message: expect.stringContaining('60000 ms (spec.timeout)'),
      spent: SPENT,
      progress,
    });
    expect([ends, used.ms]).toEqual([[], 60_000]);
  });

  it('and does not heed it has told before what it had moved', async () => {
    const { failed, answer, ends } = await late();
    answer({ id: 1, note: { moved: { spent: { ...SPENT, down: 1 }, kept: false } } });
    answer({ id: 1, note: { moved: { spent: SPENT, kept: true } } });
    await vi.advanceTimersByTimeAsync(69_900);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(ends).toEqual(['SIGKILL']);
    expect(await failed).toMatchObject({ code: 'wire-timeout', spent: SPENT, progress: true });
  });

  it('for want of memory is counted, and not gone on with soon', async () => {
    const { failed, answer, child } = await late();
    answer({ id: 1, note: { moved: { spent: SPENT, kept: true } } });
    await vi.advanceTimersByTimeAsync(0);
    child.kill('SIGABRT');
    expect(await failed).toMatchObject({ code: 'source-bounds', spent: SPENT, progress: false });
  });

  it('is not asked when it is a render: that is ended at once', async () => {
    const { failed, said, ends } = await late({ kind: 'render' } as Job);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([said.length, ends]).toEqual([2, ['SIGKILL']]);
    expect(await failed).toMatchObject({ code: 'build-failed' });
  });
});
