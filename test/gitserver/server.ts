import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { constants, gunzipSync } from 'node:zlib';
import { type Credentials, createAuthority } from '../support/certificates.ts';
import { startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';
import { type Auth, refusal } from './auth.ts';
import { callBackend } from './backend.ts';
import { answerInstead, type FaultOptions, type GitFault, sendBody } from './faults.ts';
import { createRepoFiles, type GitRequest, type Repo, type RepoOptions, type RequestKind } from './repo.ts';

export interface GitServerOptions {
  /** HTTPS with an authority of its own; `required`: clients without a certificate of it are cut off in the handshake. */
  readonly tls?:
    | boolean
    | {
        readonly clientCertificate?: 'required' | 'optional';
        readonly hosts?: readonly string[];
        readonly notAfter?: Date;
      };
}

export interface GitServer {
  /** `http://127.0.0.1:PORT` or https. */
  readonly url: string;
  readonly port: number;
  /** PEM of the authority that signed the server's certificate and signs clients. */
  readonly caPem: string;
  clientCredentials(name: string): Credentials;
  /** Creates an empty repository; names may hold slashes. */
  repo(name: string, options?: RepoOptions): Promise<Repo>;
  /** Stops listening and drops every connection: refused. */
  pause(): Promise<void>;
  /** Listens again on the same port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

interface Hosted {
  auth: Auth | undefined;
  fault: { readonly what: GitFault; readonly on: RequestKind | 'any'; left: number } | undefined;
  requests: GitRequest[];
  readonly path: string;
  readonly protocol: 0 | 1 | 2;
}

/** Starts a smart-HTTP Git server on loopback over `git http-backend`. */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const { path: root } = await tempDir('git');
  const leash = startLeash(root);
  const hosted = new Map<string, Hosted>();
  const authority = createAuthority('holdfast-test-git');
  const [port = 0] = await freePorts(1);
  const handle = (request: IncomingMessage, answer: ServerResponse) => {
    serve({ request, answer, root, hosted }).catch(() => answer.destroy());
  };
  const tls = options.tls === true ? {} : options.tls === false ? undefined : options.tls;
  const secure = () => {
    const { clientCertificate, hosts = ['127.0.0.1', 'localhost'], notAfter } = tls ?? {};
    const own = authority.issue({ name: 'git', hosts, ...(notAfter && { notAfter }) });
    const ask = { requestCert: clientCertificate !== undefined, rejectUnauthorized: clientCertificate === 'required' };
    return createHttps({ cert: own.certPem, key: own.keyPem, ca: authority.certPem, ...ask }, handle);
  };
  const server: Server = tls === undefined ? createHttp(handle) : secure();
  Object.assign(server, { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000 });
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const pause = async () => {
    if (!server.listening) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  };
  await listen();
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return {
    url,
    port,
    caPem: authority.certPem,
    clientCredentials: (name) => authority.issue({ name }),
    repo: async (name, wanted = {}) => {
      const path = `/${name}.git`;
      if (hosted.has(path)) throw new Error(`there is a repository ${name} already`);
      const files = await createRepoFiles(join(root, path), wanted);
      const here: Hosted = { auth: wanted.auth, fault: undefined, requests: [], path, protocol: wanted.protocol ?? 2 };
      hosted.set(path, here);
      return { name, url: url + path, ...files, ...controls(here) };
    },
    pause,
    resume: listen,
    stop: async () => {
      await pause();
      await leash.release();
    },
  };
}

function controls(here: Hosted): Pick<Repo, 'setAuth' | 'fault' | 'requests' | 'totals' | 'resetRequests'> {
  const sum = (key: 'bodyIn' | 'bodyOut') => here.requests.reduce((all, request) => all + request[key], 0);
  return {
    setAuth: (auth) => {
      here.auth = auth;
    },
    fault: (what?: GitFault, { on = 'any', times = Number.POSITIVE_INFINITY }: FaultOptions = {}) => {
      here.fault = what && { what, on, left: times };
    },
    requests: () => [...here.requests],
    totals: () => ({ requests: here.requests.length, bodyIn: sum('bodyIn'), bodyOut: sum('bodyOut') }),
    resetRequests: () => {
      here.requests = [];
    },
  };
}

interface Serving {
  readonly request: IncomingMessage;
  readonly answer: ServerResponse;
  readonly root: string;
  readonly hosted: ReadonlyMap<string, Hosted>;
}

async function serve({ request, answer, root, hosted }: Serving): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const found = [...hosted.values()].find(({ path }) => pathname.startsWith(`${path}/`));
  if (found === undefined) {
    request.resume();
    answer.writeHead(404, { 'Content-Type': 'text/plain' }).end('repository not found\n');
    return;
  }
  const first = await firstChunk(request);
  const seen = note(request, kindOf(request, pathname, search, first.chunk));
  found.requests.push(seen);
  const body = counted(first, (bytes) => {
    seen.bodyIn += bytes;
  });
  answer.once('finish', () => {
    seen.status = answer.statusCode;
  });
  const no = refusal(found.auth, request, seen.certificate);
  const fault = no === undefined ? takeFault(found, seen.kind) : undefined;
  if (no !== undefined) {
    await drain(body);
    const challenge = found.auth?.bearer === undefined ? 'Basic realm="test"' : 'Bearer realm="test"';
    answer.writeHead(no, no === 401 ? { 'WWW-Authenticate': challenge } : {}).end('not allowed\n');
  } else if (await instead(fault, answer, { body, path: pathname + search })) return;
  else {
    const protocol = protocolOf(found, seen.protocol);
    const back = await callBackend({ request, root, path: pathname, query: search.slice(1), protocol, body });
    try {
      seen.status = back.status;
      answer.writeHead(back.status, back.headers);
      await sendBody(answer, back.body, fault, (bytes) => {
        seen.bodyOut += bytes;
      });
    } finally {
      back.end();
    }
  }
}

