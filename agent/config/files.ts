import { type Dirent, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { byCodeUnit, Fault, type Limits } from '../../src/model/index.ts';

/** Folders inside each other; also ends rings of symbolic links. */
const MAX_DEPTH = 8;

/** One file as it was seen: content is read only when something moved. */
export interface FoundFile {
  readonly path: string;
  /** Changes when the file is written, replaced, or reached through another link. */
  readonly mark: string;
  readonly size: number;
}

export interface Found {
  /** Sorted by path. */
  readonly files: readonly FoundFile[];
  /** Folders to watch. */
  readonly folders: readonly string[];
  readonly faults: readonly { readonly path: string; readonly fault: Fault }[];
}

/**
 * The manifests (`*.yaml`, `*.yml`, `*.json`) of folders and single files. Names that begin with a dot are passed over:
 * in a mounted ConfigMap `..data` and its generations hold every file a second time.
 */
export function findFiles(roots: readonly string[], limits: Pick<Limits, 'configFiles' | 'configBytes'>): Found {
  const found: Collect = { files: new Map(), folders: new Set(), faults: [], bytes: 0, full: false };
  for (const root of roots) visit(root, 0, found, limits);
  const files = [...found.files.values()].sort((a, b) => byCodeUnit(a.path, b.path));
  return { files, folders: [...found.folders], faults: found.faults };
}

interface Collect {
  readonly files: Map<string, FoundFile>;
  readonly folders: Set<string>;
  readonly faults: { path: string; fault: Fault }[];
  bytes: number;
  full: boolean;
}

function visit(path: string, depth: number, found: Collect, limits: Pick<Limits, 'configFiles' | 'configBytes'>): void {
  if (found.full) return;
  const refuse = (message: string, cause?: unknown): void => {
    found.faults.push({ path, fault: new Fault('config-invalid', `${path}: ${message}`, { cause }) });
  };
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) {
      if (depth > MAX_DEPTH) refuse(`folders are nested deeper than ${MAX_DEPTH}`);
      else {
        found.folders.add(path);
        for (const entry of entriesOf(path)) visit(join(path, entry), depth + 1, found, limits);
      }
    } else if (stats.isFile()) addFile(path, stats, found, limits, refuse);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Gone between listing and looking: the next look sees it.
    if (depth > 0 && code === 'ENOENT') return;
    refuse(code === 'ENOENT' ? 'no such file or folder' : `cannot be read (${code ?? String(error)})`, error);
  }
}

function addFile(
  path: string,
  stats: Stats,
  found: Collect,
  limits: Pick<Limits, 'configFiles' | 'configBytes'>,
  refuse: (message: string) => void,
): void {
  found.bytes += stats.size;
  if (found.files.size >= limits.configFiles) {
    found.full = true;
    refuse(`more files than limits.configFiles = ${limits.configFiles}`);
  } else if (found.bytes > limits.configBytes) {
    found.full = true;
    refuse(`all files together have more bytes than limits.configBytes = ${limits.configBytes}`);
  } else {
    const mark = `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
    found.files.set(path, { path, mark, size: stats.size });
  }
}

function entriesOf(folder: string): string[] {
  const wanted = (entry: Dirent): boolean =>
    !entry.name.startsWith('.') && (!entry.isFile() || /\.(?:ya?ml|json)$/.test(entry.name));
  return readdirSync(folder, { withFileTypes: true })
    .filter(wanted)
    .filter(
      (entry) => !entry.isSymbolicLink() || /\.(?:ya?ml|json)$/.test(entry.name) || isFolder(join(folder, entry.name)),
    )
    .map((entry) => entry.name)
    .sort(byCodeUnit);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Bytes of a file; undefined when it is gone or grew past the limit while being read. */
export function readBounded(path: string, limits: Pick<Limits, 'configBytes'>): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.byteLength > limits.configBytes ? undefined : bytes;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new Fault('config-invalid', `${path}: cannot be read (${code ?? String(error)})`, { cause: error });
  }
}
