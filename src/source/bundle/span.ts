import { createHash } from 'node:crypto';
import { type Digest, Fault } from '../../model/index.ts';
import type { MediumFile } from '../../ports/index.ts';

/** A part of a file. */
export interface Span {
  readonly start: number;
  readonly size: number;
}

/** What is read of a file: where it is, without who opens it. */
export type Readable = Pick<MediumFile, 'size' | 'read' | 'members'>;

/** Bytes that are read, and held, at once. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The bytes of a part, as they are read. Fault `bundle-damaged` when the file ends before it does; the signal's reason when
 * it aborts.
 */
export function bytesOf(file: Readable, span: Span, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  return chunksOf(file, span, signal, undefined);
}

/** The same in memory that is used again for the next: for who keeps nothing of it, so that a large file leaves no garbage. */
export function passingBytes(file: Readable, span: Span, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  return chunksOf(file, span, signal, Buffer.allocUnsafe(Math.min(CHUNK_BYTES, span.size)));
}

async function* chunksOf(
  file: Readable,
  { start, size }: Span,
  signal: AbortSignal | undefined,
  into: Uint8Array | undefined,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    signal?.throwIfAborted();
    const chunk = await file.read(start + at, Math.min(CHUNK_BYTES, size - at), into);
    if (chunk.length === 0) throw cut();
    yield chunk;
    at += chunk.length;
  }
}

/** All bytes of a small part. Fault `source-bounds` names `limit` when it is larger. */
export async function wholeOf(file: Readable, span: Span, bound: number, limit: string): Promise<Buffer> {
  if (span.size > bound)
    throw new Fault('source-bounds', `a document of ${span.size} bytes is larger than ${bound} (limits.${limit})`);
  const parts: Uint8Array[] = [];
  for await (const part of bytesOf(file, span)) parts.push(part);
  return Buffer.concat(parts);
}

/** The SHA-256 of a part. */
export async function digestOf(file: Readable, span: Span, signal?: AbortSignal): Promise<Digest> {
  const sum = createHash('sha256');
  for await (const part of passingBytes(file, span, signal)) sum.update(part);
  return `sha256:${sum.digest('hex')}`;
}

export function cut(): Fault {
  return new Fault('bundle-damaged', 'the file ends too early: it is cut, or still being copied');
}
