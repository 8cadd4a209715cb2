import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ArtifactSeal, asFault, type Limits } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { parseAddress } from './address.ts';
import { bind, bound, boundedServer, closeServer, type Serving } from './server.ts';

/** Bounds of the server besides limits: anybody in the cluster may ask. */
const BOUNDS = {
  connections: 64,
  requestsPerConnection: 100,
  headerBytes: 8_192,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  checkMs: 5_000,
  /** Who takes nothing for so long is cut off. */
  stalledMs: 30_000,
  retrySeconds: 5,
} as const;

/** An artifact that can be downloaded: what was told of it, and its bytes. */
export interface Download extends ArtifactSeal {
  /** Made anew for each reader. */
  open(): AsyncIterable<Uint8Array>;
  /** Its bytes are not those that were told of any more. */
  stale(): void;
}

export interface ArtifactView {
  /** What is at a path below the root, without the first slash; undefined for all that was not told of. Cheap. */
  find(path: string): Download | undefined;
}

export interface ArtifactServerOptions {
  readonly listen: string;
  readonly view: ArtifactView;
  readonly log: Log;
  readonly limits: Pick<Limits, 'artifactDownloads' | 'artifactMs'>;
}

/** Serves artifacts, to be read only, on a TCP address. Fault `config-invalid` when the address cannot be had. */
export async function serveArtifacts(options: ArtifactServerOptions): Promise<Serving> {
  const address = parseAddress(options.listen);
  const running = { downloads: 0 };
  const server = boundedServer(BOUNDS, (request, response) => void answer(request, response, options, running));
  server.setTimeout(BOUNDS.stalledMs);
  await bind(server, address);
  server.on('error', (error) => options.log.error('artifact server failed', { error: error.message }));
  return { address: bound(server, address), close: () => closeServer(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { view, log, limits }: ArtifactServerOptions,
  running: { downloads: number },
): Promise<void> {
  const url = request.url ?? '';
  // Nobody sends a body here; one that comes all the same ends the connection.
  if ('content-length' in request.headers || 'transfer-encoding' in request.headers)
    response.setHeader('connection', 'close');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(response, 405, 'use GET', { allow: 'GET, HEAD' });
  const found = view.find(url.slice(1));
  if (found === undefined) return refuse(response, 404, 'not found');
  const head = {
    'content-type': 'application/gzip',
    'content-length': found.size,
    etag: `"${found.digest}"`,
    'x-content-type-options': 'nosniff',
  };
  if (request.method === 'HEAD') return void response.writeHead(200, head).end();
  if (running.downloads >= limits.artifactDownloads)
    return refuse(response, 503, 'too many downloads, come again', { 'retry-after': String(BOUNDS.retrySeconds) });
  running.downloads += 1;
  const late = setTimeout(() => response.destroy(), limits.artifactMs);
  try {
    response.writeHead(200, head);
    await send(found, response);
  } catch (error) {
    // The reader sees a body that is too short.
    response.destroy();
    log.warn('artifact not sent', { url, error: asFault(error).message });
  } finally {
    clearTimeout(late);
    running.downloads -= 1;
  }
}

function refuse(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers })
    .end(`${text}\n`);
}

/** Sends the bytes as fast as they are taken. The last are held back until all are known to be those that were told of. */
async function send(download: Download, response: ServerResponse): Promise<void> {
  const sum = createHash('sha256');
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const part of download.open()) {
    sum.update(part);
    size += part.length;
    if (size > download.size) break;
    if (held !== undefined) await write(response, held);
    if (response.destroyed) return;
    held = part;
  }
  if (size !== download.size || `sha256:${sum.digest('hex')}` !== download.digest) {
    download.stale();
    throw new Error('its bytes are not those that were announced; it is announced anew');
  }
  response.end(held);
}

/** Waits until there is room again, or nobody there any more. */
async function write(response: ServerResponse, part: Uint8Array): Promise<void> {
  if (response.destroyed || response.write(part)) return;
  const gone = new AbortController();
  const { signal } = gone;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() =>
    gone.abort(),
  );
}
