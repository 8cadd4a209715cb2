import { gzipSync } from 'node:zlib';
import { Fault, type LimitName, reworded } from '../../model/index.ts';
import type { WireResponse, WireTls } from '../../ports/index.ts';
import { mediaTypeOf, retryAfter } from '../answers.ts';
import { wireLimits } from '../attempt.ts';
import type { GitSession } from './request.ts';

/** A call of the smart HTTP protocol (gitprotocol-http). */
export interface Call {
  readonly path: '/git-upload-pack' | '/info/refs?service=git-upload-pack';
  /** Undefined: GET. */
  readonly body?: string;
  /** Bound of the answer's body, and the limit that it comes from. */
  readonly maxBytes: number;
  readonly limit: LimitName;
  /** Protocol asked for in Git-Protocol. */
  readonly version?: 2;
  /** The answer may be long text, so it is taken compressed where the server can. */
  readonly compress?: boolean;
}

/** An answer; `close` must be called at the end, it ends what was not read and counts. */
export interface Answer {
  readonly status: number;
  /** What is wrong with the answer by its head: the status, or a media type that is not Git's. Undefined: go on. */
  readonly fault: Fault | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** Sends a call within the session's time. Faults have Flux's words; `inClone` adds the repository. */
export async function call(session: GitSession, what: Call): Promise<Answer> {
  if (session.url.startsWith('ssh://')) return (await import('./ssh.ts')).callSsh(session, what);
  const { request } = session;
  const post = what.body !== undefined;
  const kind = post ? 'result' : 'advertisement';
  const media = `application/x-git-upload-pack-${kind}`;
  const { authorization, tls } = credentials(session);
  const body = what.body === undefined ? undefined : packed(what.body);
  let response: WireResponse;
  try {
    response = await session.ports.wire.send({
      method: post ? 'POST' : 'GET',
      url: session.place.base + what.path,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(post ? { 'content-type': 'application/x-git-upload-pack-request' } : {}),
        ...(body?.packed === true ? { 'content-encoding': 'gzip' } : {}),
        accept: media,
        ...(what.compress === true ? { 'accept-encoding': 'zstd, gzip' } : {}),
        ...(what.version === undefined ? {} : { 'git-protocol': `version=${what.version}` }),
        'user-agent': 'git/holdfast',
      },
      ...(body === undefined ? {} : { body: body.bytes }),
      ...(tls === undefined ? {} : { tls }),
      ...(request.proxy === undefined ? {} : { proxy: request.proxy }),
      limits: wireLimits(session, what.maxBytes, session.limits),
      ...(session.signal === undefined ? {} : { signal: session.signal }),
    });
  } catch (error) {
    throw gitFault(error, what.limit);
  }
  if (response.status === 200 && response.url.endsWith(what.path))
    session.place.base = response.url.slice(0, -what.path.length);
  const smart = mediaTypeOf(response.headers['content-type']) === media;
  return {
    status: response.status,
    fault:
      statusFault(response.status, retryAfter(response.headers['retry-after'], session.ports.clock.now())) ??
      (smart ? undefined : notGit()),
    body: bounded(response.body, what.limit),
    close() {
      response.close();
      session.spend(response.count());
    },
  };
}

/** From here on Git's own client compresses what it asks, so every server takes it. */
const GZIP_BYTES = 1_024;

function packed(body: string): { readonly bytes: Uint8Array; readonly packed: boolean } {
  const bytes = Buffer.from(body, 'utf8');
  return bytes.length > GZIP_BYTES ? { bytes: gzipSync(bytes), packed: true } : { bytes, packed: false };
}

/** What proves who we are goes to the origin it was meant for, and not to where that has sent us. */
function credentials(session: GitSession): Pick<GitSession, 'authorization'> & { readonly tls: WireTls | undefined } {
  const { request, authorization, place, url } = session;
  if (place.base === url || new URL(place.base).origin === new URL(url).origin)
    return { authorization, tls: request.tls };
  const ca = request.tls?.ca;
  return { authorization: undefined, tls: ca === undefined ? undefined : { ca } };
}

function notGit(): Fault {
  const text = "the answer is not a Git server's (a login page in between, or the dumb protocol?)";
  return new Fault('wire-protocol', text);
}

/** The Fault for a status that is not 200; undefined for 200. */
function statusFault(status: number, retryAfterMs?: number): Fault | undefined {
  if (status === 200) return undefined;
  if (status === 401) return new Fault('source-auth', 'authentication required: unauthorized');
  if (status === 403) return new Fault('source-auth', 'authorization failed: forbidden');
  if (status === 404 || status === 410) return new Fault('source-not-found', 'repository not found');
  if (status === 407) return new Fault('wire-proxy', 'unexpected requesting, status code: 407');
  if (status === 429 || status >= 500) {
    const code = status === 429 ? 'wire-throttled' : 'wire-server';
    return new Fault(code, `the server answers with status code: ${status}`, { retryAfterMs });
  }
  return new Fault('wire-protocol', `unexpected status code: ${status}`);
}

/** Adds the limit to a Fault of the wire where one was passed. */
function gitFault(error: unknown, limit: LimitName): unknown {
  if (!(error instanceof Fault) || error.code !== 'source-bounds') return error;
  return reworded(error, { message: `${error.message} (limits.${limit})` });
}

async function* bounded(body: AsyncIterable<Uint8Array>, limit: LimitName): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw gitFault(error, limit);
  }
}
