import { parseDuration } from '../../src/flux/index.ts';
import { asFault, type KustomizationStatus } from '../../src/model/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { watchObjects } from '../config/index.ts';
import { startAgent } from '../wire.ts';
import { type CliIo, usageError } from './io.ts';
import { configured, logFor, objectsOf, optionsOf } from './setup.ts';

export const help = `Usage: holdfast sync --once --config FILE [--timeout DURATION]

Fetches and applies everything that is declared, once, waits for health checks, and ends.

  -c, --config FILE     AgentConfiguration (default /etc/holdfast/config.yaml)
      --timeout TIME    longest time to wait, such as 5m (default 10m)

Exit code 0 when everything is as declared, 1 when something is not; each that is not is named with its reason.
`;

const POLL_MS = 50;

/** `holdfast sync --once`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const setup = await configured('sync', argv, io);
  if (typeof setup === 'number') return setup;
  const { config, flags } = setup;
  if (flags['once'] !== true) return usageError(io, 'sync', 'say --once; without an end it is "holdfast agent"');
  const timeoutMs = typeof flags['timeout'] === 'string' ? parseDuration(flags['timeout']) : 600_000;
  if (timeoutMs === undefined)
    return usageError(io, 'sync', `--timeout ${String(flags['timeout'])} is not a duration such as 90s or 5m`);
  try {
    const agent = await startAgent({ ...optionsOf(config, logFor(config, io)), listen: '' });
    const clock = systemClock();
    const watch = watchObjects(config.objects.files, () => undefined, { limits: config.limits, clock });
    agent.loop.declare(objectsOf(watch.current()));
    watch.close();
    const end = clock.monotonic() + timeoutMs;
    while (!agent.loop.idle() && clock.monotonic() < end && io.signal?.aborted !== true) await clock.sleep(POLL_MS);
    const status = agent.loop.status();
    await agent.stop();
    return tell(status.kustomizations, status.problems, io);
  } catch (error) {
    io.stderr(`holdfast sync: ${asFault(error).message}\n`);
    return 1;
  }
}

function tell(
  all: readonly KustomizationStatus[],
  problems: readonly { where: string; message: string }[],
  io: CliIo,
): number {
  const open = all.filter((one) => !one.converged && !one.suspended);
  for (const one of all) {
    const state = one.suspended
      ? 'suspended'
      : one.converged
        ? `applied ${one.lastAppliedRevision}`
        : (one.notConverged?.message ?? 'not applied in time');
    io.stdout(`${one.namespace}/${one.name}: ${state}\n`);
  }
  for (const problem of problems) io.stderr(`${problem.where}: ${problem.message}\n`);
  return open.length === 0 && problems.length === 0 ? 0 : 1;
}
