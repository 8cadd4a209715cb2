import { Fault, type Limits } from '../../model/index.ts';
import { type Coding, codingOf, createInflater, type Inflater } from '../unpack/index.ts';
import { damaged } from './archive.ts';
import { isGitBundle } from './git-head.ts';
import { holdsFiles, plainPart, unreadable } from './parts.ts';
import { passingBytes, type Readable } from './span.ts';
import { isTar } from './tar-index.ts';

/** How a bundle, an image layout or a Git bundle is compressed as a whole. */
export interface Wrapping {
  readonly coding: Exclude<Coding, 'none'>;
  /** What the file is called without it: `fleet.tar` of `fleet.tar.gz` and of `fleet.tgz`. */
  readonly name: string;
}

/** Undefined for a file that is read as it lies there: not compressed, or an archive of files by its name. */
export function wrappingOf(start: Uint8Array, name: string): Wrapping | undefined {
  const coding = codingOf(start);
  if (coding === 'none' || holdsFiles(plainPart('archive', name, { start: 0, size: 0 }))) return undefined;
  return { coding, name: name.replace(/\.(?:tgz|tzst)$/, '.tar').replace(/\.(?:gz|zst|zstd)$/, '') };
}

/** Where the content of a file goes while it is unwrapped. */
export interface UnwrapTarget {
  /** Adds to the end. */
  write(bytes: Uint8Array): Promise<void>;
  /** Bytes that are free there; undefined where unknown. */
  free(): number | undefined;
}

export type UnwrapLimits = Pick<
  Limits,
  'bundleBytes' | 'diskRoomBytes' | 'artifactRatio' | 'zstdWindowBytes' | 'treeBytes' | 'treeFiles'
>;

export interface UnwrapOptions {
  readonly limits: UnwrapLimits;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that must be free for it to be begun, where more is known of it than it says. */
  readonly room?: number;
}

/** Bytes that are written at once. */
const WRITE_BYTES = 1024 * 1024;

/**
 * Undoes the compression of a whole file, once, from its first byte to its last, and answers the bytes that came of it.
 * What is none of what an inbox takes is refused by its first bytes. Faults `bundle-damaged`, `bundle-unreadable`,
 * `source-bounds` (limits.bundleBytes, artifactRatio, zstdWindowBytes, treeFiles for frames), `cache-full` before less than
 * limits.diskRoomBytes are left.
 */
export async function unwrap(
  file: Readable,
  coding: Wrapping['coding'],
  target: UnwrapTarget,
  { limits, signal, room = 0 }: UnwrapOptions,
): Promise<number> {
  const promised = await promisedBytes(file, coding);
  const { bundleBytes, diskRoomBytes } = limits;
  if (promised > bundleBytes)
    throw new Fault(
      'source-bounds',
      `unpacked, the file has ${promised} bytes, more than ${bundleBytes} (limits.bundleBytes)`,
    );
  const sink = createSink(target, diskRoomBytes);
  sink.checkRoom(Math.max(promised, room));
  const most = { bytes: bundleBytes, shown: bundleBytes, limit: 'bundleBytes' } as const;
  const inflate = createInflater(coding, { limits, what: 'file', room: sink.room, most }, sink.take);
  try {
    await pour(file, inflate, signal);
    await sink.end();
  } catch (error) {
    throw sink.failed() ?? damaged(error);
  } finally {
    inflate.close();
  }
  return sink.size();
}

async function pour(file: Readable, inflate: Inflater, signal: AbortSignal | undefined): Promise<void> {
  for await (const chunk of passingBytes(file, { start: 0, size: file.size }, signal)) await inflate.push(chunk);
  await inflate.end();
}

interface Sink {
  take(bytes: Uint8Array): void;
  room(): Promise<void> | undefined;
  checkRoom(bytes: number): void;
  end(): Promise<void>;
  /** What the content or the disk has said, in place of what the engine makes of it. */
  failed(): Fault | undefined;
  size(): number;
}

/** Gathers small pieces, and looks at the first of them. */
function createSink({ write, free }: UnwrapTarget, diskRoomBytes: number): Sink {
  let parts: Uint8Array[] = [];
  let [held, size] = [0, 0];
  let known = false;
  let fault: Fault | undefined;
  const checkRoom = (bytes: number): void => {
    const left = free();
    if (left === undefined || left - bytes >= diskRoomBytes) return;
    fault = new Fault(
      'cache-full',
      `there is no room to unpack the file: ${left} bytes are free, ${bytes} more are needed, and limits.diskRoomBytes = ${diskRoomBytes} stay free`,
    );
    throw fault;
  };
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(parts);
    [parts, held] = [[], 0];
    checkRoom(bytes.length);
    await write(bytes);
  };
  return {
    checkRoom,
    take: (bytes) => {
      parts.push(bytes);
      held += bytes.length;
      size += bytes.length;
      if (known || size < HEAD_BYTES) return;
      known = true;
      fault = faultOfHead(Buffer.concat(parts));
      if (fault !== undefined) throw fault;
    },
    room: () => (held < WRITE_BYTES ? undefined : flush()),
    end: flush,
    failed: () => fault,
    size: () => size,
  };
}

/** As much as the header of a tar has. */
const HEAD_BYTES = 512;

/** Why a content that begins so is none for an inbox, before gigabytes of it are written. */
function faultOfHead(start: Buffer): Fault | undefined {
  if (codingOf(start) !== 'none') return unreadable('it is compressed twice: unpack it once');
  // Zeros may be damage, and are told of as in a file that is not compressed.
  if (isTar(start) || isGitBundle(start) || start.subarray(0, HEAD_BYTES).every((byte) => byte === 0)) return undefined;
  return unreadable('what is compressed in it is neither an OCI image layout in a tar nor a Git bundle');
}

/**
 * Bytes that the file becomes at least: hardly fewer than it has, and as many as zstd says at its beginning. What gzip
 * says at its end is no such promise: of a file that is still being copied it is any number.
 */
async function promisedBytes(file: Readable, coding: Wrapping['coding']): Promise<number> {
  const said = coding === 'zstd' ? frameBytes(Buffer.from(await file.read(0, Math.min(18, file.size)))) : 0;
  return Math.max(said, Math.floor(0.99 * file.size));
}

/** Frame_Content_Size (RFC 8878 3.1.1.1), where the first frame has it. */
function frameBytes(head: Buffer): number {
  const flags = head[4] ?? 0;
  const single = (flags & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][flags & 3] ?? 0);
  const width = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  if (head.length < 6 || head.readUInt32LE(0) !== 0xfd2fb528 || width === 0 || at + width > head.length) return 0;
  if (width === 8) return Number(head.readBigUInt64LE(at));
  return head.readUIntLE(at, width) + (width === 2 ? 256 : 0);
}
