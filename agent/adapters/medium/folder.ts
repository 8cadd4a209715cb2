import type { Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { byCodeUnit, Fault } from '../../../src/model/index.ts';
import type { MediumEntry, MediumFile } from '../../../src/ports/index.ts';
import { errnoOf, readAt, unreadable } from './file.ts';

/** What an image layout is known by; a folder with neither is none. */
const HEADS = ['index.json', 'oci-layout'] as const;
const BLOBS = 'blobs/sha256';
const BLOB = /^[0-9a-f]{64}$/;

interface Found {
  /** In the order in which they are read as one file. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** The newest time of any of them, milliseconds since 1970. */
  readonly mtime: number;
  /** Why it cannot be read. */
  readonly problem: Fault | undefined;
}

/** The folder as one entry; undefined where it is no image layout. */
export async function layoutEntry(path: string, maxFiles: number): Promise<MediumEntry | undefined> {
  const found = await survey(path, maxFiles);
  if (found === undefined) return undefined;
  const size = found.files.reduce((sum, one) => sum + one.size, 0);
  return { name: basename(path), kind: 'folder', size, mtime: found.mtime };
}

/** Reads the files of a layout as one. Each read opens the file anew, so that no number of blobs holds open files. */
export async function openFolder(path: string, maxFiles: number): Promise<MediumFile> {
  const found = await survey(path, maxFiles);
  if (found === undefined) throw new Fault('bundle-unreadable', `${path} is a folder without an OCI image layout`);
  if (found.problem !== undefined) throw found.problem;
  const members = new Map<string, { readonly start: number; readonly size: number }>();
  let size = 0;
  for (const file of found.files) {
    members.set(file.path, { start: size, size: file.size });
    size += file.size;
  }
  const spans = [...members].filter(([, span]) => span.size > 0);
  return {
    size,
    members,
    read: async (offset, length) => {
      const parts: Uint8Array[] = [];
      const end = Math.min(size, offset + length);
      for (let at = offset, i = indexAt(spans, offset); at < end; i += 1) {
        const [name, span] = spans[i] ?? ['', { start: 0, size: 0 }];
        const count = Math.min(end, span.start + span.size) - at;
        const bytes = await readAt(join(path, name), { offset: at - span.start, length: count, size: span.size });
        parts.push(bytes);
        at += count;
      }
      return parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts);
    },
    close: async () => undefined,
  };
}

/** Which of the spans, in their order, has a byte. */
function indexAt(spans: readonly (readonly [string, { readonly start: number }])[], offset: number): number {
  let [low, high] = [0, spans.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((spans[middle]?.[1].start ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What lies where a layout has its files. Other things in the folder are nobody's concern. */
async function survey(path: string, maxFiles: number): Promise<Found | undefined> {
  const heads = await Promise.all(HEADS.map(async (name) => [name, await statOf(join(path, name))] as const));
  if (heads.every(([, stat]) => stat === undefined)) return undefined;
  const files: { path: string; size: number }[] = [];
  let mtime = 0;
  let problem: Fault | undefined;
  const note = (name: string, stat: Stats, kind: 'file' | 'folder'): boolean => {
    mtime = Math.max(mtime, stat.mtimeMs);
    const right = kind === 'file' ? stat.isFile() : stat.isDirectory();
    if (!right) problem ??= notPlain(name, stat, kind);
    else if (kind === 'file') files.push({ path: name, size: stat.size });
    return right;
  };
  for (const [name, stat] of heads) if (stat !== undefined) note(name, stat, 'file');
  for (const name of ['blobs', BLOBS]) {
    const stat = await statOf(join(path, name));
    if (stat === undefined || !note(name, stat, 'folder')) return { files, mtime, problem };
  }
  const names = await namesIn(join(path, BLOBS), maxFiles);
  if (names === undefined)
    problem ??= new Fault('source-bounds', `the layout has more than ${maxFiles} blobs (limits.bundleFiles)`);
  for (const name of names ?? []) {
    const stat = await statOf(join(path, BLOBS, name));
    if (stat !== undefined) note(`${BLOBS}/${name}`, stat, 'file');
  }
  return { files, mtime, problem };
}

/** Sorted names of blobs; undefined when there are too many. Other names are those of blobs that are still being written. */
async function namesIn(path: string, most: number): Promise<readonly string[] | undefined> {
  const names: string[] = [];
  let seen = 0;
  try {
    for await (const { name } of await opendir(path)) {
      seen += 1;
      if (seen > most) return undefined;
      if (BLOB.test(name)) names.push(name);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return names.sort(byCodeUnit);
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
    throw unreadable(path, error);
  }
}

function notPlain(name: string, stat: Stats, kind: 'file' | 'folder'): Fault {
  const is = stat.isSymbolicLink() ? 'a link, and links are not followed' : `no ${kind}`;
  return new Fault('bundle-unreadable', `'${name}' of the image layout is ${is}: copy the layout as plain files`);
}
