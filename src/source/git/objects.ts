import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { Fault } from '../../model/index.ts';
import { asBuffer } from './pkt.ts';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

/** Mode of a tree entry as Git writes it. */
export type EntryMode = 'file' | 'exec' | 'link' | 'module' | 'dir';

/** One line of a tree object. */
export interface GitEntry {
  readonly mode: EntryMode;
  readonly name: string;
  readonly oid: string;
}

const MODES: Readonly<Record<string, EntryMode>> = {
  '100644': 'file',
  '100664': 'file',
  '100755': 'exec',
  '120000': 'link',
  '160000': 'module',
  '40000': 'dir',
  '040000': 'dir',
};
const MODE_TEXT: Readonly<Record<EntryMode, string>> = {
  file: '100644',
  exec: '100755',
  link: '120000',
  module: '160000',
  dir: '40000',
};

/** The name Git gives an object: SHA-1 over type, length and bytes. */
export function objectId(type: ObjectType, bytes: Uint8Array): string {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}

/** Reads a tree object. Names are strict UTF-8. Fault `source-corrupt` when it is none. */
export function parseTree(bytes: Uint8Array, oid: string): readonly GitEntry[] {
  const data = asBuffer(bytes);
  const entries: GitEntry[] = [];
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const zero = data.indexOf(0, at);
    if (space < 0 || zero < space || space - at > 6 || zero + 21 > data.length) throw malformed('tree', oid);
    const mode = MODES[data.toString('latin1', at, space)];
    if (mode === undefined) throw malformed('tree', oid);
    entries.push({ mode, name: nameOf(data, space + 1, zero), oid: data.toString('hex', zero + 1, zero + 21) });
    at = zero + 21;
  }
  return entries;
}

function nameOf(data: Buffer, start: number, end: number): string {
  if (isUtf8(data.subarray(start, end))) return data.toString('utf8', start, end);
  const shown = data
    .toString('latin1', start, end)
    .replace(/[^\x21-\x7e]/g, '?')
    .slice(0, 80);
  throw new Fault('source-refused', `file name '${shown}' is not UTF-8`);
}

/** A tree object from its entries, in Git's order (folders as if their name ended in '/'). */
export function buildTree(entries: readonly GitEntry[]): Buffer {
  const keyed = entries.map((entry) => ({
    entry,
    key: Buffer.from(entry.mode === 'dir' ? `${entry.name}/` : entry.name, 'utf8'),
  }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  const parts: Buffer[] = [];
  for (const { entry } of keyed)
    parts.push(Buffer.from(`${MODE_TEXT[entry.mode]} ${entry.name}\0`, 'utf8'), Buffer.from(entry.oid, 'hex'));
  return Buffer.concat(parts);
}

/** What is read of a commit. */
export interface CommitFacts {
  readonly tree: string;
  readonly subject: string;
  readonly author: string;
  /** Seconds since 1970, as the committer's clock had it. */
  readonly time: number;
}

/** Reads a commit object. Fault `source-corrupt` when it is none. */
export function parseCommit(bytes: Uint8Array, oid: string): CommitFacts {
  const text = asBuffer(bytes).toString('utf8');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const tree = /^tree ([0-9a-f]{40})$/m.exec(head)?.[1];
  if (tree === undefined || !head.startsWith('tree ')) throw malformed('commit', oid);
  const author = /^author (.*?) -?[0-9]+ [+-][0-9]+$/m.exec(head)?.[1] ?? '';
  const time = Number(/^committer .* (-?[0-9]{1,15}) [+-][0-9]+$/m.exec(head)?.[1] ?? 0);
  const body = end < 0 ? '' : text.slice(end + 2).trimStart();
  return { tree, author, time, subject: body.split('\n', 1)[0]?.slice(0, 200) ?? '' };
}

/** The commits that a commit was made on. */
export function parentsOf(bytes: Uint8Array): readonly string[] {
  const text = asBuffer(bytes).toString('latin1');
  const end = text.indexOf('\n\n');
  return [...text.slice(0, end < 0 ? text.length : end).matchAll(/^parent ([0-9a-f]{40})$/gm)].map(
    ([, id]) => id ?? '',
  );
}

/** What an annotated tag points at. Fault `source-corrupt` when it is none. */
export function parseTag(bytes: Uint8Array, oid: string): { readonly object: string; readonly type: string } {
  const m = /^object ([0-9a-f]{40})\ntype ([a-z]+)\n/.exec(asBuffer(bytes).toString('latin1', 0, 200));
  if (m === null) throw malformed('tag', oid);
  return { object: m[1] ?? '', type: m[2] ?? '' };
}

function malformed(what: string, oid: string): Fault {
  return new Fault('source-corrupt', `${what} ${oid} is malformed`);
}
