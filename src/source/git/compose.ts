import {
  type Composition,
  type Digest,
  Fault,
  type Limits,
  type RevisionPart,
  type SourceRevision,
  type StoredEntry,
} from '../../model/index.ts';
import type { ContentStore, ContentWriter } from '../../ports/index.ts';
import {
  checkPatterns,
  createRules,
  IGNORE_FILE,
  type IgnoreFile,
  type IgnoreRules,
  patternsOf,
  specId,
} from '../ignore/index.ts';
import { shows } from '../stored-tree.ts';
import { cleanSparse, outside } from './admit.ts';
import { refusePointers } from './lfs.ts';
import { isPlot, type Origin, type Plot, plotOf, putPart } from './plot.ts';
import { decodeSurvey, inSparse, type Survey } from './survey.ts';

/** What decides how a revision is put together. */
export interface ComposeRequest {
  readonly ignore?: string;
  readonly sparseCheckout: readonly string[];
}

/** Names the rules of a composition. */
export const rulesOf = (request: ComposeRequest): string => specId(request.ignore, cleanSparse(request.sparseCheckout));

interface Walk {
  readonly writer: ContentWriter;
  readonly rules: IgnoreRules;
  readonly sparse: readonly string[];
  readonly limits: Limits;
  /** The rules of the source alone do not hold any more: everything is looked at again. */
  readonly all: boolean;
  entries: number;
  bytes: number;
}

/**
 * Puts the parts into a source's own revision, under its rules; durable on return. Everything must be in the store.
 * Nothing that lies outside of the ways to the parts is written or read again. Faults `include-failed`,
 * `source-refused`, `source-bounds`.
 */
