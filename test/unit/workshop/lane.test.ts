import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { createLane } from '../../../agent/workshop/lane.ts';
import type { Job } from '../../../agent/workshop/protocol.ts';
import type { Ahead } from '../../../agent/workshop/spawn.ts';
import { type Fault, holds } from '../../../src/model/index.ts';

/** A process that never answers, handed out when the test says so. */
function world() {
  const ends: string[] = [];
  let hand = (): void => undefined;
  const child = Object.assign(new EventEmitter(), {
    stdin: Object.assign(new EventEmitter(), { write: () => true }),
    stdout: null,
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
  return { lane, hand: () => hand(), ends, child };
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
