import { resolve } from 'node:path';
import { DEFAULT_LIMITS, Fault, type Limits } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { systemClock } from '../../adapters/clock/index.ts';
import { createLog } from '../../adapters/log/index.ts';
import { watchObjects } from '../../config/index.ts';
import type { Objects } from '../../loop/env.ts';
import { type TrustedRootFile, trustedRoot } from '../../trusted-root.ts';
import { type AgentOptions, makeParts, type Parts } from '../../wire.ts';
import type { CliIo } from '../io.ts';
import { configured, logFor, objectsOf, optionsOf } from '../setup.ts';
import type { BundleFlags } from './flags.ts';

/** Where revisions come from: a state folder, and the servers where that may be. */
export interface Place {
  readonly parts: Parts;
  /** Undefined with `--from`. */
  readonly objects: Objects | undefined;
  /** False beside a running agent, and with `--from`. */
  readonly mayFetch: boolean;
  readonly limits: Limits;
  readonly log: Log;
  /** Sigstore's root of the configuration. */
  readonly trustedRoot: TrustedRootFile | undefined;
}

/** Opens the state folder, with what is declared beside it, and closes it afterwards. */
export async function withPlace(
  flags: BundleFlags,
  io: CliIo,
  use: (place: Place) => Promise<number>,
): Promise<number> {
  if (flags.from !== undefined) {
    if (flags.config !== undefined) throw new Fault('config-invalid', '--config and --from exclude each other');
    return open(bareOptions(resolve(flags.from), io), undefined, use);
  }
  const setup = await configured('bundle', flags.config === undefined ? [] : ['--config', flags.config], io);
  if (typeof setup === 'number') return setup;
  const { config } = setup;
  const watch = watchObjects(config.objects.files, () => undefined, { limits: config.limits, clock: systemClock() });
  const objects = objectsOf(watch.current());
  watch.close();
  for (const problem of objects.problems) io.stderr(`${problem.where}: ${problem.message}\n`);
  return open(optionsOf(config, logFor(config, io, 'error')), objects, use);
}

/** A state folder alone: nothing is fetched and no cluster spoken to. */
function bareOptions(stateDir: string, io: CliIo): AgentOptions {
  const log = createLog({ level: 'error', clock: systemClock(), write: (line) => io.stderr(line) });
  return {
    stateDir,
    kubeconfig: '',
    listen: '',
    limits: DEFAULT_LIMITS,
    settings: {
      clusterName: '',
      clusterLabels: {},
      limits: DEFAULT_LIMITS,
      guard: { share: 1, minimum: 0 },
      fullCheckMs: 0,
      schedules: [],
      version: '',
      tenancy: { noCrossNamespaceRefs: false, defaultServiceAccount: '' },
      trustedAfter: 0,
      lease: { enabled: false, namespace: '', name: '', leaseDurationMs: 0 },
      identity: '',
      fetchScope: 'whole',
    },
    workers: 'never',
    proxy: { http: '', https: '', no: [] },
    log,
  };
}

async function open(
  options: AgentOptions,
  objects: Place['objects'],
  use: (place: Place) => Promise<number>,
): Promise<number> {
  const parts = makeParts({ ...options, workers: 'never' });
  try {
    // Beside a running agent its folder is only read.
    const unlock =
      objects === undefined
        ? undefined
        : await parts.disk.lock().catch((error: unknown) => {
            if (error instanceof Fault && error.code === 'cache-locked') return undefined;
            throw error;
          });
    try {
      const { limits, log, trustedRootFile = '' } = options;
      const root = trustedRoot(trustedRootFile);
      return await use({ parts, objects, mayFetch: unlock !== undefined, limits, log, trustedRoot: root });
    } finally {
      await unlock?.();
    }
  } finally {
    await parts.workshop.close();
    parts.cluster.close();
    parts.wire.close();
  }
}
