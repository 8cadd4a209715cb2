import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLane, SharedEnd } from '../../../agent/workshop/lane.ts';
import type { Job, Order } from '../../../agent/workshop/protocol.ts';
import type { Ahead } from '../../../agent/workshop/spawn.ts';
import { type Fault, holds } from '../../../src/model/index.ts';

/** A process that never answers, handed out when the test says so. */
function world() {
  const ends: string[] = [];
  /** The setup, then orders. */
  const said: Order[] = [];
  const stdout = new PassThrough();
  let hand = (): void => undefined;
  const child = Object.assign(new EventEmitter(), {
    stdin: Object.assign(new EventEmitter(), { write: (line: string) => said.push(JSON.parse(line) as Order) > 0 }),
    stdout,
    kill: (signal: string) => {
      ends.push(signal);
      child.emit('exit', null, signal);
      return true;
    },
  });
  const ahead = {
    take: () =>
      new Promise((resolve) => {
        hand = () => resolve(child);
      }),
  } as unknown as Ahead;
  const lane = createLane({ setup: () => ({}) as never, memoryMib: 1, idleMs: 1, ahead });
  const answer = (what: unknown): void => void stdout.write(`${JSON.stringify(what)}\n`);
  const raw = (text: string): void => void stdout.write(text);
  return { lane, hand: () => hand(), ends, child, said, answer, raw };
}

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
