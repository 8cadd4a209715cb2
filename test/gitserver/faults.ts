import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestKind } from './repo.ts';

/** How an answer goes wrong. Byte numbers count the body, without chunk framing. */
export type GitFault =
  /** The connection is destroyed after so many bytes. */
  | { readonly cut: number }
  /** The connection is reset (TCP RST) after so many bytes, which have gone out before. Not with TLS. */
  | { readonly reset: number }
  /** The body ends after so many bytes as if it were complete. */
  | { readonly truncate: number }
  /** Nothing comes any more: from the head on, or after so many bytes of the body. */
  | { readonly hang: 'head' | number }
  | { readonly status: number; readonly retryAfter?: number | string; readonly body?: string }
  /** 200 and a login page. */
  | { readonly portal: true }
  /** To the same path below another base. */
  | { readonly redirect: string; readonly status?: 301 | 302 | 307 | 308 }
  /** Bytes a second. */
  | { readonly drip: number }
  /** One bit of this byte is another. */
  | { readonly flip: number }
  /** Milliseconds before the head. */
  | { readonly delay: number };

export interface FaultOptions {
  /** Which requests: default `any`. */
  readonly on?: RequestKind | 'any';
  /** How many of them; default all. */
  readonly times?: number;
}

const PORTAL =
  '<!doctype html><html><head><title>Welcome</title></head><body><form action="/login">Please accept the terms.</form></body></html>';

/** Answers that need no repository: true when the fault was one of them and the answer is done. */
export async function answerInstead(
  fault: GitFault | undefined,
  answer: ServerResponse,
  path: string,
): Promise<boolean> {
  if (fault === undefined) return false;
  if ('delay' in fault) await sleep(fault.delay);
  const send = (status: number, headers: OutgoingHttpHeaders, body: string) => {
    answer.writeHead(status, { 'Content-Type': 'text/plain', ...headers }).end(body);
    return true;
  };
  if ('hang' in fault && fault.hang === 'head') {
    await gone(answer);
    return true;
  }
  if ('portal' in fault) return send(200, { 'Content-Type': 'text/html; charset=utf-8' }, PORTAL);
  if ('redirect' in fault)
    return send(fault.status ?? 302, { Location: `${fault.redirect.replace(/\/$/, '')}${path}` }, '');
  if ('status' in fault) {
    const headers = fault.retryAfter === undefined ? {} : { 'Retry-After': String(fault.retryAfter) };
    return send(fault.status, headers, fault.body ?? `status ${fault.status} on purpose\n`);
  }
  return false;
}

/** Sends a body with the fault in it and tells the bytes as they are sent. */
export async function sendBody(
  answer: ServerResponse,
  body: AsyncIterable<Buffer>,
  fault: GitFault | undefined,
  count: (bytes: number) => void,
): Promise<void> {
  let sent = 0;
  const write = async (chunk: Uint8Array) => {
    sent += chunk.length;
    count(chunk.length);
    if (!answer.write(chunk)) await drained(answer);
  };
  const stopAt =
    fault &&
    ('cut' in fault
      ? fault.cut
      : 'reset' in fault
        ? fault.reset
        : 'truncate' in fault
          ? fault.truncate
          : 'hang' in fault
            ? fault.hang
            : undefined);
  const limit = typeof stopAt === 'number' ? stopAt : Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    if (answer.destroyed) return;
    const part = chunk.subarray(0, Math.max(0, limit - sent));
    if (fault !== undefined && 'flip' in fault) flip(part, fault.flip - sent);
    if (fault !== undefined && 'drip' in fault) await drip(part, fault.drip, write);
    else if (part.length > 0) await write(part);
    if (sent >= limit) {
      await stop(answer, fault);
      return;
    }
  }
  answer.end();
}

/** For the other side to close as well, milliseconds. */
const END_MS = 2_000;

/** The end that a cut, a reset, a truncation or a hang makes. */
async function stop(answer: ServerResponse, fault: GitFault | undefined): Promise<void> {
  if (fault !== undefined && 'truncate' in fault) answer.end();
  else if (fault !== undefined && 'hang' in fault) {
    answer.flushHeaders();
    await gone(answer);
  } else if (fault !== undefined && 'reset' in fault) {
    await reset(answer);
  } else {
    // The end comes behind all that was sent: a reset would take along what a busy reader has not read yet.
    answer.flushHeaders();
    answer.socket?.end();
    await Promise.race([gone(answer), sleep(END_MS)]);
    answer.destroy();
  }
}

async function reset(answer: ServerResponse): Promise<void> {
  const { socket } = answer;
  answer.flushHeaders();
  await new Promise((next) => setImmediate(next));
  // A reset takes along what has not gone out.
  await new Promise<void>((done) => socket?.write('', () => done()) ?? done());
  socket?.resetAndDestroy();
}

function flip(chunk: Buffer, index: number): void {
  const byte = chunk[index];
  if (byte !== undefined) chunk[index] = byte ^ 1;
}

async function drip(chunk: Buffer, perSecond: number, write: (piece: Buffer) => Promise<void>): Promise<void> {
  const step = Math.max(1, Math.round(perSecond / 20));
  for (let offset = 0; offset < chunk.length; offset += step) {
    await write(chunk.subarray(offset, offset + step));
    await sleep((step / perSecond) * 1000);
  }
}

const gone = (answer: ServerResponse) =>
  new Promise<void>((resolve) => {
    if (answer.destroyed) resolve();
    else answer.once('close', resolve);
  });

const drained = (answer: ServerResponse) =>
  new Promise<void>((resolve) => {
    const done = () => {
      answer.off('drain', done);
      answer.off('close', done);
      resolve();
    };
    answer.once('drain', done);
    answer.once('close', done);
  });