export async function compose(
  store: ContentStore,
  own: SourceRevision,
  parts: readonly RevisionPart[],
  options: { readonly request: ComposeRequest; readonly limits: Limits },
): Promise<SourceRevision> {
  const { request, limits } = options;
  if (parts.length === 0) return own;
  const root = plotOf('own', own.root);
  for (const part of parts) putPart(root, part, store);
  const found = await gather(store, own, parts, options);
  const writer = await store.writer();
  try {
    const walk: Walk = { ...found, writer, limits, bytes: 0 };
    const digest = write(walk, root, '');
    refusePointers(writer, digest, parts);
    await writer.commit();
    const composed: Composition = { own: own.root, rules: rulesOf(request), parts };
    return { ...own, root: digest, composed };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** The rules over everything together, from the ignore files that lie in it. */
async function gather(
  store: ContentStore,
  own: SourceRevision,
  parts: readonly RevisionPart[],
  { request, limits }: { readonly request: ComposeRequest; readonly limits: Limits },
): Promise<Pick<Walk, 'rules' | 'sparse' | 'all' | 'entries'>> {
  const sparse = cleanSparse(request.sparseCheckout);
  const survey = surveyOf(store, own);
  const ours = filesAt(store, own.root, survey, '').filter(({ folder }) => inSparse(folder, sparse));
  const theirs = parts.flatMap((part) =>
    part.kind === 'module'
      ? filesAt(store, part.root, surveyOf(store, part), part.toPath)
      : shownFiles(store, part.root, part.fromPath, part.toPath),
  );
  const files = [...ours, ...theirs].sort((a, b) => depthOf(a.folder) - depthOf(b.folder));
  const counted = files.reduce((sum, { text }) => sum + patternsOf(text).length, 0);
  checkPatterns(counted + patternsOf(request.ignore ?? '').length, limits);
  const rules = createRules(files, request.ignore, sparse);
  // The defaults hold only where nobody has a pattern.
  const bare = (list: readonly IgnoreFile[]): boolean =>
    list.length === 0 && patternsOf(request.ignore ?? '').length === 0;
  return { rules, sparse, all: bare(ours) !== bare(files), entries: survey.entries };
}

/** The survey is the last of what a revision keeps. */
function surveyOf(store: ContentStore, revision: Pick<SourceRevision, 'keep'>): Survey {
  const kept = revision.keep.at(-1);
  const survey = kept === undefined ? undefined : decodeSurvey(store.get(kept));
  if (survey === undefined) throw new Fault('internal', 'a revision keeps no survey');
  return survey;
}

function filesAt(store: ContentStore, root: Digest, survey: Survey, prefix: string): IgnoreFile[] {
  return survey.ignores.flatMap(([folder]) => {
    const entry = entryAt(store, root, folder === '' ? IGNORE_FILE : `${folder}/${IGNORE_FILE}`);
    return entry?.digest === undefined ? [] : ignoreText(store, entry.digest, joined(prefix, folder));
  });
}

function ignoreText(store: ContentStore, digest: Digest, folder: string): IgnoreFile[] {
  const text = Buffer.from(store.get(digest)).toString('utf8');
  return patternsOf(text).length === 0 ? [] : [{ folder, oid: digest, text }];
}

/** Ignore files among what an included source shows; they come along with its content. */
function shownFiles(store: ContentStore, root: Digest, fromPath: string, toPath: string): IgnoreFile[] {
  const start = entryAt(store, root, fromPath);
  const found: IgnoreFile[] = [];
  const todo = start?.mode === 'dir' && start.digest !== undefined ? [{ digest: start.digest, path: toPath }] : [];
  for (let next = todo.pop(); next !== undefined; next = todo.pop())
    for (const { name, mode, digest, hidden } of store.folder(next.digest)) {
      if (hidden || digest === undefined) continue;
      if (mode === 'dir') todo.push({ digest, path: `${next.path}/${name}` });
      else if (name === IGNORE_FILE && mode !== 'link') found.push(...ignoreText(store, digest, next.path));
    }
  return found;
}

function entryAt(store: ContentStore, root: Digest, path: string): StoredEntry | undefined {
  let here: StoredEntry | undefined = { name: '', mode: 'dir', digest: root, size: 0, alias: '', hidden: false };
  for (const step of path === '' ? [] : path.split('/')) {
    const digest: Digest | undefined = here?.mode === 'dir' ? here.digest : undefined;
    here = digest === undefined ? undefined : store.folder(digest).find(({ name }) => name === step);
  }
  return here;
}

/** Writes a folder with what is put into it. */
function write(walk: Walk, plot: Plot, path: string): Digest {
  const { origin, digest, changed } = plot;
  const stored = digest === undefined ? [] : walk.writer.folder(digest);
  const kept = stored.filter(({ name }) => !changed.has(name)).map((entry) => judged(walk, origin, entry, path));
  const added = [...changed].map(([name, next]): StoredEntry => {
    const at = joined(path, name);
    if (!isPlot(next)) return judged(walk, 'include', { ...next.file, name }, path);
    return folderEntry(walk, next.origin, { name, path: at, digest: write(walk, next, at) });
  });
  count(walk, origin === 'own' ? added.length : stored.length + added.length, path);
  return walk.writer.putFolder([...kept, ...added]);
}

/** An entry that stays, with its place under the rules of the whole. */
function judged(walk: Walk, origin: Origin, entry: StoredEntry, folder: string): StoredEntry {
  if (origin === 'own' && !walk.all) return entry;
  const path = joined(folder, entry.name);
  if (entry.mode === 'dir' && entry.digest !== undefined) {
    const digest = write(walk, plotOf(origin, entry.digest), path);
    const next = folderEntry(walk, origin, { name: entry.name, path, digest });
    return { ...entry, digest, hidden: next.hidden || (origin === 'include' && entry.hidden) };
  }
  if (origin !== 'own') walk.bytes += entry.size;
  const out = (origin !== 'include' && outside(path, walk.sparse)) || walk.rules.leavesOut(path, false);
  return { ...entry, hidden: out || (origin === 'include' && entry.hidden) };
}

function folderEntry(
  walk: Walk,
  origin: Origin,
  { name, path, digest }: { readonly name: string; readonly path: string; readonly digest: Digest },
): StoredEntry {
  const out = (origin !== 'include' && outside(path, walk.sparse)) || walk.rules.leavesOut(path, true);
  const hidden = out && !shows(walk.writer.folder(digest));
  return { name, mode: 'dir', digest, size: 0, alias: '', hidden };
}

function count(walk: Walk, entries: number, path: string): void {
  const { treeDepth, treeFiles, treeBytes, pathBytes } = walk.limits;
  walk.entries += entries;
  if (depthOf(path) > treeDepth)
    throw new Fault('source-bounds', `folders are nested deeper than ${treeDepth} (limits.treeDepth)`);
  if (walk.entries > treeFiles)
    throw new Fault(
      'source-bounds',
      `the repository and what is put into it have more than ${treeFiles} files and folders (limits.treeFiles)`,
    );
  if (walk.bytes > treeBytes)
    throw new Fault('source-bounds', `what is put in is larger than ${treeBytes} bytes (limits.treeBytes)`);
  if (Buffer.byteLength(path, 'utf8') > pathBytes)
    throw new Fault('source-bounds', `a path is longer than ${pathBytes} bytes (limits.pathBytes)`);
}

function joined(folder: string, name: string): string {
  return folder === '' ? name : name === '' ? folder : `${folder}/${name}`;
}

function depthOf(folder: string): number {
  return folder === '' ? 0 : folder.split('/').length;
}
