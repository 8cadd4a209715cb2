import net from 'node:net';
import type { Duplex } from 'node:stream';
import { Fault } from '../../../src/model/index.ts';

const HEAD_BYTES = 16 * 1024;

/** Where a tunnel leads and who asks the proxy for it. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `host:port` of the proxy, for messages. */
  readonly proxy: string;
}

/** `Basic ...` for a user and password. */
export function basicAuth(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Asks an HTTP proxy for a tunnel (RFC 9110 9.3.6). Fault `wire-proxy` when it refuses. */
export async function connectTunnel(socket: Duplex, target: TunnelTarget): Promise<void> {
  const authority = `${net.isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const auth =
    target.username === undefined
      ? ''
      : `Proxy-Authorization: ${basicAuth(target.username, target.password ?? '')}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${auth}\r\n`);
  const reader = byteReader(socket, target.proxy);
  let head = '';
  while (!head.endsWith('\r\n\r\n')) {
    if (head.length > HEAD_BYTES) throw refused(target, 'its answer has no end');
    head += (await reader.take(1)).toString('latin1');
  }
  reader.release();
  const status = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1];
  if (status === undefined) throw refused(target, 'it does not speak HTTP');
  if (status === '407')
    throw refused(target, `unexpected requesting ${authority}: proxy authentication required, status code: 407`);
  if (!status.startsWith('2')) throw refused(target, `status code ${status} for ${authority}`);
}

const SOCKS_TEXT: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time to live expired',
  7: 'command not supported',
  8: 'address type not supported',
};

/** Asks a SOCKS5 proxy for a connection (RFC 1928, 1929); names are resolved by the proxy. */
export async function socks5(socket: Duplex, target: TunnelTarget): Promise<void> {
  const reader = byteReader(socket, target.proxy);
  const withUser = target.username !== undefined;
  socket.write(Buffer.from(withUser ? [5, 2, 0, 2] : [5, 1, 0]));
  const choice = await reader.take(2);
  if (choice[0] !== 5) throw refused(target, 'it does not speak SOCKS5');
  if (choice[1] === 2 && withUser) {
    const user = Buffer.from(target.username ?? '', 'utf8');
    const pass = Buffer.from(target.password ?? '', 'utf8');
    if (user.length > 255 || pass.length > 255) throw refused(target, 'user name or password is too long');
    socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([pass.length]), pass]));
    if ((await reader.take(2))[1] !== 0) throw refused(target, 'the credentials are not accepted');
  } else if (choice[1] !== 0) {
    throw refused(target, 'it wants another way to authenticate');
  }
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(target)]));
  const head = await reader.take(4);
  if (head[1] !== 0) throw refused(target, SOCKS_TEXT[head[1] ?? 1] ?? `answer ${head[1]}`);
  const length = head[3] === 1 ? 4 : head[3] === 4 ? 16 : ((await reader.take(1))[0] ?? 0);
  await reader.take(length + 2);
  reader.release();
}

function socksAddress(target: TunnelTarget): Buffer {
  const port = Buffer.from([target.port >> 8, target.port & 255]);
  if (net.isIPv4(target.host)) return Buffer.concat([Buffer.from([1, ...target.host.split('.').map(Number)]), port]);
  const name = Buffer.from(target.host, 'utf8');
  if (name.length > 255) throw refused(target, 'the host name is too long');
  return Buffer.concat([Buffer.from([3, name.length]), name, port]);
}

function refused(target: TunnelTarget, why: string): Fault {
  return new Fault('wire-proxy', `proxy ${target.proxy}: ${why}`);
}

/** Reads exact counts of bytes, leaving the rest in the socket for whoever comes next. */
function byteReader(socket: Duplex, proxy: string) {
  const take = (count: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const off = (): void => {
        socket.off('readable', attempt);
        socket.off('end', ended);
        socket.off('error', failed);
        socket.off('close', ended);
      };
      const attempt = (): void => {
        const bytes = socket.read(count) as Buffer | null;
        if (bytes === null || bytes.length < count) return;
        off();
        resolve(bytes);
      };
      const failed = (error: Error): void => {
        off();
        reject(error instanceof Fault ? error : new Fault('wire-proxy', `proxy ${proxy}: it closed the connection`));
      };
      const ended = (): void => failed(new Error('end'));
      socket.on('readable', attempt);
      socket.on('end', ended);
      socket.on('error', failed);
      socket.on('close', ended);
      attempt();
    });
  return { take, release: (): void => void socket.pause() };
}
