import type { Digest, Limits, StoredEntry } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { createRules, IGNORE_FILE, type IgnoreFile, type IgnoreRules, ignoreReader } from '../ignore/index.ts';
import { shows } from '../stored-tree.ts';

type Bounds = Pick<Limits, 'ignoreBytes' | 'ignorePatterns'>;
type Folders = Pick<ContentWriter, 'folder' | 'get' | 'putFolder'>;

/**
 * A stored folder with other entries hidden: what `.sourceignore` files in it and `spec` leave out, as Flux has it.
 * Whatever was hidden before does not count. `alias` names the root. Fault `source-bounds` for rules that are too large
 * or too many: what they leave out must not come in because of that.
 */
export async function applyRules(
  writer: Folders,
  root: Digest,
  options: { readonly spec: string | undefined; readonly alias: string; readonly limits: Bounds },
): Promise<Digest> {
  const { limits } = options;
  const files: IgnoreFile[] = [];
  const read = ignoreReader(options.spec, limits);
  for (const { folder, digest, size } of ignoreFiles(writer, root)) {
    const file = read({ folder, oid: digest, size, read: () => writer.get(digest) });
    if (file !== undefined) files.push(file);
  }
  return ruled({ writer, rules: createRules(files, options.spec, []) }, root, '', options.alias);
}

/** The same folder with nothing hidden. */
export function withoutRules(writer: Folders, root: Digest, alias: string): Digest {
  return ruled({ writer, rules: { leavesOut: () => false } }, root, '', alias);
}

interface Found {
  /** Folder that an ignore file lies in. */
  readonly folder: string;
  readonly digest: Digest;
  readonly size: number;
}

/** The ignore files of a tree, outer first. */
function* ignoreFiles(writer: Folders, root: Digest): Generator<Found> {
  const todo: { readonly path: string; readonly digest: Digest }[] = [{ path: '', digest: root }];
  // A list goes on with what is added while it is walked.
  for (const { path, digest } of todo)
    for (const entry of writer.folder(digest)) {
      if (entry.digest === undefined) continue;
      if (entry.mode === 'dir') todo.push({ path: join(path, entry.name), digest: entry.digest });
      else if (entry.name === IGNORE_FILE) yield { folder: path, digest: entry.digest, size: entry.size };
    }
}

interface Walk {
  readonly writer: Folders;
  readonly rules: Pick<IgnoreRules, 'leavesOut'>;
}

function ruled(walk: Walk, digest: Digest, path: string, alias?: string): Digest {
  const { writer, rules } = walk;
  const entries = writer.folder(digest).map((entry): StoredEntry => {
    const below = join(path, entry.name);
    if (entry.mode !== 'dir' || entry.digest === undefined) return { ...entry, hidden: rules.leavesOut(below, false) };
    const inner = ruled(walk, entry.digest, below);
    return { ...entry, digest: inner, hidden: rules.leavesOut(below, true) && !shows(writer.folder(inner)) };
  });
  return writer.putFolder(entries, alias);
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
