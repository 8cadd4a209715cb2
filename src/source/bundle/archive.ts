import { createHash } from 'node:crypto';
import { Fault, type Limits, printable } from '../../model/index.ts';
import { type TarMember, tarReader } from '../tar/index.ts';
import { type Coding, codingOf, createInflater, type InflateOptions } from '../unpack/index.ts';
import { passingBytes, type Readable, type Span } from './span.ts';

/** A file of an archive, whole. */
export interface ArchivedFile {
  /** As it stands there, without './' in front. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Hex; what most storage servers use for the etag of an object. */
  readonly md5: string;
}

/** Who takes the files of an archive, in their order. What it throws ends the reading. */
export interface ArchiveSink {
  file(file: ArchivedFile): void;
  /** Waits until there is room for more. */
  drain(): Promise<void>;
}

/** What is known of an archive at its end. */
export interface ArchiveFacts {
  readonly files: number;
  readonly bytes: number;
  /** The newest time of any file or folder in it, seconds since 1970; 0 when it has none. */
  readonly newest: number;
}

export interface ArchiveOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  /** Symbolic links are left out instead of refused. */
  readonly leaveLinks?: boolean;
}

const STEP_BYTES = 16 * 1024;
const DRAIN_BYTES = 1024 * 1024;

/**
 * Reads a tar archive of files, compressed by gzip or zstd or not at all, from its first byte to its end mark, and of a
 * compressed one to the sum at its end. Links, devices, a name that comes twice: Fault `bundle-unreadable`; what is cut or
 * cannot be read: `bundle-damaged`; limits.objectBytes, treeBytes, treeFiles, pathBytes, artifactRatio, zstdWindowBytes:
 * `source-bounds`.
 */
export async function readArchive(
  file: Readable,
  span: Span,
  sink: ArchiveSink,
  { limits, signal, leaveLinks }: ArchiveOptions,
): Promise<ArchiveFacts> {
  const members = memberSink(sink, limits, leaveLinks === true);
  const tar = tarReader(members);
  const coding = codingOf(await file.read(span.start, Math.min(4, span.size)));
  // A step of a hostile file becomes 500 MiB, so it is asked after each piece that comes out.
  const room = (): Promise<void> | undefined => (members.fresh() >= DRAIN_BYTES ? sink.drain() : undefined);
  const feed = feeder(coding, { limits, what: 'archive', room }, (bytes) => tar.push(bytes));
  try {
    for await (const chunk of passingBytes(file, span, signal))
      for (let at = 0; at < chunk.length; at += STEP_BYTES) {
        await feed.push(chunk.subarray(at, at + STEP_BYTES));
        await room();
      }
    await feed.end();
    tar.end();
  } catch (error) {
    throw members.refusal() ?? damaged(error);
  } finally {
    feed.close();
  }
  // Cut between two members it would look whole, and what is missing would be pruned.
  if (!tar.ended()) throw new Fault('bundle-damaged', 'the archive has no end mark: it is cut, or still being copied');
  return members.facts();
}

interface Feed {
  push(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  close(): void;
}

function feeder(coding: Coding, options: InflateOptions, take: (bytes: Uint8Array) => void): Feed {
  if (coding !== 'none') return createInflater(coding, options, take);
  return { push: async (bytes) => take(bytes), end: async () => undefined, close: () => undefined };
}

/** Bytes that are wrong are damage, as far as anybody can tell; what they say, such as a device, is not taken. */
export function damaged(error: unknown): unknown {
  if (!(error instanceof Fault) || !/^source-refused$|^wire-cut$/.test(error.code)) return error;
  if (error.code === 'source-refused' && error.cause === undefined)
    return new Fault('bundle-unreadable', error.message, { cause: error });
  return new Fault('bundle-damaged', `${error.message}: it is damaged, cut, or still being copied`, { cause: error });
}

interface MemberSink {
  begin(member: TarMember): void;
  data(bytes: Uint8Array): void;
  end(): void;
  /** Bytes of files since the last call that answered as many as are worth a pause. */
  fresh(): number;
  /** The Fault of a member that is not taken. */
  refusal(): Fault | undefined;
  facts(): ArchiveFacts;
}

function memberSink(sink: ArchiveSink, limits: Limits, leaveLinks: boolean): MemberSink {
  const seen = new Set<string>();
  let open: { readonly path: string; readonly bytes: Buffer; at: number } | undefined;
  let [members, bytes, newest, fresh] = [0, 0, 0, 0];
  let refused: Fault | undefined;
  const guarded = (task: () => void): void => {
    try {
      task();
    } catch (error) {
      if (error instanceof Fault) refused = error;
      throw error;
    }
  };
  const begin = (member: TarMember): void => {
    members += 1;
    if (members > limits.treeFiles)
      throw bounds(`the archive has more than ${limits.treeFiles} files and folders`, 'treeFiles');
    const path = member.path.replace(/^(?:\.\/+)+/, '');
    if (Buffer.byteLength(path) > limits.pathBytes)
      throw bounds(`${shown(path)}: the path is longer than ${limits.pathBytes} bytes`, 'pathBytes');
    newest = Math.max(newest, member.mtime);
    if (member.type === 'dir' || (leaveLinks && member.type === 'link')) return;
    if (member.type !== 'file')
      throw refusal(path, 'is a link, which is no object of a bucket: pack what it leads to (tar -h)');
    if (seen.has(path)) throw refusal(path, 'is there twice');
    seen.add(path);
    if (member.size > limits.objectBytes)
      throw bounds(`${shown(path)} has ${member.size} bytes, more than ${limits.objectBytes}`, 'objectBytes');
    bytes += member.size;
    if (bytes > limits.treeBytes)
      throw bounds(`the files of the archive are larger than ${limits.treeBytes} bytes together`, 'treeBytes');
    open = { path, bytes: Buffer.alloc(member.size), at: 0 };
  };
  const end = (): void => {
    if (open === undefined) return;
    const { path, bytes: content } = open;
    open = undefined;
    fresh += content.length;
    sink.file({ path, bytes: content, md5: createHash('md5').update(content).digest('hex') });
  };
  return {
    begin: (member) => guarded(() => begin(member)),
    data: (part) => {
      if (open === undefined) return;
      open.bytes.set(part, open.at);
      open.at += part.length;
    },
    end: () => guarded(end),
    fresh: () => {
      const now = fresh;
      if (now >= DRAIN_BYTES) fresh = 0;
      return now;
    },
    refusal: () => refused,
    facts: () => ({ files: seen.size, bytes, newest }),
  };
}

const refusal = (path: string, why: string): Fault =>
  new Fault('bundle-unreadable', `${shown(path)} of the archive ${why}`);

const bounds = (text: string, limit: string): Fault => new Fault('source-bounds', `${text} (limits.${limit})`);

const shown = (path: string): string => `'${printable(path)}'`;
