import { createHash } from 'node:crypto';
import type { AnyAuthMethod, Client, ClientChannel, ConnectConfig, ParsedKey } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import type { SshChannel, SshRequest } from '../../../src/ports/index.ts';
import type { KnownHosts } from '../../../src/trust/index.ts';
import { namedProxy, openConnection, type Route, routeState } from '../wire/connect.ts';
import { KEX_ALGORITHMS } from './algorithms.ts';
import { type Attempt, beginAttempt } from './attempt.ts';
import { channelOf, checkPackets } from './channel.ts';
import { faultOf, printable, type Side } from './faults.ts';
import { awaitGreeting } from './greeting.ts';
import { algorithmsFor, hostFault, readKnownHosts } from './host-keys.ts';
import type { Unlock } from './identity.ts';
import { type KeyRing, readKey } from './keys.ts';
import type { SshSettings } from './settings.ts';
import { watch } from './watch.ts';

/** What connections share. */
export interface SshSetup {
  readonly settings: SshSettings;
  readonly keys: KeyRing;
  readonly unlock: Unlock;
}

/** Opens one connection and runs its command. */
export async function openSsh(request: SshRequest, setup: SshSetup): Promise<SshChannel> {
  const attempt = beginAttempt(request);
  try {
    return await connect(request, setup, attempt);
  } catch (error) {
    attempt.settle();
    throw error;
  }
}

async function connect(
  request: SshRequest,
  { settings, keys, unlock }: SshSetup,
  attempt: Attempt,
): Promise<SshChannel> {
  // Its names are found by a bundler only; Node finds the whole.
  const { Client: Ssh2, utils } = (await import('ssh2')).default;
  const known = readKnownHosts(request.auth.knownHosts);
  const key = await within(attempt, readKey({ keys, unlock, utils }, request.auth));
  const { config, side } = loginOf(request, attempt, { settings, known, key });
  const route = routeTo(request);
  const connection = await openConnection(route, routeState(route), attempt.signal);
  const client = new Ssh2();
  const quiet = watch(connection, attempt, request.idleMs);
  const end = (): void => {
    quiet.stop();
    client.destroy();
    connection.raw.destroy();
  };
  attempt.signal.addEventListener('abort', end, { once: true });
  try {
    await awaitGreeting(connection.stream, attempt);
    await ready(client, { ...config, sock: connection.stream }, attempt, side);
    quiet.begin();
    const channel = await run(client, request, attempt);
    quiet.runs(channel);
    quiet.end();
    checkPackets(channel, attempt);
    const close = (): void => {
      attempt.settle();
      end();
    };
    return channelOf({ channel, connection, attempt, quiet, close });
  } catch (error) {
    end();
    throw attempt.fault() ?? error;
  }
}

/** Waits as long as the attempt may take; what is waited for goes on, for the next one. */
function within<T>({ signal }: Attempt, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

function routeTo({ host, port, proxy }: SshRequest): Route {
  const through = proxy === undefined ? undefined : namedProxy(proxy);
  return { secure: false, host, port, tls: undefined, proxy: through, tunnel: true };
}

interface Login {
  readonly config: ConnectConfig;
  /** Filled in while it goes on. */
  readonly side: Side;
}

function loginOf(
  { host, port, user }: SshRequest,
  attempt: Attempt,
  { settings, known, key }: { settings: SshSettings; known: KnownHosts; key: ParsedKey },
): Login {
  const asked = settings.hostKeyAlgorithms.length > 0 ? [] : known.types(host, port);
  const side = { asked, ways: [] as readonly string[], partly: false };
  const plan: AnyAuthMethod[] = [
    { type: 'none', username: user },
    { type: 'publickey', username: user, key },
  ];
  const config: ConnectConfig = {
    username: user,
    readyTimeout: 0,
    algorithms: {
      // Packs are compressed; and what is not, is bounded by what came only without.
      compress: ['none'],
      serverHostKey: [...algorithmsFor(known, host, port, settings.hostKeyAlgorithms)] as never[],
      kex: [...(settings.kexAlgorithms.length === 0 ? KEX_ALGORITHMS : settings.kexAlgorithms)] as never[],
    },
    authHandler: (left, partly) => {
      // Null before the server has said anything, which the types do not know.
      Object.assign(side, { ways: left ?? [], partly: partly === true });
      return plan.shift() ?? false;
    },
    hostVerifier: (key: Buffer) => {
      const verdict = known.judge(host, port, key);
      if (verdict === 'known') return true;
      attempt.fail(
        hostFault(
          attempt.target,
          verdict,
          `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`,
        ),
      );
      return false;
    },
  };
  return { config, side };
}

/** Waits until we are let in. */
function ready(client: Client, config: ConnectConfig, attempt: Attempt, side: Side): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(faultOf(error, attempt, side));
    client.once('ready', resolve);
    // Stays: an error that nobody listens to would end the process.
    client.on('error', failed);
    client.once('close', () => failed(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    try {
      client.connect(config);
    } catch (error) {
      failed(error);
    }
  });
}

function run(client: Client, request: SshRequest, attempt: Attempt): Promise<ClientChannel> {
  const gone = (): unknown => faultOf(Object.assign(new Error('closed'), { code: 'ECONNRESET' }), attempt);
  return new Promise((resolve, reject) => {
    client.once('close', () => reject(gone()));
    client.once('error', (error) => reject(faultOf(error, attempt)));
    try {
      client.exec(request.command, { env: { ...request.env } }, (error, channel) => {
        if (error === undefined) resolve(channel);
        else
          reject(
            new Fault('wire-server', `${attempt.target}: ssh: the server runs no command: ${printable(error.message)}`),
          );
      });
    } catch {
      // It has gone since we were let in.
      reject(gone());
    }
  });
}
