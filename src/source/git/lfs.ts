import { type Digest, Fault, type RevisionPart } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';

/** A pointer of Git LFS, as its specification describes it: what it stands for is not in the repository. */
const LFS = 'version https://git-lfs.github.com/spec/v1\n';
const LFS_BYTES = 1_024;

/** Fault `source-refused` for the first LFS pointer that a submodule shows, by name. */
export function refusePointers(writer: ContentWriter, root: Digest, parts: readonly RevisionPart[]): void {
  for (const { kind, toPath } of parts) {
    const folder = kind === 'module' ? folderAt(writer, root, toPath) : undefined;
    if (folder !== undefined) check(writer, folder, toPath);
  }
}

function folderAt(writer: ContentWriter, root: Digest, path: string): Digest | undefined {
  let here: Digest | undefined = root;
  for (const step of path.split('/'))
    here = here === undefined ? undefined : writer.folder(here).find(({ name }) => name === step)?.digest;
  return here;
}

function check(writer: ContentWriter, folder: Digest, path: string): void {
  for (const { name, mode, digest, size, hidden } of writer.folder(folder)) {
    if (hidden || digest === undefined || mode === 'link' || mode === 'module') continue;
    if (mode === 'dir') check(writer, digest, `${path}/${name}`);
    else if (size > LFS.length && size < LFS_BYTES && startsLikePointer(writer.get(digest)))
      throw new Fault(
        'source-refused',
        `'${path}/${name}' of a submodule is a pointer of Git LFS, whose content is not in the repository: leave it out by spec.ignore, or keep the file in Git`,
      );
  }
}

function startsLikePointer(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, LFS.length).toString('latin1') === LFS;
}
