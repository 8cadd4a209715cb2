import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Fault } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { type Address, addressText, parseAddress } from './address.ts';
import { type HttpResponse, handle, type View } from './handle.ts';

/** Bounds of the server: an agent that is scraped by anything must not be the one that fills the memory. */
const BOUNDS = {
  connections: 64,
  requestsPerConnection: 1_000,
  headerBytes: 8_192,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  checkMs: 5_000,
  closeMs: 1_000,
} as const;

/** What a server of this process may be made to hold and to wait for. */
export interface ServerBounds {
  readonly connections: number;
  readonly requestsPerConnection: number;
  readonly headerBytes: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly checkMs: number;
}

/** A server with these bounds, which listens nowhere yet. */
export function boundedServer(bounds: ServerBounds, listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: bounds.headerBytes,
      headersTimeout: bounds.headersMs,
      requestTimeout: bounds.requestMs,
      keepAliveTimeout: bounds.idleMs,
      connectionsCheckingInterval: bounds.checkMs,
    },
    listener,
  );
  server.maxConnections = bounds.connections;
  server.maxRequestsPerSocket = bounds.requestsPerConnection;
  return server;
}

export interface Serving {
  /** As bound: with the port that was free when 0 was asked for. */
  readonly address: string;
  /** Ends what is idle, gives what is running a second, then cuts it. */
  close(): Promise<void>;
}

function answer(request: IncomingMessage, local: boolean, view: View, log: Log): HttpResponse {
  try {
    return handle({ method: request.method ?? '', url: request.url ?? '', local }, view);
  } catch (error) {
    log.error('http answer failed', {
      url: request.url ?? '',
      error: error instanceof Error ? error.message : String(error),
    });
    return { status: 500, type: 'text/plain; charset=utf-8', body: 'internal error, see the log\n' };
  }
}

function send(request: IncomingMessage, response: ServerResponse, what: HttpResponse): void {
  // No page takes a body: what comes is read away by Node when it is small, else the connection ends here.
  if (Number(request.headers['content-length'] ?? 0) > BOUNDS.headerBytes || 'transfer-encoding' in request.headers)
    response.setHeader('connection', 'close');
  response.writeHead(what.status, {
    'content-type': what.type,
    'content-length': Buffer.byteLength(what.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...what.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : what.body);
}

/** Whether somebody answers at a socket's path; a file left by a killed process refuses. */
function inUse(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/** Takes away the socket of an agent that was killed; never a socket that answers, and nothing that is no socket. */
async function clear(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Fault('config-invalid', `listen: ${path} exists and is no socket.`);
  if (await inUse(path)) throw new Fault('cache-locked', `Another agent answers at ${path}.`);
  rmSync(path, { force: true });
}

/** Listens; Fault `config-invalid` that says why the address cannot be had. */
export function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is taken by another process'
          : error.code === 'EACCES'
            ? 'is not permitted to this user'
            : error.code === 'EADDRNOTAVAIL'
              ? 'is no address of this machine'
              : `failed: ${error.message}`;
      reject(new Fault('config-invalid', `listen: ${addressText(address)} ${why}.`, { cause: error }));
    };
    server.once('error', fail);
    server.listen(
      address.kind === 'unix' ? { path: address.path } : { host: address.host || undefined, port: address.port },
      () => {
        server.removeListener('error', fail);
        resolve();
      },
    );
  });
}

/** The address as bound. */
export function bound(server: Server, address: Address): string {
  const at = server.address();
  return at === null || typeof at === 'string' || address.kind === 'unix'
    ? addressText(address)
    : addressText({ kind: 'tcp', host: address.host || at.address, port: at.port });
}

/**
 * Serves the pages on a TCP address or a Unix socket (see `parseAddress`); the socket takes nudges besides. Fault
 * `config-invalid` when the address cannot be had.
 */
export async function serve(listen: string, view: View, log: Log): Promise<Serving> {
  const address = parseAddress(listen);
  const local = address.kind === 'unix';
  const server = boundedServer(BOUNDS, (request, response) =>
    send(request, response, answer(request, local, view, log)),
  );
  if (address.kind === 'unix') await clear(address.path);
  await bind(server, address);
  if (address.kind === 'unix') chmodSync(address.path, 0o600);
  server.on('error', (error) => log.error('http server failed', { error: error.message }));
  return { address: bound(server, address), close: () => close(server, address) };
}

async function close(server: Server, address: Address): Promise<void> {
  await closeServer(server);
  if (address.kind === 'unix') rmSync(address.path, { force: true });
}

/** Ends what is idle, gives what is running a moment, then cuts it. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), BOUNDS.closeMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
