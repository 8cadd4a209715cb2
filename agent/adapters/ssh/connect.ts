import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, ConnectConfig } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import type { SshChannel, SshRequest } from '../../../src/ports/index.ts';
import { type Connection, openConnection, proxyUrl, type Route, routeState } from '../wire/connect.ts';
import { abortError, timeoutFault, wireFault } from '../wire/faults.ts';
import { algorithmsFor, hostFault, readKnownHosts } from './host-keys.ts';
import { encrypted, readIdentity, unreadable } from './identity.ts';
import type { SshSettings } from './settings.ts';

/** Standard error that is kept, bytes. */
const COMPLAINT_BYTES = 4_096;

/** One attempt: what ends it, and why. */
interface Attempt {
  readonly target: string;
  readonly signal: AbortSignal;
  /** The first thing that went wrong, in our words. */
  fault: Fault | undefined;
}

/** Opens one connection and runs its command. */
export async function openSsh(request: SshRequest, settings: SshSettings): Promise<SshChannel> {
  const started = performance.now();
  const ended = new AbortController();
  const target = `${request.host}:${request.port}`;
  const attempt: Attempt = { target, signal: ended.signal, fault: undefined };
  const timer = setTimeout(() => {
    attempt.fault ??= timeoutFault(target, 'no end', Math.round(performance.now() - started));
    ended.abort(attempt.fault);
  }, request.totalMs);
  timer.unref();
  const stop = (): void => ended.abort(request.signal?.reason);
  if (request.signal?.aborted === true) stop();
  request.signal?.addEventListener('abort', stop, { once: true });
  const settle = (): void => {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', stop);
  };
  try {
    return await connect(request, settings, attempt, settle);
  } catch (error) {
    settle();
    throw error;
  }
}

async function connect(
  request: SshRequest,
  settings: SshSettings,
  attempt: Attempt,
  settle: () => void,
): Promise<SshChannel> {
  const config = await configOf(request, settings, attempt);
  const { Client: Ssh2 } = await import('ssh2');
  const route = routeTo(request);
  const connection = await openConnection(route, routeState(route), attempt.signal);
  const client = new Ssh2();
  const end = (): void => {
    client.destroy();
    connection.raw.destroy();
  };
  attempt.signal.addEventListener('abort', end, { once: true });
  try {
    await ready(client, { ...config, sock: connection.stream }, attempt);
    const channel = await run(client, request, attempt);
    return channelOf(channel, connection, attempt, () => {
      settle();
      end();
    });
  } catch (error) {
    end();
    throw error;
  }
}

function routeTo({ host, port, proxy }: SshRequest): Route {
  if (proxy === undefined) return { secure: false, host, port, tls: undefined, proxy: undefined, tunnel: true };
  const url = proxyUrl(proxy);
  const username = proxy.username ?? decodeURIComponent(url.username);
  const password = proxy.password ?? decodeURIComponent(url.password);
  const named = { address: `${url.protocol}//${url.host}`, ...(username === '' ? {} : { username, password }) };
  return { secure: false, host, port, tls: undefined, proxy: named, tunnel: true };
}

async function configOf(request: SshRequest, settings: SshSettings, attempt: Attempt): Promise<ConnectConfig> {
  const { host, port, auth, user } = request;
  const known = readKnownHosts(auth.knownHosts);
  const { privateKey, passphrase } = readIdentity(auth);
  await checkKey(privateKey, passphrase);
  return {
    username: user,
    privateKey,
    ...(passphrase === undefined ? {} : { passphrase }),
    readyTimeout: 0,
    algorithms: {
      serverHostKey: [...algorithmsFor(known, host, port, settings.hostKeyAlgorithms)] as never[],
      ...(settings.kexAlgorithms.length === 0 ? {} : { kex: [...settings.kexAlgorithms] as never[] }),
    },
    hostVerifier: (key: Buffer) => {
      const verdict = known.judge(host, port, key);
      if (verdict === 'known') return true;
      const print = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
      attempt.fault ??= hostFault(attempt.target, verdict, `SHA256:${print}`);
      return false;
    },
  };
}

/** Reads the key before anything is sent: what is wrong with it is no matter of the server. */
async function checkKey(privateKey: string, passphrase: string | undefined): Promise<void> {
  const { utils } = await import('ssh2');
  const key = utils.parseKey(privateKey, passphrase);
  if (!(key instanceof Error)) return;
  if (passphrase === undefined && /encrypted/i.test(key.message)) throw encrypted();
  throw unreadable(key);
}

/** Waits until we are let in. */
function ready(client: Client, config: ConnectConfig, attempt: Attempt): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(faultOf(error, attempt));
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
  return new Promise((resolve, reject) => {
    client.exec(request.command, { env: { ...request.env } }, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(new Fault('wire-server', `${attempt.target}: ssh: the server runs no command: ${error.message}`));
    });
    client.once('close', () => reject(faultOf(new Error('closed'), attempt)));
  });
}

function channelOf(channel: ClientChannel, connection: Connection, attempt: Attempt, close: () => void): SshChannel {
  let complaint = '';
  channel.stderr.setEncoding('utf8');
  channel.stderr.on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_BYTES);
  });
  channel.on('error', () => undefined);
  return {
    output: outputOf(channel, attempt),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // The callback may never come once the connection is gone.
        attempt.signal.addEventListener('abort', () => reject(abortError(attempt.signal)), { once: true });
        channel.once('close', () => reject(cut(attempt)));
        channel.write(bytes, (error) => (error == null ? resolve() : reject(cut(attempt))));
      }),
    complaint: () => complaint,
    count: () => ({ requests: 1, up: connection.raw.bytesWritten, down: connection.raw.bytesRead }),
    close,
  };
}

async function* outputOf(channel: Duplex, attempt: Attempt): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of channel) yield chunk as Uint8Array;
  } catch (error) {
    if (attempt.signal.aborted) throw attempt.fault ?? abortError(attempt.signal);
    throw error instanceof Fault ? error : cut(attempt);
  }
  if (attempt.signal.aborted) throw attempt.fault ?? abortError(attempt.signal);
}

const cut = (attempt: Attempt): Fault =>
  new Fault('wire-cut', `${attempt.target}: the connection was cut: unexpected EOF`);

/** Errors of ssh2 as Faults of the port. */
function faultOf(error: unknown, attempt: Attempt): unknown {
  if (attempt.fault !== undefined) return attempt.fault;
  if (attempt.signal.aborted) return abortError(attempt.signal);
  const { target } = attempt;
  const level = typeof error === 'object' && error !== null && 'level' in error ? String(error.level) : '';
  const text = error instanceof Error ? error.message : String(error);
  if (level === 'client-authentication')
    return new Fault(
      'source-auth',
      `${target}: ssh: handshake failed: ssh: unable to authenticate: the key is not accepted`,
    );
  if (level === 'handshake' || level === 'protocol')
    return new Fault('wire-protocol', `${target}: ssh: handshake failed: ${text.slice(0, 200)}`, { cause: error });
  return wireFault(error, { target, answered: false });
}
