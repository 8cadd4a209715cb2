import { type Digest, fromJson, isDigest, isObject, sha256, toJson } from '../../src/model/index.ts';
import type { Disk, Log, MediumFile } from '../../src/ports/index.ts';
import { digestOf } from '../../src/source/bundle/index.ts';

/** What became of a file that could not be moved aside. */
export interface Remembered {
  readonly state: 'taken' | 'refused';
  readonly message: string;
  /** Sources that took of it. */
  readonly sources: readonly string[];
}

/** Files of media that take no writes, by their mark: so that they are not taken again and again. */
export interface Memory {
  get(mark: Digest): Remembered | undefined;
  set(mark: Digest, what: Remembered): Promise<void>;
  /** Has refused ones looked at again. */
  forgetRefused(): void;
}

const FILE = 'inbox.json';
const KEPT = 200;

/** Losing it costs reading files again, and nothing else: what is here already is taken for that. */
export function openMemory(disk: Disk, log: Log): Memory {
  const known = read(disk);
  return {
    get: (mark) => known.get(mark),
    set: async (mark, what) => {
      known.delete(mark);
      known.set(mark, what);
      for (const old of [...known.keys()].slice(0, Math.max(0, known.size - KEPT))) known.delete(old);
      const files = [...known].map(([key, { state, message, sources }]) => ({
        mark: key,
        state,
        message,
        sources: [...sources],
      }));
      await disk.writeAtomic(FILE, Buffer.from(`${toJson({ files })}\n`)).catch((error: unknown) =>
        log.warn('inbox not remembered; its files are read again after a restart', {
          error: error instanceof Error ? error.message : String(error),
        }),
      );
    },
    forgetRefused: () => {
      for (const [mark, { state }] of known) if (state === 'refused') known.delete(mark);
    },
  };
}

function read(disk: Disk): Map<Digest, Remembered> {
  const known = new Map<Digest, Remembered>();
  try {
    const value = fromJson(Buffer.from(disk.read(FILE) ?? Buffer.from('{}')).toString('utf8'));
    const files = isObject(value) && Array.isArray(value['files']) ? value['files'] : [];
    for (const one of files) {
      if (!isObject(one)) continue;
      const { mark, state, message, sources } = one;
      if (!isDigest(mark) || (state !== 'taken' && state !== 'refused')) continue;
      known.set(mark, {
        state,
        message: typeof message === 'string' ? message : '',
        sources: Array.isArray(sources) ? sources.filter((s) => typeof s === 'string') : [],
      });
    }
  } catch {
    // As if there was none.
  }
  return known;
}

const END_BYTES = 64 * 1024;

/** A tar of files has no sum at its end, and two of them may differ in their middle alone. */
const NO_SUM = /^(?:Bucket|ExternalArtifact)_.*\.tar$/;

/**
 * Names a file by its size, its beginning and its end: a bundle names its blobs by digest there, a Git bundle its refs and
 * the sum of its pack, so that equal marks are equal contents without reading gigabytes from a slow stick. A tar of files is
 * read whole, and of a folder the names of its blobs count.
 */
export async function markOf(file: MediumFile, name: string, signal: AbortSignal): Promise<Digest> {
  if (NO_SUM.test(name) && file.members === undefined) return digestOf(file, { start: 0, size: file.size }, signal);
  const head = await file.read(0, Math.min(END_BYTES, file.size));
  const tail = await file.read(Math.max(0, file.size - END_BYTES), Math.min(END_BYTES, file.size));
  const names = [...(file.members ?? [])].map(([path, { size }]) => `${path} ${size}\n`).join('');
  return sha256(Buffer.concat([Buffer.from(`${file.size}\n${names}`), head, tail]));
}
