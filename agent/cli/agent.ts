import { asFault } from '../../src/model/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { followConfig, watchObjects } from '../config/index.ts';
import { stayingSmall } from '../memory.ts';
import { spawnAhead } from '../workshop/spawn.ts';
import type { CliIo } from './io.ts';
import { configured, logFor, objectsOf, optionsOf } from './setup.ts';

export const help = `Usage: holdfast agent --config FILE

Runs the agent until SIGTERM or SIGINT: fetches the declared sources, applies the declared Kustomizations, keeps them
applied, reports. Needs no network to start. SIGHUP fetches and checks everything now.

  -c, --config FILE   AgentConfiguration (default /etc/holdfast/config.yaml)

Exit code 0 after a signal, 1 when the configuration cannot be read or another agent has the state folder.
`;

/** `holdfast agent`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  stayingSmall();
  // The launcher's settings of malloc are for one that stays; a child would make a system call of every larger piece.
  for (const name of Object.keys(process.env)) if (name.startsWith('MALLOC_')) delete process.env[name];
  // From the first moment on: without a handler the signal would end the process.
  let onHangUp = (): void => undefined;
  process.on('SIGHUP', () => onHangUp());
  const setup = await configured('agent', argv, io);
  if (typeof setup === 'number') return setup;
  const { config } = setup;
  const log = logFor(config, io);
  try {
    const ahead = config.workers === 'never' ? undefined : spawnAhead(config.stateDir, config.limits.workerMemoryMib);
    // Read while the worker starts.
    const { startAgent } = await import('../wire.ts');
    const clock = systemClock();
    const follow = followConfig(setup.file, { env: io.env, clock, log, running: config, mark: setup.mark });
    const agent = await startAgent({ ...optionsOf(config, log), ahead, configuration: follow.state });
    const watch = watchObjects(config.objects.files, (snapshot) => agent.loop.declare(objectsOf(snapshot)), {
      limits: config.limits,
      clock,
    });
    agent.loop.declare(objectsOf(watch.current()));
    onHangUp = (): void => {
      void follow.refresh();
      watch.refresh();
      agent.nudge();
    };
    log.info('serving', { address: agent.address });
    await stopped(io.signal);
    onHangUp = (): void => undefined;
    follow.close();
    watch.close();
    await agent.stop();
    return 0;
  } catch (error) {
    io.stderr(`holdfast agent: ${asFault(error).message}\n`);
    return 1;
  }
}

/** Keeps the process alive until it is told to end. */
function stopped(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, 2 ** 30);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}
