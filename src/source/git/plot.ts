import { type Digest, Fault, type RevisionPart, type StoredEntry } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';

/** Where content comes from decides which of its hidden files stay hidden. */
export type Origin = 'own' | 'module' | 'include';

/** A folder as it is stored, with what is to be put into it. */
export interface Plot {
  readonly origin: Origin;
  /** Undefined: a folder made for what is put into it. */
  readonly digest: Digest | undefined;
  readonly changed: Map<string, Plot | PlotFile>;
}

/** A single file that is put in. */
export interface PlotFile {
  readonly file: StoredEntry;
}

export const plotOf = (origin: Origin, digest: Digest | undefined): Plot => ({ origin, digest, changed: new Map() });

export const isPlot = (one: Plot | PlotFile): one is Plot => 'changed' in one;

type Folders = Pick<ContentReader, 'folder'>;

/** Puts a part in its place. Faults `include-failed`, and `source-refused` for a submodule. */
export function putPart(root: Plot, part: RevisionPart, store: Folders): void {
  const steps = part.toPath.split('/');
  const name = steps.pop() ?? '';
  if (name === '') throw failed(part, `toPath is the root of the repository`);
  let here = root;
  for (const step of steps) here = below(here, step, part, store);
  const found = here.changed.get(name) ?? entryOf(here, name, store);
  const next = takenFrom(part, store);
  if (found !== undefined && !replaceable(found, next)) throw failed(part, 'there is something already');
  here.changed.set(name, next);
}

/** What a part is: the folder, or the file, at its `fromPath`. Only what its source shows counts. */
function takenFrom(part: RevisionPart, store: Folders): Plot | PlotFile {
  let digest: Digest = part.root;
  const steps = part.fromPath === '' ? [] : part.fromPath.split('/');
  for (const [i, step] of steps.entries()) {
    const entry = store.folder(digest).find(({ name }) => name === step);
    const shown = entry !== undefined && !entry.hidden ? entry : undefined;
    if (shown?.digest !== undefined && shown.mode === 'dir') {
      digest = shown.digest;
      continue;
    }
    if (shown !== undefined && i === steps.length - 1 && (shown.mode === 'file' || shown.mode === 'exec'))
      return { file: shown };
    throw failed(part, 'there is no such file or directory in it');
  }
  return plotOf(part.kind, digest);
}

/** The folder of this name, made when it is missing. */
function below(here: Plot, name: string, part: RevisionPart, store: Folders): Plot {
  const changed = here.changed.get(name);
  if (changed !== undefined && isPlot(changed)) return changed;
  const entry = changed === undefined ? entryOf(here, name, store) : undefined;
  if (changed !== undefined || (entry !== undefined && entry.mode !== 'dir' && entry.mode !== 'module'))
    throw failed(part, `'${name}' in it is not a directory`);
  const plot = plotOf(here.origin, entry?.mode === 'dir' ? entry.digest : undefined);
  here.changed.set(name, plot);
  return plot;
}

/** An entry of the folder as it lies there; what an included source hides is not there. */
function entryOf(here: Plot, name: string, store: Folders): StoredEntry | undefined {
  const found = here.digest === undefined ? undefined : store.folder(here.digest).find((entry) => entry.name === name);
  return found !== undefined && here.origin === 'include' && found.hidden ? undefined : found;
}

/** As when a folder is renamed onto another: only an empty one gives way, and a file to a file. */
function replaceable(found: StoredEntry | Plot | PlotFile, next: Plot | PlotFile): boolean {
  if ('mode' in found) return isPlot(next) ? found.mode === 'module' : found.mode === 'file' || found.mode === 'exec';
  return !isPlot(next) && !isPlot(found);
}

function failed(part: RevisionPart, why: string): Fault {
  if (part.kind === 'module')
    return new Fault('source-refused', `submodule '${part.toPath}' cannot be put in its place: ${why}`);
  const { source, fromPath, toPath } = part;
  const from = fromPath === '' ? '' : ` from ${fromPath}`;
  return new Fault('include-failed', `failed to copy '${source}' include${from} to ${toPath}: ${why}`);
}
