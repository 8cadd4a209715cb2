import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statfsSync,
} from 'node:fs';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';

/**
 * The system calls that the Disk adapter is made of, one method each, on absolute paths. The fault-injecting disk of
 * the tests puts a model of a file system here, so that the adapter's own order of calls is what is tested.
 */
export interface Files {
  /** Undefined when there is nothing at the path. Links are not followed. */
  stat(path: string): FileStat | undefined;
  /** Names in a folder, in any order; empty when it does not exist. */
  list(path: string): readonly string[];
  /** Up to `length` bytes from `offset`; the whole file without them. Undefined when it does not exist. */
  read(path: string, offset?: number, length?: number): Uint8Array | undefined;
  /** `new` fails when the path exists; `append` creates it when missing. */
  open(path: string, how: 'new' | 'append'): Promise<OpenFile>;
  /** False when it was there already. */
  makeFolder(path: string): Promise<boolean>;
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** False when there was nothing. */
  unlink(path: string): Promise<boolean>;
  /** Throws what a write in this folder would by its mount and its rights; nothing for one that does not exist. */
  askWrite(path: string): void;
  /** Bytes free for this user, or undefined where unknown. */
  free(path: string): number | undefined;
}

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'other';
  readonly size: number;
}

export interface OpenFile {
  /** May write less than asked, as write(2) may; answers how much. */
  write(bytes: Uint8Array): Promise<number>;
  readAt(offset: number, length: number): Uint8Array;
  sync(): Promise<void>;
  close(): Promise<void>;
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

/** The `code` of a Node system error; '' for anything else. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The real file system, through node:fs. Files are 0600, folders 0700. */
export function nodeFiles(): Files {
  const parts = partReader();
  return {
    stat,
    list: (path) => missingAs([], () => readdirSync(path)),
    read: (path, offset, length) =>
      missingAs(undefined, () =>
        offset === undefined || length === undefined ? readFile(path) : parts.read(path, offset, length),
      ),
    open: async (path, how) => openFile(await open(path, how === 'new' ? NEW : APPEND, 0o600)),
    makeFolder: async (path) => {
      try {
        await mkdir(path, { mode: 0o700 });
        return true;
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return false;
        throw error;
      }
    },
    syncFolder: async (path) => {
      const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    rename,
    unlink: async (path) => {
      try {
        await unlink(path);
        return true;
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return false;
        throw error;
      }
    },
    askWrite: (path) => missingAs(undefined, () => accessSync(path, constants.W_OK | constants.X_OK)),
    free: (path) => {
      try {
        const fs = statfsSync(path);
        return fs.bavail * fs.bsize;
      } catch {
        return undefined;
      }
    },
  };
}

function missingAs<T>(fallback: T, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return fallback;
    throw error;
  }
}

function stat(path: string): FileStat | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return { kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other', size: found.size };
}

function readFile(path: string): Uint8Array {
  const { fd, size } = openRegular(path);
  try {
    return readFully(fd, 0, size);
  } finally {
    closeSync(fd);
  }
}

function openRegular(path: string): { fd: number; size: number; ino: number } {
  const fd = openSync(path, READ);
  const found = fstatSync(fd);
  if (found.isFile()) return { fd, size: found.size, ino: found.ino };
  closeSync(fd);
  throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
}

/** Bytes read ahead for small parts: a render's objects lie one behind the other. */
const AHEAD_BYTES = 32 * 1024;

interface LastFile {
  readonly path: string;
  readonly fd: number;
  readonly ino: number;
  readonly changed: number;
  ahead: { readonly offset: number; readonly bytes: Uint8Array } | undefined;
}

/** Reads parts of files; the last file stays open, since a pack is read a thousand times in a row. */
function partReader(): { read(path: string, offset: number, length: number): Uint8Array } {
  let last: LastFile | undefined;
  return {
    read: (path, offset, length) => {
      const now = lstatSync(path);
      if (last !== undefined && (last.path !== path || last.ino !== now.ino || last.changed !== now.mtimeMs)) {
        closeSync(last.fd);
        last = undefined;
      }
      last ??= { path, ...openRegular(path), changed: now.mtimeMs, ahead: undefined };
      const wanted = Math.min(length, Math.max(0, now.size - offset));
      if (wanted >= AHEAD_BYTES / 4) return readFully(last.fd, offset, wanted);
      return partOf(last.ahead, offset, wanted) ?? readAhead(last, offset, wanted, now.size);
    },
  };
}

/** A copy: what is kept of it must not keep the rest. */
function partOf(ahead: LastFile['ahead'], offset: number, length: number): Uint8Array | undefined {
  const from = ahead === undefined ? -1 : offset - ahead.offset;
  if (ahead === undefined || from < 0 || from + length > ahead.bytes.length) return undefined;
  const bytes = Buffer.allocUnsafeSlow(length);
  bytes.set(ahead.bytes.subarray(from, from + length));
  return bytes;
}

function readAhead(file: LastFile, offset: number, length: number, size: number): Uint8Array {
  try {
    const bytes = readFully(file.fd, offset, Math.min(AHEAD_BYTES, Math.max(0, size - offset)));
    file.ahead = { offset, bytes };
  } catch {
    // A sector that cannot be read, perhaps behind what was asked for.
    return readFully(file.fd, offset, length);
  }
  return partOf(file.ahead, offset, length) ?? readFully(file.fd, offset, length);
}

function readFully(fd: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, bytes, done, length - done, offset + done);
    if (got === 0) break;
    done += got;
  }
  return done === length ? bytes : bytes.subarray(0, done);
}

function openFile(handle: FileHandle): OpenFile {
  return {
    write: async (bytes) => (await handle.write(bytes, 0, bytes.length)).bytesWritten,
    readAt: (offset, length) => readFully(handle.fd, offset, length),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}
