import { Fault, printable } from '../../model/index.ts';
import { BLOCK, cString, malformed, type RawHeader, readHeader } from './header.ts';
import { readPax } from './pax.ts';

/** Bytes of what stands in front of a member: long names and pax records. As Go's reader. */
const EXTRA_BYTES = 1024 * 1024;

/** One member of an archive. */
export interface TarMember {
  /** As it is written: it may be absolute, or lead out. Well-formed UTF-8. */
  readonly path: string;
  /** `link`: a symbolic one. Devices, sparse files and what is unknown are refused by the reader. */
  readonly type: 'file' | 'dir' | 'link' | 'hardlink';
  readonly executable: boolean;
  /** Bytes of a file; 0 for others. */
  readonly size: number;
  /** Whole seconds since 1970, as the header has it; 0 where it is none. */
  readonly mtime: number;
}

/** Who takes the members, in their order. What it throws ends the reading. */
export interface TarSink {
  begin(member: TarMember): void;
  /** The next bytes of the file that has begun; not to be kept, the reader uses them again. */
  data(bytes: Uint8Array): void;
  /** All bytes of the member were told. */
  end(): void;
}

export interface TarReader {
  push(bytes: Uint8Array): void;
  /** No more bytes come. Fault `wire-cut` when a member has not ended. */
  end(): void;
  /** True once the archive's end mark was read: what follows is ignored. */
  ended(): boolean;
  /** Members and headers in front of them, so far; a block that is no header does not count. */
  headers(): number;
}

interface Body {
  left: number;
  padding: number;
  /** Undefined for a member: its bytes go to the sink. */
  readonly extra: { readonly flag: string; readonly parts: Buffer[] } | undefined;
}

interface Pending {
  longName: string | undefined;
  pax: ReadonlyMap<string, string>;
}

/**
 * Reads a tar archive (POSIX ustar and pax, GNU, v7) piece by piece, in memory that does not grow with it. What another
 * reader would take in another way is refused, so that no two readers see different files: Fault `source-refused`.
 */
export function tarReader(sink: TarSink): TarReader {
  const block = Buffer.alloc(BLOCK);
  let filled = 0;
  let zeros = 0;
  let headers = 0;
  let done = false;
  let body: Body | undefined;
  let pending: Pending = { longName: undefined, pax: new Map() };

  const finishBody = (): void => {
    const ended = body;
    body = undefined;
    if (ended === undefined) return;
    if (ended.extra === undefined) sink.end();
    else pending = withExtra(pending, ended.extra.flag, Buffer.concat(ended.extra.parts));
  };
  const header = (): void => {
    if (block.every((byte) => byte === 0)) {
      zeros++;
      done = zeros === 2;
      return;
    }
    if (zeros > 0) throw malformed('there is something behind its end');
    const raw = readHeader(block);
    headers++;
    if (EXTRAS.has(raw.flag)) {
      if (raw.size > EXTRA_BYTES) throw malformed(`a header is longer than ${EXTRA_BYTES} bytes`);
      body = { left: raw.size, padding: paddingOf(raw.size), extra: { flag: raw.flag, parts: [] } };
    } else {
      const member = memberOf(raw, pending);
      pending = { longName: undefined, pax: new Map() };
      sink.begin(member);
      body = { left: member.size, padding: paddingOf(member.size), extra: undefined };
    }
    if (body.left === 0) finishBody();
  };
  /** Takes bytes of the body or its padding; answers how many. */
  const take = (bytes: Buffer, into: Body): number => {
    if (into.left > 0) {
      const part = bytes.subarray(0, into.left);
      if (into.extra === undefined) sink.data(part);
      else into.extra.parts.push(Buffer.from(part));
      into.left -= part.length;
      if (into.left === 0 && into.padding === 0) finishBody();
      return part.length;
    }
    const part = Math.min(bytes.length, into.padding);
    into.padding -= part;
    if (into.padding === 0) finishBody();
    return part;
  };
  return {
    push: (input) => {
      const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
      for (let at = 0; at < bytes.length && !done; ) {
        if (body !== undefined) {
          at += take(bytes.subarray(at), body);
          continue;
        }
        const part = bytes.copy(block, filled, at, Math.min(bytes.length, at + BLOCK - filled));
        at += part;
        filled += part;
        if (filled < BLOCK) continue;
        filled = 0;
        header();
      }
    },
    end: () => {
      if (done) return;
      if (body !== undefined || filled > 0 || pending.longName !== undefined || pending.pax.size > 0)
        throw new Fault('wire-cut', 'the tar archive ends too early: unexpected EOF');
    },
    ended: () => done,
    headers: () => headers,
  };
}

/** Flags of headers that say more of the next member, or of all. */
const EXTRAS: ReadonlySet<string> = new Set(['x', 'X', 'g', 'L', 'K']);
const FILES: ReadonlySet<string> = new Set(['0', '\0', '7']);

function withExtra(pending: Pending, flag: string, bytes: Buffer): Pending {
  // Global records and targets of links are of no use here.
  if (flag === 'g' || flag === 'K') return pending;
  if (flag === 'L') return { ...pending, longName: utf8(cString(bytes)) };
  return { ...pending, pax: readPax(bytes) };
}

function memberOf(raw: RawHeader, { longName, pax }: Pending): TarMember {
  const path = longName ?? pax.get('path') ?? utf8(raw.name);
  const executable = (raw.mode & 0o111) !== 0;
  const { mtime } = raw;
  if (raw.flag === '5' || (FILES.has(raw.flag) && path.endsWith('/'))) {
    if (raw.flag !== '5' && (raw.size > 0 || pax.has('size')))
      throw malformed(`${shown(path)} is a folder with content`);
    return { path, type: 'dir', executable, size: 0, mtime };
  }
  if (raw.flag === '1' || raw.flag === '2')
    return { path, type: raw.flag === '1' ? 'hardlink' : 'link', executable, size: 0, mtime };
  if (!FILES.has(raw.flag))
    throw new Fault('source-refused', `${shown(path)} is refused: unsupported file type: it is ${kindOf(raw.flag)}`);
  const said = pax.get('size');
  if (said !== undefined && !/^[0-9]{1,15}$/.test(said)) throw malformed('a size is not a number');
  return { path, type: 'file', executable, size: said === undefined ? raw.size : Number(said), mtime };
}

function kindOf(flag: string): string {
  if (flag === 'S') return 'a sparse file';
  if (flag === '3' || flag === '4') return 'a device';
  if (flag === '6') return 'a pipe';
  return `of an unknown kind ('${printable(flag)}')`;
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Bytes as text; names in other encodings are refused, because they would not be the same again. */
function utf8(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw malformed('a name is not UTF-8');
  return text;
}

function shown(path: string): string {
  return `'${printable(path)}'`;
}
