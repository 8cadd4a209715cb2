import { systemClock } from '../adapters/clock/index.ts';
import { createLog } from '../adapters/log/index.ts';
import { serveWork } from '../workshop/serve.ts';
import type { CliIo } from './io.ts';

export const help = `Usage: holdfast worker

Not for people: the agent starts it to do heavy work in memory that goes back to the system afterwards.
`;

/** `holdfast worker`: jobs on stdin, answers on stdout. */
export async function run(_argv: readonly string[], io: CliIo): Promise<number> {
  await serveWork(createLog({ level: 'warn', clock: systemClock(), write: (line) => io.stderr(line) }));
  return 0;
}
