import {
  type Digest,
  Fault,
  fromJson,
  isObject,
  type Json,
  type Limits,
  type StoredEntry,
  toJson,
} from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { IGNORE_FILE, type IgnoreFile, ignoreReader } from '../ignore/index.ts';
import { missingObject, outside } from './admit.ts';
import { EVERYTHING, type Extent } from './extent.ts';
import type { GitEntry } from './objects.ts';
import type { Shelf } from './shelf.ts';

/** What is known of a whole tree without its rules: kept as content, so that the next commit costs what it changes. */
export interface Survey {
  /** Files and folders below the root. */
  readonly entries: number;
  /** Folder and blob of each `.sourceignore`, outer first. */
  readonly ignores: readonly (readonly [folder: string, oid: string])[];
}

/** The survey of a revision that is here. */
export interface SurveyedRoot {
  readonly root: Digest;
  readonly survey: Survey;
}

interface Count {
  readonly shelf: Shelf;
  readonly limits: Limits;
  readonly reader: Pick<ContentReader, 'folder' | 'has'>;
  readonly before: Survey['ignores'];
  readonly extent: Extent;
  readonly ignores: (readonly [string, string])[];
  entries: number;
}

interface Step {
  readonly oid: string;
  readonly path: string;
  readonly depth: number;
  readonly old: Digest | undefined;
}

/**
 * Counts a tree and finds its ignore files; folders that the revision before has too are not read. Faults:
 * `source-bounds` (treeFiles, treeDepth), `source-corrupt` when a tree is missing.
 */
export function surveyTree(
  root: string,
  tools: Pick<Count, 'shelf' | 'limits' | 'reader'> & Partial<Pick<Count, 'extent'>>,
  before: SurveyedRoot | undefined,
  missing: (path: string, oid: string) => Fault,
): Survey {
  const count: Count = {
    extent: EVERYTHING,
    ...tools,
    before: before?.survey.ignores ?? [],
    ignores: [],
    entries: before?.survey.entries ?? 0,
  };
  const steps: Step[] = [{ oid: root, path: '', depth: 1, old: before?.root }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const entries = count.shelf.tree(step.oid);
    if (entries === undefined) throw missing(step.path, step.oid);
    steps.push(...surveyFolder(count, step, entries));
    checkCount(count, step);
  }
  const ignores = count.ignores.sort((a, b) => depthOf(a[0]) - depthOf(b[0]) || (a[0] < b[0] ? -1 : 1));
  return { entries: count.entries, ignores };
}

function surveyFolder(count: Count, step: Step, entries: readonly GitEntry[]): Step[] {
  const { old: oldDigest, path, depth } = step;
  const old = new Map<string, StoredEntry>();
  if (oldDigest !== undefined) for (const entry of count.reader.folder(oldDigest)) old.set(entry.name, entry);
  count.entries += entries.length - old.size;
  const next: Step[] = [];
  for (const entry of entries) {
    const below = join(path, entry.name);
    const was = old.get(entry.name);
    if (entry.name === IGNORE_FILE && (entry.mode === 'file' || entry.mode === 'exec'))
      count.ignores.push([path, entry.oid]);
    if (entry.mode !== 'dir' || !count.extent.has(below, true)) continue;
    const wasFolder = was?.mode === 'dir' ? was : undefined;
    if (wasFolder !== undefined) old.delete(entry.name);
    if (wasFolder?.alias === entry.oid) keepIgnores(count, below);
    else next.push({ oid: entry.oid, path: below, depth: depth + 1, old: wasFolder?.digest });
  }
  for (const gone of old.values()) if (gone.mode === 'dir') count.entries -= countStored(count, gone.digest);
  return next;
}

function keepIgnores(count: Count, path: string): void {
  for (const ignore of count.before)
    if (ignore[0] === path || ignore[0].startsWith(`${path}/`)) count.ignores.push(ignore);
}

function countStored(count: Count, digest: Digest | undefined): number {
  if (digest === undefined) return 0;
  let sum = 0;
  for (const entry of count.reader.folder(digest))
    sum += 1 + (entry.mode === 'dir' ? countStored(count, entry.digest) : 0);
  return sum;
}

function checkCount({ limits, entries }: Count, { depth }: Step): void {
  if (depth > limits.treeDepth)
    throw new Fault('source-bounds', `folders are nested deeper than ${limits.treeDepth} (limits.treeDepth)`);
  if (entries > limits.treeFiles)
    throw new Fault(
      'source-bounds',
      `the repository has more than ${limits.treeFiles} files and folders (limits.treeFiles)`,
    );
}

/**
 * The ignore files that count: those of the sparse checkout, also in folders that another one leaves out, as in Flux.
 * Faults: `source-corrupt` by `missingObject` for one that is not here, `source-bounds` by `ignoreReader`.
 */
export function ignoreFiles(
  survey: Survey,
  shelf: Shelf,
  options: {
    readonly sparse: readonly string[];
    readonly spec: string | undefined;
    readonly limits: Pick<Limits, 'ignoreBytes' | 'ignorePatterns'>;
  },
): readonly IgnoreFile[] {
  const { sparse } = options;
  const read = ignoreReader(options.spec, options.limits);
  const found: IgnoreFile[] = [];
  for (const [folder, oid] of survey.ignores) {
    if (!inSparse(folder, sparse)) continue;
    const bytes = shelf.bytes(oid);
    // Without its rules, what it leaves out would be shown.
    if (bytes === undefined) throw missingObject(join(folder, IGNORE_FILE), oid);
    const file = read({ folder, oid, size: bytes.length, read: () => bytes });
    if (file !== undefined) found.push(file);
  }
  return found;
}

/** Whether ignore files of a folder count in a sparse checkout. */
export function inSparse(folder: string, sparse: readonly string[]): boolean {
  return !outside(join(folder, IGNORE_FILE), sparse);
}

/** A survey as content. */
export function encodeSurvey(survey: Survey): Uint8Array {
  return Buffer.from(toJson({ entries: survey.entries, ignores: survey.ignores }), 'utf8');
}

/** Reads a survey back; undefined when it is none. */
export function decodeSurvey(bytes: Uint8Array): Survey | undefined {
  const value: Json = fromJson(Buffer.from(bytes).toString('utf8'));
  if (!isObject(value) || typeof value['entries'] !== 'number' || !Array.isArray(value['ignores'])) return undefined;
  const ignores = (value['ignores'] as readonly Json[]).flatMap((pair) =>
    Array.isArray(pair) ? [[String(pair[0]), String(pair[1])] as const] : [],
  );
  return { entries: value['entries'], ignores };
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function depthOf(folder: string): number {
  return folder === '' ? 0 : folder.split('/').length;
}
