import type { Wire, WireRequest, WireResponse } from '../../ports/index.ts';
import { bytesOf, type Readable, type Span } from './span.ts';

/** Nothing went over a network. */
export const NOTHING_MOVED = { count: () => ({ requests: 0, up: 0, down: 0 }), close: () => undefined };

/** A part of a file as the answer to a GET, whole or from a byte on. */
export function spanAnswer(request: WireRequest, file: Readable, span: Span): WireResponse {
  const from = Number(/^bytes=([0-9]{1,15})-$/.exec(request.headers?.['range'] ?? '')?.[1] ?? 0);
  const part = from > 0 && from < span.size;
  const rest = part ? { start: span.start + from, size: span.size - from } : span;
  const range = part ? { 'content-range': `bytes ${from}-${span.size - 1}/${span.size}` } : {};
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(rest.size), ...range };
  return { ...NOTHING_MOVED, url: request.url, status: part ? 206 : 200, headers, body: bytesOf(file, rest) };
}

/** A server that has one file, whatever it is asked for. Nothing is believed: whoever asks checks the digest. */
export function spanWire(file: Readable, span: Span): Wire {
  return { send: async (request) => spanAnswer(request, file, span) };
}
