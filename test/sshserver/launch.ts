import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { type PartOptions, toStderr } from '../parts/index.ts';
import { tempDir } from '../support/temp.ts';
import { ensureSshdPackage, type SshdProgram, textOf } from './package.ts';

/** How an sshd is started here. */
export interface Launch {
  /** As it is, or with mounts of its own. */
  readonly how: 'plain' | 'private';
  readonly program: string;
  /** Lines that its configuration needs. */
  readonly config: readonly string[];
  /** Program, arguments and environment that become sshd, with a folder for what only it is to see. */
  command(dir: string, args: readonly string[]): Command;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Where it is for root, who may not be the one who looks. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin'];
/** Folder that the server wants to have when it runs as root. */
const RUN = '/run/sshd';

/** What sees an empty /run with the folder of sshd where that is not there, and its user. */
const SCRIPT = `set -e
[ -d ${RUN} ] || { mount -t tmpfs -o mode=755 none /run; mkdir -m 755 ${RUN}; }
mount --bind "$0" /etc/passwd
exec "$@"`;

/**
 * A real sshd that starts here: the one that `HOLDFAST_SSHD` names, else one that is installed, else the distribution's
 * package in the cache, downloaded when it is not there. An Error that says why where there is none.
 */
export async function findSshd({ env = process.env, say = toStderr }: PartOptions = {}): Promise<Launch> {
  const named = env['HOLDFAST_SSHD'] ?? '';
  // By another path it refuses to start, because it starts itself anew for each connection.
  if (named !== '' && !isAbsolute(named)) throw new Error(`HOLDFAST_SSHD is not a full path: ${named}`);
  const installed = named === '' ? onPath(env) : named;
  if (installed !== undefined) return launchOf({ program: installed, libraries: [] }, installed !== named);
  const got = await ensureSshdPackage({ env, say }).catch((error: unknown) => {
    throw new Error(`no sshd is installed, and its package cannot be had: ${textOf(error)}`);
  });
  return launchOf(got, false);
}

function onPath(env: NodeJS.ProcessEnv): string | undefined {
  const folders = [...(env['PATH'] ?? '').split(delimiter), ...FOLDERS].filter(isAbsolute);
  return folders.map((folder) => join(folder, 'sshd')).find(runs);
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first way in which sshd takes its configuration (`-t`), which looks at libraries, user and folder, too. */
async function launchOf(sshd: SshdProgram, installed: boolean): Promise<Launch> {
  const root = process.getuid?.() === 0;
  const plain = launch(sshd, 'plain');
  await using temp = await tempDir('sshd-try');
  const complaint = complaintOf(plain, temp.path);
  if (complaint === undefined) return plain;
  if (!root) throw new Error(`${sshd.program} does not start: ${complaint}`);
  const own = launch(sshd, 'private');
  const second = complaintOf(own, temp.path);
  if (second === undefined) return own;
  if (installed) {
    // As its own service does at each start.
    mkdirSync(RUN, { recursive: true, mode: 0o755 });
    if (complaintOf(plain, temp.path) === undefined) return plain;
  }
  throw new Error(
    `${sshd.program} does not start as root: ${complaint}; nor with mounts of its own (unshare --mount): ${second}`,
  );
}

function launch({ program, libraries }: SshdProgram, how: Launch['how']): Launch {
  const env = libraries.length === 0 ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) };
  return {
    how,
    program,
    config: helpers(program),
    command(dir, args) {
      if (how === 'plain') return { program, args, env };
      const passwd = join(dir, 'passwd');
      writeFileSync(passwd, withUser(readFileSync('/etc/passwd', 'utf8')), { mode: 0o644 });
      const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, passwd];
      return { program: 'unshare', args: [...unshare, program, ...args], env };
    },
  };
}

/** From OpenSSH 9.8 on sshd starts other programs, by full paths that are not those of a package in the cache. */
function helpers(program: string): readonly string[] {
  const folder = join(program, '..', '..', 'lib', 'openssh');
  const settings = { SshdSessionPath: 'sshd-session', SshdAuthPath: 'sshd-auth' };
  return Object.entries(settings).flatMap(([setting, name]) => {
    const path = join(folder, name);
    return existsSync(path) ? [`${setting} ${path}`] : [];
  });
}

/** The user that part of sshd runs as. */
export function withUser(passwd: string): string {
  if (/^sshd:/m.test(passwd)) return passwd;
  const ids = new Set([...passwd.matchAll(/^[^:]*:[^:]*:(\d+):/gm)].map(([, id]) => Number(id)));
  let id = 900;
  while (ids.has(id)) id -= 1;
  return `${passwd.replace(/\n?$/, '\n')}sshd:x:${id}:65534::${RUN}:/usr/sbin/nologin\n`;
}

/** What sshd, or what is to start it, says against it; undefined when it would start. */
function complaintOf(one: Launch, dir: string): string | undefined {
  const key = join(dir, 'key');
  if (!existsSync(key)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const config = join(dir, 'config');
  writeFileSync(config, [`HostKey ${key}`, 'UsePAM no', ...one.config, ''].join('\n'));
  const { program, args, env } = one.command(dir, ['-t', '-f', config]);
  const done = spawnSync(program, args, { encoding: 'utf8', env, timeout: 10_000 });
  if (done.status === 0) return undefined;
  const said = (done.stderr ?? '').trim().split('\n').slice(-3).join(' | ');
  return said === '' ? (done.error?.message ?? `it ends with ${done.signal ?? `code ${done.status}`}`) : said;
}
