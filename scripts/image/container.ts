import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { until } from '../../test/support/until.ts';
import type { Engine } from './tools.ts';

/** Options of `podman run` for each key of a compose service. */
const OPTIONS: Readonly<Record<string, (value: unknown) => readonly string[]>> = {
  image: () => [],
  command: () => [],
  volumes: () => [],
  restart: (value) => ['--restart', String(value)],
  network_mode: (value) => ['--network', String(value)],
  read_only: (value) => (value === true ? ['--read-only', '--read-only-tmpfs=false'] : []),
  user: (value) => ['--user', String(value)],
  cap_drop: (value) => list(value).flatMap((one) => ['--cap-drop', one]),
  security_opt: (value) => list(value).flatMap((one) => ['--security-opt', one.replace(/:true$/, '')]),
  stop_grace_period: (value) => ['--stop-timeout', String(Number.parseInt(String(value), 10))],
  mem_limit: (value) => ['--memory', String(value)],
  tmpfs: (value) => list(value).flatMap((one) => ['--tmpfs', one]),
};

const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** For machines where even root may not raise its own limits, which podman does by default. */
export const ULIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];

/** Arguments of `podman run` for the service of a compose file; folders of the machine become those of `places`. */
export function composeArguments(text: string, places: Readonly<Record<string, string>>): readonly string[] {
  const { services } = load(text) as { services: Record<string, Record<string, unknown>> };
  const service = services['holdfast'] ?? {};
  const options = Object.entries(service).flatMap(([key, value]) => {
    const option = OPTIONS[key];
    if (option === undefined)
      throw new Error(`compose.yaml has ${key}, which scripts/image/container.ts does not know`);
    return option(value);
  });
  const volumes = list(service['volumes']).flatMap((one) => {
    const [from = '', ...to] = one.split(':');
    return ['-v', [places[from] ?? from, ...to].join(':')];
  });
  return [...options, ...ULIMITS, ...volumes, String(service['image']), ...list(service['command'])];
}

export interface Container {
  readonly name: string;
  readonly port: number;
  /** Process of the agent as this machine counts; 0 when it does not run. */
  pid(): Promise<number>;
  exec(...args: readonly string[]): Promise<string>;
  log(): Promise<string>;
}

/** Status and body of one request to the agent. */
export function ask(port: number, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.on('data', (part: Buffer) => {
        body += part.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
    request.on('error', reject);
  });
}

export interface StartOptions {
  readonly root: string;
  readonly name: string;
  readonly port: number;
  /** Folders of the machine that compose.yaml names, and what they are here. */
  readonly places: Readonly<Record<string, string>>;
}

/** Starts a container as compose.yaml says; resolves when `/livez` answers. */
export async function startContainer(engine: Engine, options: StartOptions): Promise<Container> {
  const { root, name, port, places } = options;
  const compose = readFileSync(join(root, 'manifests', 'standalone', 'compose.yaml'), 'utf8');
  await engine.podman('run', '-d', '--name', name, ...composeArguments(compose, places));
  const log = (): Promise<string> => engine.podman('logs', name);
  const alive = async (): Promise<boolean> => (await ask(port, '/livez')).status === 200;
  try {
    await until(alive, { within: 30_000, every: 5, what: '/livez' });
  } catch (error) {
    throw new Error(`the container does not serve: ${await log()}`, { cause: error });
  }
  return {
    name,
    port,
    pid: async () => agentOf(Number(await engine.podman('inspect', '--format', '{{.State.Pid}}', name))),
    exec: (...args) => engine.podman('exec', name, ...args),
    log,
  };
}

/** The Node that process 1 of a container has started, or 0. */
function agentOf(first: number): number {
  try {
    return Number(readFileSync(`/proc/${first}/task/${first}/children`, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
}

/** What the kernel says of a process. */
export function processFacts(pid: number): {
  readonly field: (name: string) => string;
  readonly command: string;
  readonly environment: string;
  readonly root: string;
} {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ').trim();
  const status = read('status');
  const root =
    read('mountinfo')
      .split('\n')
      .find((line) => line.split(' ')[4] === '/') ?? '';
  return {
    field: (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '',
    command: read('cmdline'),
    environment: read('environ'),
    root: root.split(' ')[5] ?? '',
  };
}

export const mibOf = (pid: number, name: string): number => Number.parseInt(processFacts(pid).field(name), 10) / 1024;
