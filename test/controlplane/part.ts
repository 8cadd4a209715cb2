import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOG_BYTES = 64 * 1024;

/** One program of the control plane, which can be killed, paused and started again with the same arguments. */
export interface Part {
  start(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP; resolves when all of its threads stand still: on a busy machine it answers for a while after the signal. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  running(): boolean;
  pid(): number | undefined;
  /** VmRSS in MiB; 0 when it does not run or where there is no /proc. */
  rss(): number;
  /** The end of its output. */
  log(): string;
}

export interface PartOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called when a process was started or has ended. */
  readonly changed: () => void;
}

export function createPart(options: PartOptions): Part {
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-LOG_BYTES);
  };
  const start = () => {
    if (child !== undefined) return;
    const started = spawn(options.binary, options.args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    started.stdout.on('data', keep);
    started.stderr.on('data', keep);
    gone = new Promise((resolve) => {
      const end = (why: string) => {
        keep(Buffer.from(`\n(${why})\n`));
        if (child === started) child = undefined;
        options.changed();
        resolve();
      };
      started.once('error', (error) => end(error.message));
      started.once('exit', (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
    });
    options.changed();
  };
  const kill = () => {
    child?.kill('SIGKILL');
    return gone;
  };
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    if (child === undefined) throw new Error(`${options.binary} does not run`);
    child.kill(name);
  };
  const pid = () => child?.pid;
  return {
    start,
    kill,
    pause: async () => {
      signal('SIGSTOP');
      const { pid: stopping } = child ?? {};
      for (let tries = 0; child?.pid === stopping && !isStopped(stopping); tries++) {
        if (tries === 1_000) throw new Error(`${options.binary} does not stand still 10 s after SIGSTOP`);
        await sleep(10);
      }
    },
    resume: () => signal('SIGCONT'),
    pid,
    running: () => child !== undefined,
    rss: () => rssOf(child?.pid),
    log: () => output,
  };
}

/** Every thread of a process stands still, or is gone; also where there is no /proc. */
function isStopped(pid: number | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) =>
      /\) [TZX] /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')),
    );
  } catch {
    return true;
  }
}

/** VmRSS of a process in MiB; 0 where it cannot be read. */
export function rssOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(found?.[1] ?? 0) / 102.4) / 10;
  } catch {
    return 0;
  }
}

/** Waits until a check is true while a part runs; a part that ended or takes too long is an error with its log. */
export async function whenReady(part: Part, name: string, check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 90_000;
  while (performance.now() < end) {
    if (!part.running()) throw new Error(`${name} ended while starting:\n${part.log().slice(-3000)}`);
    if (await check().catch(() => false)) return;
    await sleep(50);
  }
  throw new Error(`${name} is not ready after 90 s:\n${part.log().slice(-3000)}`);
}
