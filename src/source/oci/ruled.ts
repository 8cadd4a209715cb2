import type { Digest, StoredEntry } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { shows } from '../git/admit.ts';
import { createRules, type IgnoreFile, type IgnoreRules, ignoreMaker, patternsOf } from '../git/rules.ts';
import { hides } from '../git/survey.ts';

const NAME = '.sourceignore';
const IGNORE_BYTES = 1024 * 1024;

type Folders = Pick<ContentWriter, 'folder' | 'get' | 'putFolder'>;

/**
 * A stored folder with other entries hidden: what `.sourceignore` files in it and `spec` leave out, as Flux has it.
 * Whatever was hidden before does not count. `alias` names the root.
 */
export async function applyRules(
  writer: Folders,
  root: Digest,
  options: { readonly spec: string | undefined; readonly alias: string },
): Promise<Digest> {
  const make = await ignoreMaker();
  const files: IgnoreFile[] = [];
  for (const found of ignoreFiles(writer, root)) {
    const outer = files.some((one) => hides(one, found.folder, make));
    if (!outer && patternsOf(found.text).length > 0) files.push(found);
  }
  return ruled({ writer, rules: createRules(files, options.spec, [], make) }, root, '', options.alias);
}

/** The same folder with nothing hidden. */
export function withoutRules(writer: Folders, root: Digest, alias: string): Digest {
  return ruled({ writer, rules: { leavesOut: () => false } }, root, '', alias);
}

/** The ignore files of a tree, outer first. */
function ignoreFiles(writer: Folders, root: Digest): readonly IgnoreFile[] {
  const found: IgnoreFile[] = [];
  const todo: { readonly path: string; readonly digest: Digest }[] = [{ path: '', digest: root }];
  // A list goes on with what is added while it is walked.
  for (const { path, digest } of todo)
    for (const entry of writer.folder(digest)) {
      if (entry.digest === undefined) continue;
      if (entry.mode === 'dir') todo.push({ path: join(path, entry.name), digest: entry.digest });
      else if (entry.name === NAME && entry.size <= IGNORE_BYTES)
        found.push({ folder: path, oid: entry.digest, text: Buffer.from(writer.get(entry.digest)).toString('utf8') });
    }
  return found;
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
