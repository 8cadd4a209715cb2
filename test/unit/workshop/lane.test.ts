import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { createLane } from '../../../agent/workshop/lane.ts';
import type { Job } from '../../../agent/workshop/protocol.ts';
import type { Ahead } from '../../../agent/workshop/spawn.ts';

/** A process that never answers, handed out when the test says so. */
function world(): { readonly lane: ReturnType<typeof createLane>; readonly hand: () => void; readonly ends: string[] } {
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
  return { lane, hand: () => hand(), ends };
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
