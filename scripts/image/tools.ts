import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the image is called here. */
export const IMAGE = 'localhost/holdfast:latest';

/** Throws the sentence unless it holds. */
export function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program. */
  readonly signal?: AbortSignal;
}

/** Runs a program and gives its standard output; anything but exit code 0 is an error with the end of what it said. */
export function run(program: string, args: readonly string[], how: RunOptions = {}): Promise<string> {
  const { env = {}, signal } = how;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    const out: Buffer[] = [];
    let said = '';
    child.stdout.on('data', (part: Buffer) => void out.push(part));
    child.stderr.on('data', (part: Buffer) => {
      said = (said + part.toString()).slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      const text = Buffer.concat(out).toString();
      if (code === 0) resolve(text.trimEnd());
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${text.slice(-1_000)}${said}`));
    });
  });
}

function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What this machine lacks for the test, each as a sentence for a person. */
export function lacking(options: { readonly ownBases: boolean; readonly arm64: boolean }): readonly string[] {
  const faults: string[] = [];
  if (process.platform !== 'linux' || process.arch !== 'x64') faults.push('it runs on Linux on x64');
  if (process.getuid?.() !== 0)
    faults.push('it needs root: containers are run with the users and mounts of compose.yaml');
  const programs = ['git', 'npm', 'buildah', 'podman', ...(options.ownBases ? ['mmdebstrap'] : [])];
  const missing = programs.filter((one) => !has(one));
  if (!has('runc') && !has('crun')) missing.push('runc');
  if (missing.length > 0) faults.push(`missing: ${missing.join(', ')}`);
  if (options.arm64 && !has('qemu-aarch64-static'))
    faults.push('--arm64 needs qemu-user-static, registered in /proc/sys/fs/binfmt_misc');
  return faults;
}

/** An image store and containers of their own, in one folder. */
export interface Engine {
  readonly dir: string;
  buildah(...args: readonly string[]): Promise<string>;
  podman(...args: readonly string[]): Promise<string>;
}

/** Short names stand for images of this machine: those that `makeBases` makes. */
const OWN_NAMES = `unqualified-search-registries = ["localhost"]
short-name-mode = "permissive"

[aliases]
"debian" = "localhost/debian"
"node" = "localhost/node"
`;

/** `signal` ends what a build or a container's start is at; `podman` and `buildah` can then still tidy. */
export function openEngine(
  dir: string,
  options: { readonly ownBases: boolean; readonly signal?: AbortSignal },
): Engine {
  const { ownBases, signal } = options;
  const [root, runroot, tmp] = ['store', 'run', 'tmp'].map((name) => join(dir, name)) as [string, string, string];
  for (const path of [root, runroot, tmp]) mkdirSync(path, { recursive: true });
  const storage = ['--storage-driver', 'overlay', '--root', root, '--runroot', runroot];
  // runc works with every version of control groups.
  const runtime = ['--runtime', has('runc') ? 'runc' : 'crun', '--cgroup-manager', 'cgroupfs'];
  const rest = ['--events-backend', 'file', '--tmpdir', join(dir, 'podman'), '--log-level', 'error'];
  const names = join(dir, 'registries.conf');
  if (ownBases) writeFileSync(names, OWN_NAMES);
  const env = { TMPDIR: tmp, ...(ownBases ? { CONTAINERS_REGISTRIES_CONF: names } : {}) };
  const how = ([verb]: readonly string[]): RunOptions =>
    signal === undefined || verb === 'rm' ? { env } : { env, signal };
  return {
    dir,
    buildah: (...args) => run('buildah', [...storage, '--log-level', 'error', ...args], how(args)),
    podman: (...args) => run('podman', [...storage, ...runtime, ...rest, ...args], how(args)),
  };
}
