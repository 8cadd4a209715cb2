import { spawn, spawnSync } from 'node:child_process';

/** Gets lines of progress. */
export type Say = (line: string) => void;

export const toStderr: Say = (line) => void process.stderr.write(`holdfast: ${line}\n`);

/** Go builds what is pinned, as anywhere else. */
export const GO_ENV: NodeJS.ProcessEnv = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off' };

/** What Go says about itself, or undefined where there is none. */
export function goVersion(env: NodeJS.ProcessEnv): string | undefined {
  const done = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env, cwd: import.meta.dirname });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

export interface Run {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told the process id, so that the process ends with this one; undefined once it has ended. */
  readonly hold: (pid: number | undefined) => void;
  /** Told each line of standard error. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program to its end and answers its standard output; an Error with the last lines when it fails. */
export function run(program: string, args: readonly string[], { cwd, env, hold, onLine }: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    hold(child.pid);
    const out: Buffer[] = [];
    let tail = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString('utf8');
      for (const line of text.split('\n')) if (line !== '') onLine?.(line);
      tail = (tail + text).slice(-2_000);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      hold(undefined);
      const last = tail.trim().split('\n').slice(-5).join(' | ');
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else reject(new Error(`${program} ${args[0]} ended with ${signal ?? `code ${code}`}: ${last}`));
    });
  });
}
