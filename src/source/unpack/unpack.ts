import { createHash } from 'node:crypto';
import { constants, createGunzip, type Gunzip } from 'node:zlib';
import { type Digest, Fault, type Limits, type StoredEntry } from '../../model/index.ts';
import type { ContentWriter, PartialContent } from '../../ports/index.ts';
import { tarReader } from '../tar/index.ts';
import { createDraft } from './draft.ts';

/** Bytes unpacked at once: a bomb makes a thousand times as many of them. */
const STEP_BYTES = 16 * 1024;
const DRAIN_BYTES = 1024 * 1024;
/** Bytes of one piece of a file that is kept as it is. */
const PIECE_BYTES = 1024 * 1024;
/** What a small archive may become, whatever its ratio. */
const FREE_BYTES = 16 * 1024 * 1024;

/** What is read: a file as it was received, proven. */
export interface Received {
  readonly content: PartialContent;
  readonly digest: Digest;
}

export interface UnpackOptions {
  readonly limits: Limits;
  /** What is no gzip tar at all gives undefined. */
  readonly loose?: boolean;
  /** Hard links are a reason to stop; else they are left out, as symbolic ones are. */
  readonly wholeFiles?: boolean;
  /** What it is called in messages. */
  readonly what: string;
}

/**
 * Unpacks a gzip tar into a writer and answers the root, nothing hidden. Every byte of the file is read and hashed again,
 * also those behind the archive's end. Undefined only with `loose`. Faults `source-refused`, `source-bounds`,
 * `source-corrupt`.
 */
export async function unpack(
  received: Received,
  writer: ContentWriter,
  options: UnpackOptions,
): Promise<Digest | undefined> {
  const { limits, loose, what } = options;
  if (!isGzip(received.content)) {
    if (loose === true) return undefined;
    throw new Fault('source-refused', `requires gzip-compressed body: the ${what} is not a gzip archive`);
  }
  const draft = createDraft(writer, limits, options);
  const tar = tarReader(draft);
  const inflate = inflater(options, (bytes) => tar.push(bytes));
  const hash = createHash('sha256');
  let sinceDrain = 0;
  try {
    for (const step of stepsOf(received.content, STEP_BYTES)) {
      hash.update(step);
      if (!tar.ended()) await inflate.push(step);
      sinceDrain += draft.fresh();
      if (sinceDrain < DRAIN_BYTES) continue;
      sinceDrain = 0;
      await writer.drain();
    }
    if (!tar.ended()) await inflate.end();
    tar.end();
  } catch (error) {
    if (loose === true && tar.headers() === 0 && isOfTheFile(error)) return undefined;
    // The bytes are those of the digest, so nothing was cut on the way.
    if (error instanceof Fault && error.code === 'wire-cut') throw new Fault('source-refused', error.message);
    throw error;
  } finally {
    inflate.close();
  }
  if (`sha256:${hash.digest('hex')}` !== received.digest)
    throw new Fault('source-corrupt', 'the disk gives back other bytes than were received');
  return draft.store();
}

/** True for what is wrong with the bytes; a disk that fails says nothing of them. */
function isOfTheFile(error: unknown): boolean {
  return error instanceof Fault && /^source-(?:refused|bounds)$|^wire-cut$/.test(error.code);
}

function* stepsOf(content: PartialContent, step: number): Generator<Uint8Array> {
  const size = content.size();
  for (let at = 0; at < size; at += step) yield content.read(at, Math.min(step, size - at));
}

function isGzip(content: PartialContent): boolean {
  const [a, b] = content.read(0, 2);
  return a === 0x1f && b === 0x8b;
}

interface Inflater {
  push(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  close(): void;
}

/** Undoes gzip, several members after each other too, with a bound on what comes out. */
function inflater({ limits, what }: UnpackOptions, take: (bytes: Uint8Array) => void): Inflater {
  const gunzip: Gunzip = createGunzip({ chunkSize: 65_536, finishFlush: constants.Z_FINISH });
  const most = limits.treeBytes + limits.treeFiles * 2_048;
  let [input, output] = [0, 0];
  let failed: unknown;
  gunzip.on('error', (error) => {
    failed ??= gzipFault(what, error);
  });
  gunzip.on('data', (bytes: Buffer) => {
    if (failed !== undefined) return;
    output += bytes.length;
    try {
      if (output > most) throw tooLarge(what, `larger than ${limits.treeBytes} bytes (limits.treeBytes)`);
      if (output > FREE_BYTES && output > limits.artifactRatio * input)
        throw tooLarge(what, `more than ${limits.artifactRatio} times larger than itself (limits.artifactRatio)`);
      take(bytes);
    } catch (error) {
      failed = error;
      gunzip.destroy();
    }
  });
  const settle = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        gunzip.off('close', done);
        if (failed === undefined) resolve();
        else reject(failed);
      };
      if (failed !== undefined || gunzip.destroyed) return done();
      gunzip.once('close', done);
      begin(done);
    });
  return {
    push: (bytes) => {
      input += bytes.length;
      return settle((done) => void gunzip.write(bytes, done));
    },
    end: () =>
      settle((done) => {
        gunzip.once('end', done);
        gunzip.end();
      }),
    close: () => void gunzip.destroy(),
  };
}

function tooLarge(what: string, how: string): Fault {
  return new Fault('source-bounds', `the unpacked ${what} is ${how}`);
}

function gzipFault(what: string, error: Error): Fault {
  const code = 'code' in error ? String(error.code) : '';
  const why = code === 'Z_BUF_ERROR' ? 'unexpected EOF' : `invalid data (${code})`;
  return new Fault('source-refused', `the gzip of the ${what} cannot be read: ${why}`, { cause: error });
}

/** Stores a file as it is, in pieces; answers the folder that holds them. */
export async function storePieces(received: Received, writer: ContentWriter, alias: string): Promise<Digest> {
  const hash = createHash('sha256');
  const entries: StoredEntry[] = [];
  for (const piece of stepsOf(received.content, PIECE_BYTES)) {
    hash.update(piece);
    const name = String(entries.length).padStart(8, '0');
    entries.push({ name, mode: 'file', digest: writer.put(piece), size: piece.length, alias: '', hidden: false });
    await writer.drain();
  }
  if (`sha256:${hash.digest('hex')}` !== received.digest)
    throw new Fault('source-corrupt', 'the disk gives back other bytes than were received');
  return writer.putFolder(entries, alias);
}
