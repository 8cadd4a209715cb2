import { type Digest, elided, Fault, type Limits, type StoredEntry } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import type { IgnoreRules } from '../ignore/index.ts';
import { checkNames } from '../names.ts';
import { isWhole, shows } from '../stored-tree.ts';
import type { Extent } from './extent.ts';
import type { GitEntry } from './objects.ts';
import { folderAlias, type Shelf, treeAlias } from './shelf.ts';

/** What turning Git trees into stored folders needs. */
export interface AdmitOptions {
  readonly writer: ContentWriter;
  readonly shelf: Shelf;
  readonly rules: IgnoreRules;
  /** Folders to show, clean; empty shows all. */
  readonly sparse: readonly string[];
  readonly limits: Limits;
  /** Bytes of a blob of the pack just read. */
  readonly sizeOf: (oid: string) => number | undefined;
  /** Root folder of the revision before, whole on this disk. */
  readonly before: Digest | undefined;
  /** What is admitted; all else is stored as away. */
  readonly extent: Extent;
}

interface Walk extends AdmitOptions {
  bytes: number;
  /** Bytes of blobs that had to be read for it, by id: one may stand in a tree many times. */
  readonly read: Map<string, number>;
}

/**
 * Writes a tree as stored folders and gives the root's digest. A folder that is here whole under the same rules is used
 * as it is. Every object of the extent must be here: else Fault `source-corrupt` by `missingObject`. Names and sizes are
 * checked: Faults `source-refused`, `source-bounds`. Depth and count have been by the survey.
 */
export async function admitTree(oid: string, options: AdmitOptions): Promise<Digest> {
  const walk: Walk = { ...options, bytes: 0, read: new Map() };
  checkSparse(oid, options);
  return folder(walk, oid, '', options.before);
}

async function folder(walk: Walk, oid: string, path: string, before: Digest | undefined): Promise<Digest> {
  const { writer, shelf, rules } = walk;
  // A folder of which something is away is not what others mean by it.
  const alias = walk.extent.covers(path) ? folderAlias(oid, rules.id(path)) : undefined;
  const known = alias === undefined ? undefined : writer.byAlias(alias);
  if (known !== undefined && (known === before || isWhole(writer, known))) return known;
  const entries = shelf.tree(oid);
  if (entries === undefined) throw missingObject(path, oid);
  checkNames(
    entries.map((entry) => entry.name),
    path,
  );
  const old = new Map<string, StoredEntry>();
  if (before !== undefined) for (const entry of writer.folder(before)) old.set(entry.name, entry);
  const stored: StoredEntry[] = [];
  for (const entry of entries)
    stored.push(await one(walk, entry, path === '' ? entry.name : `${path}/${entry.name}`, old.get(entry.name)));
  const digest = writer.putFolder(stored, alias);
  writer.putFolder(stored, treeAlias(oid));
  await shelf.rest();
  return digest;
}

async function one(walk: Walk, entry: GitEntry, path: string, old: StoredEntry | undefined): Promise<StoredEntry> {
  const { mode, name, oid } = entry;
  const { pathBytes } = walk.limits;
  if (Buffer.byteLength(path, 'utf8') > pathBytes)
    throw new Fault(
      'source-bounds',
      `'${elided(path)}': the path is longer than ${pathBytes} bytes (limits.pathBytes)`,
    );
  const out = outside(path, walk.sparse);
  if (isAway(walk, path, mode))
    return { name, mode, digest: undefined, size: 0, alias: oid, hidden: hidesAway(walk, path, mode) };
  if (mode === 'dir') {
    const digest = await folder(walk, oid, path, old?.mode === 'dir' ? old.digest : undefined);
    const hidden = (out || walk.rules.leavesOut(path, true)) && !shows(walk.writer.folder(digest));
    return { name, mode, digest, size: 0, alias: oid, hidden };
  }
  const hidden = out || walk.rules.leavesOut(path, false);
  if (mode === 'module') return { name, mode, digest: undefined, size: 0, alias: oid, hidden };
  const { digest, size } = blob(walk, oid, path, old);
  walk.bytes += size;
  if (walk.bytes > walk.limits.treeBytes)
    throw new Fault(
      'source-bounds',
      `the files are larger than ${walk.limits.treeBytes} bytes together (limits.treeBytes)`,
    );
  return { name, mode, digest, size, alias: oid, hidden };
}

function isAway({ extent, rules }: Walk, path: string, mode: GitEntry['mode']): boolean {
  const isFolder = mode === 'dir';
  return mode !== 'module' && (!extent.has(path, isFolder) || rules.unsure?.(path, isFolder) === true);
}

/** Only what is left out for sure is hidden: below a folder that is, something may be brought back. */
function hidesAway({ rules }: Walk, path: string, mode: GitEntry['mode']): boolean {
  return mode !== 'dir' && rules.unsure?.(path, false) !== true && rules.leavesOut(path, false);
}

function blob(walk: Walk, oid: string, path: string, old: StoredEntry | undefined): { digest: Digest; size: number } {
  if (old !== undefined && old.alias === oid && old.digest !== undefined && walk.writer.has(old.digest))
    return { digest: old.digest, size: old.size };
  const digest = walk.shelf.blob(oid);
  if (digest === undefined) throw missingObject(path, oid);
  return { digest, size: walk.sizeOf(oid) ?? readSize(walk, oid, digest) };
}

/** What came before the pack just read, or beside it, is proven by reading it. */
function readSize({ read, writer }: Walk, oid: string, digest: Digest): number {
  const known = read.get(oid) ?? writer.get(digest).length;
  read.set(oid, known);
  return known;
}

/**
 * True for a path that a sparse checkout does not show. As in Flux (go-git) the text that is written decides: `app` shows
 * `app-two/x` too, and `app/` does not.
 */
export function outside(path: string, sparse: readonly string[]): boolean {
  return sparse.length > 0 && !sparse.some((dir) => path.startsWith(dir));
}

function checkSparse(root: string, { sparse, shelf }: AdmitOptions): void {
  for (const dir of sparse) {
    let found: GitEntry | undefined;
    for (const [depth, name] of dir.replace(/\/$/, '').split('/').entries()) {
      const tree = depth === 0 ? root : found?.mode === 'dir' ? found.oid : undefined;
      found = tree === undefined ? undefined : shelf.tree(tree)?.find((entry) => entry.name === name);
    }
    // A file may be named, too, and what shows nothing: a link, a submodule.
    if (found === undefined)
      throw new Fault(
        'source-refused',
        `failed to sparse checkout directories : sparse checkout dir '${elided(dir)}' does not exist in repository`,
      );
  }
}

/** Folders of a sparse checkout as given, made clean: without './' in front, and with one '/' at the end at most. */
export function cleanSparse(dirs: readonly string[]): readonly string[] {
  const clean = dirs.map((dir) => dir.replace(/^(\.?\/)+/, '').replace(/\/+$/, '/'));
  return clean.some((dir) => /^\.?\/?$/.test(dir)) ? [] : clean;
}

const MISSING_OBJECT = 'the repository is incomplete';

/** The Fault for an object that was neither sent nor is here. */
export function missingObject(path: string, oid: string): Fault {
  return new Fault('source-corrupt', `${MISSING_OBJECT}: '${elided(path)}' (${oid}) was not sent`);
}

/** True for the Fault of `missingObject`: asking without `have` helps. */
export function isMissingObject(error: unknown): boolean {
  return error instanceof Fault && error.code === 'source-corrupt' && error.message.startsWith(MISSING_OBJECT);
}
