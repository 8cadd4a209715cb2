import { Fault, type Limits, printable } from '../../model/index.ts';
import { cut, type Readable, type Span, wholeOf } from './span.ts';

const BLOCK = 512;
/** Names that are longer are counted and not held: nothing that is looked for has such a one. */
const NAME_CHARS = 256;

/** True where the file begins with a header of a tar archive. */
export function isTar(start: Uint8Array): boolean {
  return start.length >= BLOCK && Buffer.from(start.subarray(257, 262)).toString('latin1') === 'ustar';
}

/**
 * Where the regular files of a tar archive are, by name as it stands there without './' in front; the archive is not
 * unpacked, so a name leads nowhere. Folders, links, devices and names of more than 256 characters are passed over. Faults: `bundle-damaged` when it is cut
 * or has a header that cannot be read, `bundle-unreadable` for a name that comes twice, `source-bounds`.
 */
export async function indexTar(
  file: Readable,
  limits: Pick<Limits, 'bundleFiles' | 'bundleIndexBytes'>,
): Promise<ReadonlyMap<string, Span>> {
  const found = new Map<string, Span>();
  let long: { name?: string; size?: number } = {};
  let members = 0;
  let files = 0;
  for (let at = 0; ; ) {
    const head = Buffer.from(await file.read(at, BLOCK));
    if (head.length < BLOCK) throw cut();
    // The end is two blocks of zeros; one is taken for it, as by tar.
    if (head.every((byte) => byte === 0)) return found;
    if (++members > 2 * limits.bundleFiles)
      throw new Fault('source-bounds', `the archive has more than ${limits.bundleFiles} files (limits.bundleFiles)`);
    const { name, type, size: said } = headerOf(head, at);
    const size = isExtra(type) ? said : (long.size ?? said);
    const start = at + BLOCK;
    if (start + size > file.size) throw cut();
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    if (isExtra(type)) {
      long = { ...long, ...(await extraOf(file, { type, span: { start, size } }, limits)) };
      continue;
    }
    const clean = (long.name ?? name).replace(/^(\.\/)+/, '');
    long = {};
    if (type !== '0' && type !== '7') continue;
    if (++files > limits.bundleFiles)
      throw new Fault('source-bounds', `the archive has more than ${limits.bundleFiles} files (limits.bundleFiles)`);
    if (clean.length > NAME_CHARS) continue;
    if (found.has(clean)) throw new Fault('bundle-unreadable', `the archive has '${shown(clean)}' twice`);
    found.set(clean, { start, size });
  }
}

/** Members that say something of the next one. */
const isExtra = (type: string): boolean => type === 'x' || type === 'g' || type === 'L' || type === 'K';

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

function headerOf(head: Buffer, at: number): Header {
  const sum = head.reduce((all, byte, i) => all + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (numberAt(head, 148, 8) !== sum)
    throw new Fault('bundle-damaged', `the archive has no header at byte ${at}: it is damaged, or still being copied`);
  const type = head[156] === 0 ? '0' : String.fromCharCode(head[156] ?? 0);
  const magic = head.toString('latin1', 257, 263);
  const prefix = magic === 'ustar\0' ? textAt(head, 345, 155) : '';
  const name = textAt(head, 0, 100);
  return { name: prefix === '' ? name : `${prefix}/${name}`, type, size: numberAt(head, 124, 12) };
}

function textAt(head: Buffer, from: number, length: number): string {
  const field = head.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** Octal, or GNU's base 256 for large files. */
function numberAt(head: Buffer, from: number, length: number): number {
  const field = head.subarray(from, from + length);
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((all, byte) => all * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER;
  }
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (!/^[0-7]*$/.test(text)) throw new Fault('bundle-damaged', 'the archive has a header with a number that is none');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

async function extraOf(
  file: Readable,
  { type, span }: { readonly type: string; readonly span: Span },
  limits: Pick<Limits, 'bundleIndexBytes'>,
): Promise<{ name?: string; size?: number }> {
  // What holds for all members, or names the target of a link, is nothing to us.
  if (type === 'g' || type === 'K') return {};
  const bytes = await wholeOf(file, span, limits.bundleIndexBytes, 'bundleIndexBytes');
  if (type === 'L') return { name: textAt(bytes, 0, bytes.length) };
  return paxOf(bytes);
}

/** Records `LENGTH KEY=VALUE\n`. */
function paxOf(bytes: Buffer): { name?: string; size?: number } {
  const found: { name?: string; size?: number } = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, Math.max(at, space)));
    const equals = bytes.indexOf(0x3d, space);
    if (!(length > 0) || space < 0 || equals < 0 || at + length > bytes.length || equals > at + length)
      throw new Fault('bundle-damaged', 'the archive has a pax header that cannot be read');
    const key = bytes.toString('utf8', space + 1, equals);
    const value = bytes.toString('utf8', equals + 1, at + length - 1);
    if (key === 'path') found.name = value;
    if (key === 'size' && /^[0-9]{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
}

const shown = (name: string): string => printable(name, 120);
