import type { IncomingMessage } from 'node:http';
import { at, Fault, fromJson, type Gvk, isObject, type Json, textAt } from '../../../src/model/index.ts';
import type { ApiResource, WatchOptions } from '../../../src/ports/index.ts';
import type { Discovery } from './discovery.ts';
import type { Epoch } from './epoch.ts';
import { retryAfter } from './exchange.ts';
import { answerFault, connectionFault } from './faults.ts';
import { createLines } from './lines.ts';
import { askedFor, objectOf } from './list.ts';
import { kindText } from './paths.ts';
import { type Newest, newestOf } from './put-back.ts';
import type { Transport } from './transport.ts';

/** Times of a watch, in milliseconds; tests shorten them. */
export interface WatchTimes {
  /** The server is asked to end a watch after this time, up to half of it more by chance. */
  readonly lifeMs: number;
  /** Silence of a connection on which bookmarks came before: servers send one about every minute. */
  readonly silenceMs: number;
  readonly firstBackoffMs: number;
  readonly lastBackoffMs: number;
  /** A kind that is not served is looked for again after this time. */
  readonly unservedMs: number;
}

export const WATCH_TIMES: WatchTimes = {
  lifeMs: 300_000,
  silenceMs: 150_000,
  firstBackoffMs: 100,
  lastBackoffMs: 10_000,
  unservedMs: 30_000,
};

export interface WatchParts {
  readonly transport: Transport;
  readonly discovery: Discovery;
  readonly epoch: Epoch;
  readonly eventBytes: number;
  readonly times: WatchTimes;
  /** In [0, 1). */
  readonly random: () => number;
}

/** How one connection ended. */
export type End =
  /** As planned, or by a server that shuts down in order: go on from the last version. */
  | 'ended'
  /** The version is too old: list again. */
  | 'expired';

/** Where a watch stands. */
export interface State {
  /** Version to go on from; '' before a list. */
  version: string;
  bookmarks: boolean;
  /** The message of the interruption that was told; '' when all is well. */
  lost: string;
  failures: number;
  /** A list has been delivered once. */
  synced: boolean;
  /** The life of the cluster that `version` belongs to. */
  epoch: string;
  newest: Newest | undefined;
  /** The datastore was put back: the next list is not to be compared with what came before. */
  anew: boolean;
  /** When the connection ended other than as planned (`performance.now()`); undefined when all is well. */
  brokenAt: number | undefined;
}

/** One open connection. */
export interface Stream {
  readonly message: IncomingMessage;
  readonly lifeMs: number;
}

/** Reads events until the connection ends, is silent for too long, or makes no sense. */
export function readEvents(
  parts: WatchParts,
  resource: ApiResource,
  options: WatchOptions,
  state: State,
  stream: Stream,
): Promise<End> {
  const { message } = stream;
  return new Promise((resolve, reject) => {
    let over = false;
    let alive = performance.now();
    const finish = (how: () => void): void => {
      if (over) return;
      over = true;
      clearInterval(timer);
      options.signal.removeEventListener('abort', abort);
      message.destroy();
      how();
    };
    const abort = (): void => finish(() => resolve('ended'));
    const fail = (error: unknown): void => finish(() => reject(error));
    const timer = setInterval(
      () => {
        const most = state.bookmarks ? parts.times.silenceMs : stream.lifeMs + 30_000;
        if (performance.now() - alive > most)
          fail(new Fault('cluster-unreachable', `nothing was heard for ${Math.round(most / 1_000)} s`));
      },
      Math.min(5_000, parts.times.silenceMs / 4),
    );
    const lines = createLines(parts.eventBytes, (line) => {
      if (!over && onLine(line, resource.gvk, options, state) === 'expired') finish(() => resolve('expired'));
    });
    message.on('data', (chunk: Buffer) => {
      alive = performance.now();
      parts.transport.received(chunk.byteLength);
      try {
        lines.push(chunk);
      } catch (error) {
        fail(error instanceof RangeError ? new Fault('cluster-protocol', error.message) : error);
      }
    });
    message.once('end', () => finish(() => resolve('ended')));
    message.once('error', (error) => fail(connectionFault(error)));
    message.once('close', () => fail(new Fault('cluster-unreachable', 'the connection was cut')));
    if (options.signal.aborted) abort();
    else options.signal.addEventListener('abort', abort, { once: true });
  });
}

function onLine(line: string, gvk: Gvk, options: WatchOptions, state: State): 'expired' | undefined {
  const event = parse(line, gvk);
  const object = at(event, 'object');
  const type = textAt(event, 'type');
  if (type === 'ERROR') return onError(object, gvk);
  if (type === 'BOOKMARK') {
    state.version = textAt(object, 'metadata', 'resourceVersion') ?? state.version;
    state.bookmarks = true;
    return undefined;
  }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED')
    throw new Fault('cluster-protocol', `watch of ${kindText(gvk)}: an event of no known type`);
  const seen = objectOf(object, gvk);
  options.onEvent({ type: type === 'DELETED' ? 'delete' : 'put', object: seen });
  state.newest = newestOf(seen, type === 'DELETED');
  state.version = textAt(seen, 'metadata', 'resourceVersion') ?? state.version;
  return undefined;
}

function onError(status: Json | undefined, gvk: Gvk): 'expired' {
  if (at(status, 'code') === 410) return 'expired';
  throw new Fault('cluster-unreachable', textAt(status, 'message') ?? `watch of ${kindText(gvk)}: an error event`);
}

function parse(line: string, gvk: Gvk): Json {
  try {
    const event = fromJson(line);
    if (isObject(event)) return event;
  } catch {
    // told below
  }
  throw new Fault('cluster-protocol', `watch of ${kindText(gvk)}: an event that is not JSON`);
}

/** Reads a refusal, which is short, and makes it a Fault. */
export async function refusal(message: IncomingMessage, resource: ApiResource, signal: AbortSignal): Promise<Fault> {
  const timer = setTimeout(() => message.destroy(), 5_000);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > 65_536 || signal.aborted) break;
    }
  } catch {
    // what was read so far says enough
  } finally {
    clearTimeout(timer);
    message.destroy();
  }
  const answer = {
    status: message.statusCode ?? 0,
    contentType: message.headers['content-type'] ?? '',
    etag: '',
    retryAfterMs: retryAfter(message.headers['retry-after']),
    body: Buffer.concat(chunks),
  };
  return answerFault(answer, askedFor('watch', resource));
}
