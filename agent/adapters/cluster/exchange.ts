import type { ClientRequest, IncomingMessage } from 'node:http';
import { Fault } from '../../../src/model/index.ts';
import type { RequestVerb } from './stats.ts';

export interface ClusterRequest {
  readonly verb: RequestVerb;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, from `/api`. */
  readonly path: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  readonly etag?: string;
  /** Sent besides, such as those of an impersonation. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly signal?: AbortSignal | undefined;
  /** Others go first where many wait. */
  readonly yields?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly etag: string;
  readonly retryAfterMs: number | undefined;
  readonly body: Buffer;
}

/** What an exchange may take. */
export interface Bounds {
  readonly ms: number;
  readonly bytes: number;
  readonly received: (bytes: number) => void;
}

/** Sends a request and resolves with the head of its answer. */
export function head(out: ClientRequest, request: ClusterRequest, ms: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => out.destroy(timeoutFault(ms)), ms);
    const abort = (): void => void out.destroy(request.signal?.reason as Error);
    const done = (): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', abort);
    };
    out.once('error', (error) => {
      done();
      reject(request.signal?.aborted ? request.signal.reason : error);
    });
    out.once('response', (message) => {
      done();
      resolve(message);
    });
    if (request.signal?.aborted) abort();
    else request.signal?.addEventListener('abort', abort, { once: true });
    out.end(request.body);
  });
}

/** Sends a request and collects its answer, within a time and a number of bytes. */
export function exchange(out: ClientRequest, request: ClusterRequest, bounds: Bounds): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Node keeps a request, and with it these functions, as long as its idle connection: the answer must not stay with them.
    let open: { readonly resolve: typeof resolve; readonly reject: typeof reject } | undefined = { resolve, reject };
    const settle = (how: (waiting: NonNullable<typeof open>) => void): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', abort);
      if (open !== undefined) how(open);
      open = undefined;
    };
    const fail = (error: unknown): void => {
      out.destroy();
      settle((waiting) => waiting.reject(request.signal?.aborted ? request.signal.reason : error));
    };
    const timer = setTimeout(() => fail(timeoutFault(bounds.ms)), bounds.ms);
    const abort = (): void => fail(request.signal?.reason);
    out.on('error', (error) => fail(Object.assign(error, { reused: out.reusedSocket })));
    out.once('response', (message) => {
      const chunks: Buffer[] = [];
      let size = 0;
      message.on('data', (chunk: Buffer) => {
        size += chunk.byteLength;
        bounds.received(chunk.byteLength);
        if (size > bounds.bytes) fail(tooLarge(bounds.bytes));
        else chunks.push(chunk);
      });
      message.on('error', fail);
      message.once('end', () => {
        settle((waiting) => waiting.resolve(toAnswer(message, chunks)));
        chunks.length = 0;
      });
      message.once('close', () => {
        if (!message.complete) fail(new Fault('cluster-unreachable', 'the answer of the API server was cut'));
      });
    });
    if (request.signal?.aborted) abort();
    else request.signal?.addEventListener('abort', abort, { once: true });
    out.end(request.body);
  });
}

function toAnswer(message: IncomingMessage, chunks: readonly Buffer[]): Answer {
  return {
    status: message.statusCode ?? 0,
    contentType: message.headers['content-type'] ?? '',
    etag: message.headers.etag ?? '',
    retryAfterMs: retryAfter(message.headers['retry-after']),
    body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
  };
}

/** Retry-After in milliseconds; dates are not read. */
export function retryAfter(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9]{1,6}$/.test(value) ? Number(value) * 1_000 : undefined;
}

function timeoutFault(ms: number): Fault {
  return new Fault(
    'cluster-unreachable',
    `the API server did not answer within ${Math.round(ms)} ms (limits.requestMs)`,
  );
}

/** Its cause is a RangeError: who asks for less may get it. */
function tooLarge(bytes: number): Fault {
  const message = `the answer is larger than ${bytes} bytes (limits.responseBytes)`;
  return new Fault('cluster-protocol', message, { cause: new RangeError(message) });
}

/** Waits; rejects with the signal's reason when it aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The same promise, left early when the signal aborts: what others wait for as well goes on without us. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