async function instead(
  fault: GitFault | undefined,
  answer: ServerResponse,
  rest: { readonly body: AsyncIterable<Buffer>; readonly path: string },
): Promise<boolean> {
  const whole = fault !== undefined && ('status' in fault || 'portal' in fault || 'redirect' in fault);
  if (whole) await drain(rest.body);
  return answerInstead(fault, answer, rest.path);
}

type Seen = { -readonly [K in keyof GitRequest]: GitRequest[K] };

function note(request: IncomingMessage, kind: RequestKind): Seen {
  const socket = request.socket as Partial<TLSSocket>;
  const subject = socket.getPeerCertificate?.().subject as { readonly CN?: string } | undefined;
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    kind,
    method: request.method ?? '',
    path: request.url ?? '',
    status: 0,
    bodyIn: 0,
    bodyOut: 0,
    protocol: header('git-protocol'),
    authorization: header('authorization'),
    userAgent: header('user-agent'),
    certificate: subject?.CN ?? '',
  };
}

function takeFault(here: Hosted, kind: RequestKind): GitFault | undefined {
  const { fault } = here;
  if (fault === undefined || fault.left <= 0 || (fault.on !== 'any' && fault.on !== kind)) return undefined;
  fault.left--;
  return fault.what;
}

/** A server that knows protocol 1 takes it whenever the client speaks of versions at all. */
function protocolOf(here: Hosted, asked: string): string {
  if (here.protocol === 2) return asked;
  return here.protocol === 1 && asked !== '' ? 'version=1' : '';
}

interface Started {
  readonly chunk: Buffer;
  readonly rest: AsyncIterator<Buffer>;
}

async function firstChunk(request: IncomingMessage): Promise<Started> {
  const rest = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const first = await rest.next();
  return { chunk: first.done === true ? Buffer.alloc(0) : first.value, rest };
}

async function* counted(started: Started, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  let { chunk } = started;
  for (;;) {
    count(chunk.length);
    if (chunk.length > 0) yield chunk;
    const next = await started.rest.next();
    if (next.done === true) return;
    chunk = next.value;
  }
}

async function drain(body: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of body);
}

/** What a request is about; in protocol 2 the body's first line says it. */
function kindOf(request: IncomingMessage, path: string, query: string, first: Buffer): RequestKind {
  if (path.endsWith('/info/refs')) return query.includes('git-receive-pack') ? 'push' : 'info';
  if (path.endsWith('/git-receive-pack')) return 'push';
  if (!path.endsWith('/git-upload-pack')) return 'other';
  const zipped = request.headers['content-encoding'] === 'gzip';
  const text = (zipped ? gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }) : first)
    .subarray(0, 64)
    .toString('latin1');
  return text.includes('command=ls-refs') ? 'ls-refs' : 'fetch';
}
