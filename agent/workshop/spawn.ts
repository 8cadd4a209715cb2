import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Flags of this process that are not for a child: those of scripts/bundle/launcher.ts for a resident one, and a debugger. */
const OWN_FLAGS = [
  '--max-old-space-size',
  '--max-semi-space-size',
  '--inspect',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--no-node-snapshot',
  '--v8-pool-size',
  // With these V8 throws away the compiled form of Node's own modules: 20 ms of every start.
  '--optimize-for-size',
  '--expose-gc',
];
/**
 * The work of a child is short: an optimizing compiler that starts late saves 8 MiB of a fetch and none of its time, and
 * what fills the young generation goes with the child.
 */
const WORKER_FLAGS = [
  '--invocation-count-for-maglev=40000',
  '--invocation-count-for-turbofan=100000',
  '--max-semi-space-size=2',
] as const;

/** A process of this program that waits for work on stdin, and ends when that does. */
export async function spawnWorker(memoryMib: number): Promise<ChildProcess> {
  // Loaded when first needed: a site that changes little starts a child once in weeks.
  const { spawn } = await import('node:child_process');
  const [program = ''] = process.argv.slice(1);
  const flags = process.execArgv.filter((flag) => !OWN_FLAGS.some((own) => flag.startsWith(own)));
  const memory = `--max-old-space-size=${memoryMib}`;
  const child = spawn(process.execPath, [...flags, ...WORKER_FLAGS, memory, program, 'worker'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.unref();
  return child;
}

/** A worker that nobody needed in the end is let go after so long, milliseconds. */
const UNUSED_MS = 30_000;

/** A worker that was started before there was work for it. */
export interface Ahead {
  /** Gives it away, once; undefined afterwards, or when it is gone. */
  take(): Promise<ChildProcess | undefined>;
}

/**
 * Starts a worker where there will be work for one: nothing was fetched into this state folder yet. It gets ready while
 * the agent itself does, 0.1 s sooner than if it was started with the first job.
 */
export function spawnAhead(stateDir: string, memoryMib: number): Ahead | undefined {
  if (hasSources(stateDir)) return undefined;
  let started: Promise<ChildProcess | undefined> | undefined = spawnWorker(memoryMib).catch(() => undefined);
  // Unheard, an error of it would end this process; whoever takes it hears its exit.
  void started.then((child) => child?.on('error', () => undefined));
  const take = async (): Promise<ChildProcess | undefined> => {
    const child = await started;
    started = undefined;
    return child?.exitCode === null && child.signalCode === null && child.pid !== undefined ? child : undefined;
  };
  setTimeout(() => void take().then((child) => child?.stdin?.end()), UNUSED_MS).unref();
  return { take };
}

function hasSources(stateDir: string): boolean {
  try {
    return readdirSync(join(stateDir, 'sources')).length > 0;
  } catch {
    return false;
  }
}
