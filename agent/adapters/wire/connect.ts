import { createHash } from 'node:crypto';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { Fault } from '../../../src/model/index.ts';
import type { WireProxy, WireTls } from '../../../src/ports/index.ts';
import { abortError, wireFault } from './faults.ts';
import { connectTunnel, socks5, type TunnelTarget } from './tunnel.ts';

/** All that decides which connections may serve a request. */
export interface Route {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly tls: WireTls | undefined;
  readonly proxy: WireProxy | undefined;
  /** What is spoken is not HTTP: a proxy only passes it on. */
  readonly tunnel?: boolean;
}

/** A connection ready for HTTP, and the TCP socket under it, whose counters include TLS and the proxy's handshake. */
export interface Connection {
  readonly stream: Duplex;
  readonly raw: net.Socket;
}

/** What connections of one route share: certificates read once, and the TLS session to resume. */
export interface RouteState {
  readonly context: tls.SecureContext | undefined;
  session: Buffer | undefined;
}

/** How long one of several addresses of a host is tried before the next. */
const ADDRESS_MS = 3_000;

/** A key that tells routes apart and holds no secret. */
export function routeKey(route: Route): string {
  const { proxy, tls: t } = route;
  const parts = [route.secure, route.host, route.port, t?.ca, t?.cert, t?.key, t?.anyServer];
  const more = [proxy?.address, proxy?.username, proxy?.password];
  return createHash('sha256')
    .update(JSON.stringify([...parts, ...more]))
    .digest('base64');
}

/** Reads the certificates of a route. Fault `wire-tls` when they are not PEM or don't fit together. */
export function routeState(route: Route): RouteState {
  if (!route.secure) return { context: undefined, session: undefined };
  const { ca, cert, key } = route.tls ?? {};
  try {
    const options: tls.SecureContextOptions = { minVersion: 'TLSv1.2' };
    Object.assign(options, extraCa(ca));
    if (cert !== undefined) options.cert = cert;
    if (key !== undefined) options.key = key;
    return { context: tls.createSecureContext(options), session: undefined };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Fault(
      'wire-tls',
      `${route.host}:${route.port}: the CA, certificate or key given cannot be used (${code})`,
    );
  }
}

/** True where requests go to the proxy in absolute form instead of through a tunnel. */
export function viaForwardProxy(route: Route): boolean {
  if (route.tunnel === true) return false;
  return route.proxy !== undefined && !route.secure && !proxyUrl(route.proxy).protocol.startsWith('socks');
}

/** The system's authorities and one more; nothing where there is none, then Node's shared store serves. */
function extraCa(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] };
}

/** `host:port` of a route's server, for messages. */
export function targetOf(route: { readonly host: string; readonly port: number }): string {
  return `${route.host}:${route.port}`;
}

/** Opens a connection. Throws Faults; the signal ends it at any stage. */
export async function openConnection(route: Route, state: RouteState, signal: AbortSignal): Promise<Connection> {
  const proxy = route.proxy === undefined ? undefined : proxyUrl(route.proxy);
  const first = proxy === undefined ? route : { host: bare(proxy.hostname), port: portOf(proxy) };
  const raw = net.connect({
    host: first.host,
    port: first.port,
    noDelay: true,
    // Node gives each address 250 ms, less than one round trip by satellite.
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
  });
  let stream: Duplex = raw;
  raw.on('error', ignore);
  const stop = (): void => {
    stream.destroy();
    raw.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await ready(raw, 'connect', proxy === undefined ? targetOf(first) : undefined, signal, targetOf(first));
    if (proxy?.protocol === 'https:') {
      stream = tls.connect({ socket: raw, host: first.host, ...sni(first.host), ...extraCa(route.tls?.ca) });
      stream.on('error', ignore);
      await ready(stream, 'secureConnect', undefined, signal, targetOf(first));
    }
    if (proxy !== undefined && !viaForwardProxy(route)) await tunnel(stream, route, proxy, targetOf(first));
    if (route.secure) {
      stream = startTls(stream, route, state);
      await ready(stream, 'secureConnect', targetOf(route), signal, targetOf(route));
    }
    return { stream, raw };
  } catch (error) {
    stop();
    throw signal.aborted ? abortError(signal) : error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function startTls(under: Duplex, route: Route, state: RouteState): tls.TLSSocket {
  const socket = tls.connect({
    socket: under,
    host: route.host,
    ...sni(route.host),
    ALPNProtocols: ['http/1.1'],
    ...(route.tls?.anyServer === true ? { rejectUnauthorized: false } : {}),
    ...(state.context === undefined ? {} : { secureContext: state.context }),
    ...(state.session === undefined ? {} : { session: state.session }),
  });
  socket.on('error', ignore);
  socket.on('session', (session: Buffer) => {
    state.session = session;
  });
  return socket;
}

async function tunnel(stream: Duplex, route: Route, proxy: URL, name: string): Promise<void> {
  const target: TunnelTarget = {
    host: route.host,
    port: route.port,
    username: route.proxy?.username,
    password: route.proxy?.password,
    proxy: name,
  };
  await (proxy.protocol.startsWith('socks') ? socks5(stream, target) : connectTunnel(stream, target));
}

/** Waits for an event of a socket; errors become Faults (of the proxy when `server` is undefined). */
function ready(
  socket: Duplex,
  event: 'connect' | 'secureConnect',
  server: string | undefined,
  signal: AbortSignal,
  name: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      socket.off(event, done);
      socket.off('error', failed);
      socket.off('close', closed);
      end();
    };
    const done = (): void => settle(resolve);
    const failed = (error: Error): void =>
      settle(() => {
        const fault = wireFault(error, { target: name, answered: false });
        reject(server === undefined ? new Fault('wire-proxy', `proxy ${fault.message}`, { cause: error }) : fault);
      });
    const closed = (): void => failed(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    if (signal.aborted) return reject(abortError(signal));
    socket.on(event, done);
    socket.on('error', failed);
    socket.on('close', closed);
  });
}

/** Errors reach whoever uses the socket by its stream; without a listener Node would end the process. */
function ignore(): void {}

/** Reads a proxy's address. Fault `wire-proxy` when it is none; the address itself is not repeated, it may hold secrets. */
export function proxyUrl(proxy: WireProxy): URL {
  const text = proxy.address.includes('://') ? proxy.address : `http://${proxy.address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(https?|socks5h?):$/.test(url.protocol))
    throw new Fault('wire-proxy', 'the proxy address is not http://, https:// or socks5://');
  return url;
}

/** User and password may stand in the proxy's address; apart from it they are never printed. */
export function namedProxy(proxy: WireProxy): WireProxy {
  const url = proxyUrl(proxy);
  const username = proxy.username ?? loginPart(url.username);
  const password = proxy.password ?? loginPart(url.password);
  const address = `${url.protocol}//${url.host}`;
  return username === '' ? { address } : { address, username, password };
}

function loginPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Fault('wire-proxy', 'the proxy address has a user name or password that cannot be read: write % as %25');
  }
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : url.protocol === 'http:' ? 80 : 1080;
}

function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function sni(host: string): { servername?: string } {
  return net.isIP(host) === 0 ? { servername: host } : {};
}
