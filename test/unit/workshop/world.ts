import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { createLane } from '../../../agent/workshop/lane.ts';
import type { Order } from '../../../agent/workshop/protocol.ts';
import type { Ahead } from '../../../agent/workshop/spawn.ts';

/** A process that never answers, handed out when the test says so. */
export function fakeProcess() {
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
  const answer = (what: unknown): void => void stdout.write(`${JSON.stringify(what)}\n`);
  const raw = (text: string): void => void stdout.write(text);
  return { ahead, hand: () => hand(), ends, child, said, answer, raw };
}

/** A lane on one. */
export function laneWorld(idleMs = 1) {
  const { ahead, ...more } = fakeProcess();
  return { lane: createLane({ setup: () => ({}) as never, memoryMib: 1, idleMs, ahead }), ...more };
}
