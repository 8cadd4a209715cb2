import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createPart, whenReady } from '../controlplane/part.ts';
import { startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';
import { findSshd } from './launch.ts';
import { textOf } from './package.ts';

export { findSshd } from './launch.ts';
export { ensureSshdPackage, wanted } from './package.ts';

/** Why no real SSH server can be had here, and how to get one; '' when there is one. */
export async function whyNoSshd(): Promise<string> {
  return findSshd().then(
    () => '',
    (error: unknown) => `${textOf(error)} (Debian: apt-get install openssh-server, or HOLDFAST_SSHD=/path/of/sshd)`,
  );
}

export interface SshdOptions {
  /** Default: one of ed25519. */
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  /** Lines for sshd_config. */
  readonly config?: readonly string[];
}

export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** `ssh://` of a folder on this machine. */
  url(dir: string): string;
  /** A key that is let in; the private half. */
  key(how: {
    readonly type: string;
    readonly bits?: number;
    readonly passphrase?: string;
    readonly pem?: boolean;
  }): string;
  /** Lets a public key in. */
  allow(publicLine: string): void;
  /** Lets in with a private key in PKCS#1 or SEC 1. */
  allowPrivate(pem: string): void;
  /** Lines of known_hosts for the server's keys; hashed as `ssh-keygen -H` does. */
  knownHosts(options?: { readonly hashed?: boolean }): string;
  /** `type base64` of the server's keys. */
  hostKeys(): readonly string[];
  stop(): Promise<void>;
}

/** Starts a real sshd on loopback for the user that runs this, with keys of its own; it ends with this process. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const launch = await findSshd();
  const temp = await tempDir('sshd');
  const dir = temp.path;
  const leash = startLeash(dir);
  const [port = 0] = await freePorts(1);
  const user = userInfo().username;
  const kinds = options.hostKeys ?? ['ed25519'];
  for (const kind of kinds) keygen('-q', '-t', kind, '-N', '', '-C', '', '-f', join(dir, `host_${kind}`));
  writeFileSync(join(dir, 'authorized_keys'), '');
  const own = [...launch.config, ...(options.config ?? ['AcceptEnv GIT_PROTOCOL'])];
  writeFileSync(join(dir, 'sshd_config'), configOf(dir, port, kinds, own));
  const { program, args, env } = launch.command(dir, ['-D', '-e', '-f', join(dir, 'sshd_config')]);
  const part = createPart({
    binary: program,
    args,
    env,
    cwd: '/',
    changed: () => leash.hold(part.pid() === undefined ? [] : [part.pid() ?? 0]),
  });
  part.start();
  await whenReady(part, 'sshd', () => answers(port));
  const publics = kinds.map((kind) => readFileSync(join(dir, `host_${kind}.pub`), 'utf8').trim());
  let number = 0;
  return {
    port,
    user,
    url: (path) => `ssh://${user}@127.0.0.1:${port}${path}`,
    allow: (line) => writeFileSync(join(dir, 'authorized_keys'), `${line.trim()}\n`, { flag: 'a' }),
    allowPrivate: (pem) => {
      const file = join(dir, `key${++number}`);
      writeFileSync(file, pem, { mode: 0o600 });
      const line = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      writeFileSync(join(dir, 'authorized_keys'), line, { flag: 'a' });
    },
    key: ({ type, bits, passphrase = '', pem = false }) => {
      const file = join(dir, `key${++number}`);
      const more = [...(bits === undefined ? [] : ['-b', String(bits)]), ...(pem ? ['-m', 'PEM'] : [])];
      keygen('-q', '-t', type, '-N', passphrase, '-C', '', ...more, '-f', file);
      writeFileSync(join(dir, 'authorized_keys'), readFileSync(`${file}.pub`), { flag: 'a' });
      return readFileSync(file, 'utf8');
    },
    knownHosts: ({ hashed = false } = {}) => {
      const text = publics.map((key) => `[127.0.0.1]:${port} ${key}\n`).join('');
      if (!hashed) return text;
      const file = join(dir, `known${++number}`);
      writeFileSync(file, text);
      keygen('-H', '-f', file);
      return readFileSync(file, 'utf8');
    },
    hostKeys: () => publics,
    stop: async () => {
      await part.kill();
      await leash.release();
    },
  };
}

const keygen = (...args: string[]) => void execFileSync('ssh-keygen', args, { stdio: 'ignore' });

function configOf(dir: string, port: number, kinds: readonly string[], own: readonly string[]): string {
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...kinds.map((kind) => `HostKey ${join(dir, `host_${kind}`)}`),
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
  ];
  // sshd takes the first value of a setting.
  return [...own, ...lines, ''].join('\n');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
