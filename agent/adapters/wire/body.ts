import type { IncomingMessage } from 'node:http';
import { pipeline, Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Fault } from '../../../src/model/index.ts';

/** How a body is read: its bound, and whom to ask about time and ends. */
export interface BodyOptions {
  readonly target: string;
  readonly maxBytes: number;
  readonly idleMs: number;
  /** Called when nothing came for `idleMs`; the message's stream must then fail. */
  readonly onIdle: () => void;
  /** The Fault for an error of the stream. */
  readonly fault: (error: unknown) => unknown;
  /** Called once, however reading ends; `whole` when the body was read to its end. */
  readonly onEnd: (whole: boolean) => void;
}

/** The body with its content coding undone. Both the transferred and the decoded size are bounded by `maxBytes`. */
export async function* readBody(message: IncomingMessage, options: BodyOptions): AsyncGenerator<Uint8Array> {
  const coding = (message.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = coding === 'identity' || coding === '' ? undefined : decoderFor(coding, options.target);
  if (decoder === undefined) return yield* transferred(message, options);
  const source = Readable.from(transferred(message, options));
  pipeline(source, decoder, () => {});
  let size = 0;
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > options.maxBytes) throw tooLarge(options, 'decoded');
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Fault ? error : decodeFault(error, options);
  }
}

async function* transferred(message: IncomingMessage, options: BodyOptions): AsyncGenerator<Uint8Array> {
  const parts = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let size = 0;
  let whole = false;
  try {
    for (;;) {
      const timer = setTimeout(options.onIdle, options.idleMs);
      const next = await parts.next().finally(() => clearTimeout(timer));
      if (next.done === true) break;
      size += next.value.length;
      if (size > options.maxBytes) throw tooLarge(options, 'transferred');
      yield next.value;
    }
    if (!message.complete) throw new Error('aborted');
    whole = true;
  } catch (error) {
    throw options.fault(error);
  } finally {
    options.onEnd(whole);
  }
}

function decoderFor(coding: string, target: string): Transform {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
    case 'deflate':
      return zlib.createUnzip();
    case 'zstd':
      return zlib.createZstdDecompress();
    default:
      throw new Fault('wire-protocol', `${target}: the answer has an unknown content-encoding`);
  }
}

function decodeFault(error: unknown, options: BodyOptions): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong')
    return new Fault('wire-cut', `${options.target}: the compressed answer ends too early: unexpected EOF`);
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_'))
    return new Fault('wire-protocol', `${options.target}: the compressed answer cannot be read (${code})`);
  return options.fault(error);
}

function tooLarge(options: BodyOptions, what: string): Fault {
  return new Fault('source-bounds', `${options.target}: the answer is larger than ${options.maxBytes} bytes (${what})`);
}
