import {
  type DataObject,
  dataKey,
  type FluxDocument,
  type FluxObject,
  type FluxProblem,
  keyOf,
  parseFluxObjects,
} from '../../src/flux/index.ts';
import { asFault, type Digest, type Fault, type Limits, sha256 } from '../../src/model/index.ts';
import { parseDocuments } from '../../src/render/yaml/index.ts';
import { type Found, findFiles, readBounded } from './files.ts';

/** All objects of the watched folders at one moment. */
export interface ObjectsSnapshot {
  readonly objects: readonly FluxObject[];
  readonly data: readonly DataObject[];
  readonly errors: readonly FluxProblem[];
  /**
   * Nothing was unreadable or wrong. While false, an object that is missing may only be hidden by an error: it must not
   * be taken for deleted.
   */
  readonly complete: boolean;
}

export type SnapshotLimits = Pick<
  Limits,
  'configFiles' | 'configBytes' | 'manifestLineBytes' | 'yamlNodes' | 'yamlAliases' | 'yamlDepth'
>;

/** What one look at the folders found, and what the next needs of it. */
export interface Look {
  readonly snapshot: ObjectsSnapshot;
  readonly found: Found;
  /** Of everything read: equal digests, equal snapshots. */
  readonly digest: Digest;
  /** A file that could be read can no longer, or an object is gone: perhaps a file is just being written. */
  readonly doubtful: boolean;
}

/**
 * Reads everything. What a broken file or a broken object held before is kept from `previous`, beside the error: its
 * last good state stays in use.
 */
export function look(roots: readonly string[], limits: SnapshotLimits, previous: ObjectsSnapshot | undefined): Look {
  const found = findFiles(roots, limits);
  const read: Reading = { documents: [], errors: [], digests: [], unread: new Set() };
  for (const { path, fault } of found.faults) read.errors.push(fileProblem(path, fault));
  for (const file of found.files) readDocuments(file.path, limits, read);
  const parsed = parseFluxObjects(read.documents);
  const errors = [...read.errors, ...parsed.errors];
  const lost = (origin: string): boolean => {
    const file = origin.replace(/:\d+$/, '');
    return read.unread.has(file) || (found.faults.length > 0 && !found.files.some((one) => one.path === file));
  };
  const kept = keptFrom(previous, parsed, errors, lost);
  const snapshot: ObjectsSnapshot = {
    objects: [...parsed.objects, ...kept.objects],
    data: [...parsed.data, ...kept.data],
    errors,
    complete: errors.length === 0,
  };
  const digest = sha256([...read.errors.map((error) => error.message), ...read.digests].join('\n'));
  return { snapshot, found, digest, doubtful: previous !== undefined && isDoubtful(previous, snapshot) };
}

interface Reading {
  readonly documents: FluxDocument[];
  readonly errors: FluxProblem[];
  readonly digests: string[];
  readonly unread: Set<string>;
}

function readDocuments(path: string, limits: SnapshotLimits, into: Reading): void {
  try {
    const bytes = readBounded(path, limits);
    if (bytes === undefined) return;
    into.digests.push(path, sha256(bytes));
    const options = { file: path, limits: { ...limits, manifestBytes: limits.configBytes } };
    for (const document of parseDocuments(bytes, options).documents) into.documents.push({ ...document, file: path });
  } catch (error) {
    into.unread.add(path);
    into.errors.push(fileProblem(path, asFault(error)));
  }
}

function isDoubtful(previous: ObjectsSnapshot, next: ObjectsSnapshot): boolean {
  const present = keysOf(next);
  if ([...keysOf(previous)].some((key) => !present.has(key))) return true;
  const known = new Set(previous.errors.map((error) => error.file));
  return next.errors.some((error) => !known.has(error.file));
}

/** A fault of a file as a problem; its message begins with `file:line:column`. */
function fileProblem(file: string, fault: Fault): FluxProblem {
  const line = fault.message.startsWith(`${file}:`) ? Number.parseInt(fault.message.slice(file.length + 1), 10) : 0;
  return {
    code: 'config-invalid',
    file,
    line: Number.isNaN(line) ? 0 : line,
    path: '',
    object: '',
    message: fault.message,
  };
}

interface Kept {
  readonly objects: readonly FluxObject[];
  readonly data: readonly DataObject[];
}

function keptFrom(
  previous: ObjectsSnapshot | undefined,
  now: Kept,
  errors: readonly FluxProblem[],
  lost: (origin: string) => boolean,
): Kept {
  if (previous === undefined || errors.length === 0) return { objects: [], data: [] };
  const present = keysOf(now);
  const broken = new Set(errors.map((error) => error.object));
  const hidden = (key: string, origin: string): boolean => !present.has(key) && (broken.has(key) || lost(origin));
  return {
    objects: previous.objects.filter((one) => hidden(keyOf(one), one.meta.origin)),
    data: previous.data.filter((one) => hidden(dataKey(one), one.origin)),
  };
}

function keysOf(all: Kept): Set<string> {
  return new Set([...all.objects.map(keyOf), ...all.data.map(dataKey)]);
}
