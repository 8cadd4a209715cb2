import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentStatus, KustomizationStatus } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DIST = join(ROOT, 'dist', 'holdfast');

/** How an agent process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the built agent that may end at any moment. */
export interface Launched {
  readonly pid: number;
  readonly ended: Promise<End>;
  running(): boolean;
  /** All of its standard error; whole lines only when it was killed. */
  log(): string;
  /** Log lines; what is no JSON is `{ msg: 'no log line', text }`. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** Resolves when it takes signals and serves; rejects when it ends before. */
  serving(): Promise<void>;
  status(): Promise<AgentStatus>;
  kustomization(name: string): Promise<KustomizationStatus>;
  /** Waits until a Kustomization is as asked; throws with its state when it does not become so. */
  reaches(
    name: string,
    check: (one: KustomizationStatus) => boolean,
    options?: { readonly within?: number },
  ): Promise<KustomizationStatus>;
  /** Most memory of the process and its children so far, what they share counted once, MiB; sampled. */
  peak(): number;
  signal(name: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  stop(name?: NodeJS.Signals): Promise<End>;
}

export interface Site {
  /** Holds config.yaml, `objects/` and `state/`. */
  readonly dir: string;
  readonly kubeconfig: string;
  /** YAML of Flux objects; undefined leaves the folder as it is. */
  readonly objects?: string;
  /** More lines of the AgentConfiguration. */
  readonly config?: string;
  /** Default `./state`. */
  readonly stateDir?: string;
}

const building: { done?: true } = {};

/** Builds the bundle when there is none, as before the first `npm test`. */
export function requireBundle(): void {
  if (building.done || existsSync(DIST)) return;
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/build.ts'], {
    cwd: ROOT,
    stdio: 'ignore',
  });
  building.done = true;
}

/** Writes config and objects of a site; answers the path of the configuration. */
export function writeSite(site: Site): string {
  mkdirSync(join(site.dir, 'objects'), { recursive: true });
  if (site.objects !== undefined) writeFileSync(join(site.dir, 'objects', 'objects.yaml'), site.objects);
  const file = join(site.dir, 'config.yaml');
  writeFileSync(
    file,
    `apiVersion: holdfast.dev/v1alpha1
kind: AgentConfiguration
cluster: { name: fault }
stateDir: ${site.stateDir ?? './state'}
objects: { files: [./objects] }
kubeconfig: ${site.kubeconfig}
listen: 127.0.0.1:0
${site.config ?? ''}
`,
  );
  return file;
}

/** Starts the built agent; answers at once. */
export function launch(config: string): Launched {
  requireBundle();
  const child: ChildProcess = spawn(DIST, ['agent', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const pid = child.pid ?? 0;
  const parts: string[] = [];
  child.stderr?.on('data', (part: Buffer) => void parts.push(part.toString()));
  const state = { running: true, peak: 0 };
  const sampler = setInterval(() => {
    state.peak = Math.max(state.peak, residentMib(pid));
  }, 40);
  // `close`: what it wrote last has arrived by then.
  const ended = new Promise<End>((resolve) =>
    child.once('close', (code, signal) => {
      clearInterval(sampler);
      state.running = false;
      resolve({ code, signal });
    }),
  );
  const log = (): string => parts.join('');
  const port = (): number | undefined => Number(/"address":"127\.0\.0\.1:(\d+)"/.exec(log())?.[1] ?? 0) || undefined;
  const status = (): Promise<AgentStatus> => statusAt(port() ?? 0);
  const kustomization = async (name: string): Promise<KustomizationStatus> => {
    const found = (await status()).kustomizations.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no Kustomization ${name} is declared`);
    return found;
  };
  return {
    pid,
    ended,
    running: () => state.running,
    log,
    lines: () => linesOf(log(), state.running),
    serving: async () => {
      const gone = ended.then((end): never => {
        throw new Error(`the agent ended with ${end.code ?? end.signal}: ${log()}`);
      });
      gone.catch(() => undefined);
      await Promise.race([until(port, { within: 20_000, every: 3, what: 'the agent to serve' }), gone]);
    },
    status,
    kustomization,
    reaches: async (name, check, { within = 20_000 } = {}) => {
      const last: { seen?: KustomizationStatus } = {};
      try {
        return await until(
          async () => {
            last.seen = await kustomization(name);
            return check(last.seen) ? last.seen : undefined;
          },
          { within },
        );
      } catch {
        const short = { ...last.seen, inventory: last.seen?.inventory.length };
        throw new Error(
          `${name} is ${JSON.stringify(short, undefined, 1)}\n${log().split('\n').slice(-15).join('\n')}`,
        );
      }
    },
    peak: () => state.peak,
    signal: (name) => void child.kill(name),
    stop: (name = 'SIGTERM') => {
      child.kill(name);
      return ended;
    },
  };
}

function statusAt(port: number): Promise<AgentStatus> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/status', agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as AgentStatus);
        else reject(new Error(`/status answers ${response.statusCode}: ${text}`));
      });
    });
    request.setTimeout(5_000, () => request.destroy(new Error('/status does not answer')));
    request.on('error', reject);
  });
}

/** The last line of a killed process may be cut. */
function linesOf(text: string, running: boolean): readonly Readonly<Record<string, unknown>>[] {
  const lines = text.split('\n');
  const whole = running || lines.at(-1) !== '' ? lines.slice(0, -1) : lines;
  return whole
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as Record<string, unknown>;
      } catch {
        return { msg: 'no log line', text: line };
      }
    });
}

/** Memory of a process and its children, MiB: what each has of its own, and once the files that they map. 0 when gone. */
function residentMib(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const parts = [pid, ...children.map(Number).filter((one) => one > 0)].map((one) => {
      const text = readFileSync(`/proc/${one}/status`, 'utf8');
      const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1024;
      return { own: field('RssAnon'), mapped: field('RssFile') };
    });
    return parts.reduce((sum, one) => sum + one.own, 0) + Math.max(...parts.map((one) => one.mapped));
  } catch {
    return 0;
  }
}

/** Log lines that no run may have, however it is disturbed: bugs, and what nobody caught. */
export function scandals(lines: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return lines
    .filter(
      (line) =>
        line['msg'] === 'bug' ||
        line['msg'] === 'no log line' ||
        line['msg'] === 'http answer failed' ||
        line['code'] === 'internal',
    )
    .map((line) => JSON.stringify(line).slice(0, 2_000));
}
