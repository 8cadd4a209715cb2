import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A process that answers a line of JSON with a line of JSON, one after another. */
export interface LineServer<Q, A> {
  ask(question: Q): Promise<A>;
  /** Its process id. */
  readonly pid: number;
  stop(): void;
}

/** Starts one; `what` names in an error what it was doing when it ended. */
export function startLines<Q, A>(program: string, what: (question: Q) => string): LineServer<Q, A> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(program, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${program} ended while it built ${what(question)}`);
      return JSON.parse(value) as A;
    },
    stop: () => child.stdin.end(),
  };
}
