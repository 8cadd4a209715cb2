import { createHash } from 'node:crypto';
import { type Digest, Fault, type Limits, type StoredEntry } from '../../model/index.ts';
import type { ContentWriter, PartialContent } from '../../ports/index.ts';
import { tarReader } from '../tar/index.ts';
import { createDraft } from './draft.ts';
import { codingOf, createInflater } from './inflate.ts';

const STEP_BYTES = 16 * 1024;
const DRAIN_BYTES = 1024 * 1024;
/** Bytes of one piece of a file that is kept as it is. */
const PIECE_BYTES = 1024 * 1024;

/** What is read: a file as it was received, proven. */
export interface Received {
  readonly content: PartialContent;
  readonly digest: Digest;
}

export interface UnpackOptions {
  readonly limits: Limits;
  /** What is no compressed tar at all gives undefined. */
  readonly loose?: boolean;
  /** Hard links are a reason to stop; else they are left out, as symbolic ones are. */
  readonly wholeFiles?: boolean;
  /** What it is called in messages. */
  readonly what: string;
}

/**
 * Unpacks a tar, compressed by gzip or zstd, into a writer and answers the root, nothing hidden. Every byte of the file is
 * read and hashed again, also those behind the archive's end. Undefined only with `loose`. Faults `source-refused`,
 * `source-bounds`, `source-corrupt`.
 */
export async function unpack(
  received: Received,
  writer: ContentWriter,
  options: UnpackOptions,
): Promise<Digest | undefined> {
  const { limits, loose, what } = options;
  const coding = codingOf(received.content.read(0, 4));
  if (coding === 'none') {
    if (loose === true) return undefined;
    throw new Fault('source-refused', `requires gzip-compressed body: the ${what} is not a gzip archive`);
  }
  const draft = createDraft(writer, limits, options);
  const tar = tarReader(draft);
  let sinceDrain = 0;
  // A step of a hostile file becomes 500 MiB, so it is asked after each piece that comes out.
  const room = (): Promise<void> | undefined => {
    sinceDrain += draft.fresh();
    if (sinceDrain < DRAIN_BYTES) return undefined;
    sinceDrain = 0;
    return writer.drain();
  };
  const inflate = createInflater(coding, { limits, what, room }, (bytes) => tar.push(bytes));
  const hash = createHash('sha256');
  try {
    for (const step of stepsOf(received.content, STEP_BYTES)) {
      hash.update(step);
      if (!tar.ended()) await inflate.push(step);
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
