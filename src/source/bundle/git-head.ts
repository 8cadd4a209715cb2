import { Fault, printable } from '../../model/index.ts';
import { OID } from '../git/refs.ts';
import { cut, type Readable } from './span.ts';

/** A ref that a Git bundle has. */
export interface BundleRef {
  readonly oid: string;
  readonly name: string;
}

/** What stands before the pack of a Git bundle (gitformat-bundle). */
export interface GitHead {
  /** Commits that whoever reads it must have. */
  readonly needs: readonly string[];
  readonly refs: readonly BundleRef[];
  /** Bytes before the pack. */
  readonly size: number;
}

const SIGNATURE = /^# v([0-9]+) git bundle$/;
const PART_BYTES = 64 * 1024;
/** Of one line: a name of a ref is much shorter. */
const LINE_BYTES = 4_096;

/** True for the first bytes of a Git bundle of any version. */
export function isGitBundle(start: Uint8Array): boolean {
  return Buffer.from(start.buffer, start.byteOffset, start.byteLength).toString('latin1', 0, 3) === '# v';
}

/**
 * Reads the head of a Git bundle that begins at an offset. Faults: `bundle-damaged`, `bundle-unreadable` (another
 * version, object format or a filter), `source-bounds` (limits.advertisedRefs).
 */
export async function readGitHead(file: Readable, start: number, maxRefs: number): Promise<GitHead> {
  const needs: string[] = [];
  const refs: BundleRef[] = [];
  let version = 0;
  let size = 0;
  for await (const line of linesOf(file, start)) {
    size += Buffer.byteLength(line, 'latin1') + 1;
    if (version === 0) version = versionOf(line);
    else if (line === '') return { needs, refs, size };
    else if (line.startsWith('@')) checkCapability(line, version);
    else if (line.startsWith('-')) needs.push(oidAt(line.slice(1)));
    else refs.push({ oid: oidAt(line), name: nameOf(line) });
    if (needs.length + refs.length > maxRefs)
      throw new Fault('source-bounds', `the Git bundle lists more than ${maxRefs} refs (limits.advertisedRefs)`);
  }
  throw cut();
}

/** Lines as Latin-1, so that one character is one byte. The last one, without an end, is left out. */
async function* linesOf(file: Readable, start: number): AsyncGenerator<string> {
  let open = '';
  for (let at = start; at < file.size; ) {
    const part = await file.read(at, Math.min(PART_BYTES, file.size - at));
    if (part.length === 0) throw cut();
    at += part.length;
    const lines = (open + Buffer.from(part).toString('latin1')).split('\n');
    open = lines.pop() ?? '';
    yield* lines;
    if (open.length > LINE_BYTES)
      throw new Fault('bundle-damaged', 'the head of the Git bundle has a line without end');
  }
}

function versionOf(line: string): number {
  const version = Number(SIGNATURE.exec(line)?.[1] ?? 0);
  if (version !== 2 && version !== 3)
    throw new Fault(
      'bundle-unreadable',
      `a Git bundle of version 2 or 3 is expected, this begins with '${shown(line)}'`,
    );
  return version;
}

function checkCapability(line: string, version: number): void {
  if (version === 3 && line === '@object-format=sha1') return;
  throw new Fault(
    'bundle-unreadable',
    `the Git bundle has '${shown(line)}': only whole bundles of repositories with SHA-1 are taken`,
  );
}

function oidAt(text: string): string {
  const oid = text.slice(0, 40);
  if (!OID.test(oid) || (text.length > 40 && text[40] !== ' '))
    throw new Fault('bundle-damaged', `the head of the Git bundle has a line that is no ref: '${shown(text)}'`);
  return oid;
}

function nameOf(line: string): string {
  const name = Buffer.from(line.slice(41), 'latin1').toString('utf8');
  if (name === '') throw new Fault('bundle-damaged', `the head of the Git bundle has a ref without a name`);
  return name;
}

const shown = (text: string): string => printable(text, 80);

/** The head as bytes, version 2. */
export function writeGitHead(needs: readonly BundleRef[], refs: readonly BundleRef[]): Buffer {
  const lines = [
    '# v2 git bundle',
    ...needs.map(({ oid, name }) => `-${oid}${name === '' ? '' : ` ${name}`}`),
    ...refs.map(({ oid, name }) => `${oid} ${name}`),
    '',
  ];
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
}
