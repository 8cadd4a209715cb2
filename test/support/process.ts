import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentStatus } from '../../src/model/index.ts';
import { until } from './until.ts';

const DIST = fileURLToPath(new URL('../../dist/holdfast', import.meta.url));

/** A real agent process of the built bundle. */
export interface AgentProcess {
  readonly pid: number;
  readonly dir: string;
  readonly port: number;
  status(): Promise<AgentStatus>;
  /** MiB. `peak` is VmHWM. */
  memory(): { rss: number; peak: number; anon: number };
  /** Seconds of user and system time so far, ended children included. */
  cpu(): number;
  nudge(): void;
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ProcessOptions {
  readonly dir: string;
  readonly kubeconfig: string;
  /** YAML of Flux objects; undefined leaves the folder as it is. */
  readonly objects?: string;
  /** Where objects are, as YAML in one line; the folder `objects` when not given. */
  readonly where?: string;
  /** More lines of AgentConfiguration. */
  readonly config?: string;
}

const statusOf = (port: number): Promise<AgentStatus> =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/status', agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('end', () => resolve(JSON.parse(text) as AgentStatus));
    });
    request.on('error', reject);
  });

/** Starts the built agent; resolves when it serves its status. */
export async function startProcess(options: ProcessOptions): Promise<AgentProcess> {
  const { dir } = options;
  mkdirSync(join(dir, 'objects'), { recursive: true });
  if (options.objects !== undefined) writeFileSync(join(dir, 'objects', 'objects.yaml'), options.objects);
  writeFileSync(
    join(dir, 'config.yaml'),
    `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: bench }\nstateDir: ./state\nobjects: ${options.where ?? '{ files: [./objects] }'}\nkubeconfig: ${options.kubeconfig}\nlisten: 127.0.0.1:0\n${options.config ?? ''}`,
  );
  const child: ChildProcess = spawn(DIST, ['agent', '--config', join(dir, 'config.yaml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (part: Buffer) => {
    log = (log + part.toString()).slice(-200_000);
  });
  const exit = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  const pid = child.pid ?? 0;
  const serving = (): number | undefined => Number(/"address":"127\.0\.0\.1:(\d+)"/.exec(log)?.[1] ?? 0) || undefined;
  const ended = exit.then((code): never => {
    throw new Error(`the agent ended with ${code}: ${log}`);
  });
  const port = await Promise.race([until(serving, { within: 20_000, every: 2, what: 'the agent to serve' }), ended]);
  ended.catch(() => undefined);
  const field = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  return {
    pid,
    dir,
    port,
    status: () => statusOf(port),
    memory: () => ({ rss: field('VmRSS'), peak: field('VmHWM'), anon: field('RssAnon') }),
    cpu: () => {
      const parts = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return [11, 12, 13, 14].reduce((sum, i) => sum + Number(parts[i] ?? 0), 0) / 100;
    },
    nudge: () => void process.kill(pid, 'SIGHUP'),
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return exit;
    },
  };
}
