import { Fault } from '../../../src/model/index.ts';
import { errnoOf } from './files.ts';

/** Names that begin so are writes that have not ended; `list` does not show them and `sweep` removes them. */
export const TEMP_PREFIX = '.tmp-';

const SEGMENT_BYTES = 255;

/**
 * The parts of a path inside stateDir. Refused (Fault `internal`, a bug of the caller): empty parts, parts that begin
 * with a dot, backslashes, control characters, parts over 255 bytes.
 */
export function partsOf(path: string): readonly string[] {
  if (path === '') return [];
  const parts = path.split('/');
  for (const part of parts) {
    if (!isName(part)) throw new Fault('internal', `not a path inside stateDir: ${JSON.stringify(path.slice(0, 300))}`);
  }
  return parts;
}

function isName(part: string): boolean {
  if (part === '' || part.startsWith('.') || Buffer.byteLength(part) > SEGMENT_BYTES) return false;
  for (let i = 0; i < part.length; i++) {
    const code = part.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code === 0x5c) return false;
  }
  return true;
}

/** A system error as a Fault: no room is `cache-full`, everything else `cache-io`. */
export function diskFault(error: unknown, what: string, path: string): Fault {
  if (error instanceof Fault) return error;
  const code = errnoOf(error);
  const why = WHY[code] ?? (error instanceof Error ? error.message : String(error));
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const text = code === '' ? why : `${why} (${code})`;
  return new Fault(
    full ? 'cache-full' : 'cache-io',
    `cannot ${what} ${path === '' ? 'the state folder' : path}: ${text}`,
    { cause: error },
  );
}

const WHY: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk of stateDir',
  EDQUOT: 'the disk quota of stateDir is used up',
  EROFS: 'the file system of stateDir is read-only',
  EIO: 'the disk reports an input/output error',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'it does not exist',
  ELOOP: 'it is a symbolic link, which stateDir must not hold',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
};
