import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { asFault, type Limits } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { createLog, type LogLevel } from '../adapters/log/index.ts';
import { type AgentConfig, loadConfig, markOf, type ObjectsSnapshot } from '../config/index.ts';
import type { LoopSettings, Objects } from '../loop/env.ts';
import { BUILD } from '../version.ts';
import type { AgentOptions } from '../wire.ts';
import { type CliIo, usageError } from './io.ts';

/** Where a configuration is looked for when none is named. */
const DEFAULT_FILE = '/etc/holdfast/config.yaml';

/** Reads `--config` and what else a command takes; prints what is wrong and answers the exit code then. */
export async function configured(
  command: string,
  argv: readonly string[],
  io: CliIo,
): Promise<
  | {
      readonly config: AgentConfig;
      readonly flags: Readonly<Record<string, string | boolean | undefined>>;
      readonly file: string;
      /** Of the file before it was read. */
      readonly mark: string;
    }
  | number
> {
  const options = {
    config: { type: 'string', short: 'c' },
    output: { type: 'string', short: 'o' },
    once: { type: 'boolean' },
    all: { type: 'boolean' },
    timeout: { type: 'string' },
  } as const;
  let flags: Readonly<Record<string, string | boolean | undefined>>;
  try {
    flags = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return usageError(io, command, error instanceof Error ? error.message : String(error));
  }
  const file = typeof flags['config'] === 'string' ? flags['config'] : DEFAULT_FILE;
  try {
    const mark = markOf(file);
    return { config: await loadConfig(file, io.env), flags, file, mark };
  } catch (error) {
    io.stderr(`holdfast ${command}: ${asFault(error).message}\n`);
    return 1;
  }
}

export function logFor(config: AgentConfig, io: CliIo, level?: LogLevel): Log {
  const asked = level ?? config.logLevel;
  return createLog({ level: asked, clock: systemClock(), write: (line) => io.stderr(line) });
}

/** The agent's options of a configuration. */
export function optionsOf(config: AgentConfig, log: Log): AgentOptions {
  const limits: Limits = config.limits;
  const settings: LoopSettings = {
    clusterName: config.cluster.name,
    clusterLabels: config.cluster.labels,
    limits,
    guard: config.pruneGuard,
    fullCheckMs: config.fullCheckMs,
    schedules: config.fetchSchedule,
    version: BUILD.version,
    tenancy: config.tenancy,
    fetchScope: config.sources.fetchScope,
    trustedAfter: Date.parse(BUILD.builtAt),
    lease: config.leaderElection,
    identity: `${hostname()}_${randomUUID()}`,
  };
  const { stateDir, kubeconfig, listen, workers, proxy } = config;
  const { enabled, namespaces, labelSelector } = config.objects.cluster;
  const { keepSecrets } = config.objects;
  return {
    stateDir,
    kubeconfig,
    listen,
    limits,
    settings,
    workers,
    proxy,
    ssh: config.ssh,
    keys: config.decryption,
    trustedRootFile: config.verification.trustedRootFile,
    sealKeyFile: config.sealKeyFile,
    keepSecrets,
    log,
    ...(config.inbox.paths.length === 0 ? {} : { inbox: config.inbox }),
    ...(enabled ? { clusterObjects: { namespaces, labelSelector, artifacts: config.artifacts } } : {}),
  };
}

/** A snapshot of the objects folder as the loop takes it. */
export function objectsOf(snapshot: ObjectsSnapshot): Objects {
  return {
    sources: snapshot.objects.flatMap((one) => (one.kind === 'Kustomization' ? [] : [one])),
    kustomizations: snapshot.objects.flatMap((one) => (one.kind === 'Kustomization' ? [one] : [])),
    data: snapshot.data,
    problems: snapshot.errors.map((one) => ({
      where: one.line > 0 ? `${one.file}:${one.line}` : one.file,
      message: one.message,
    })),
    complete: snapshot.complete,
  };
}
