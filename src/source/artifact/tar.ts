import { type ArtifactContent, incomplete, type StoredEntry } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { BLOCK, headerOf, padding } from './header.ts';

/** Where the content of an archive is read from. */
export type Content = Pick<ContentReader, 'folder' | 'get'>;

/** A stored folder; of a `partial` one what is away is left out. */
export type ArchiveRoot = Pick<ArtifactContent, 'root' | 'partial'>;

/**
 * The parts of a tar archive of a stored folder, one file in memory at a time: files and folders in byte order of their
 * names, each folder before what is in it. Hidden entries, links and submodules are left out. Faults `cache-damaged`, and
 * `source-incomplete` where something is away and the folder is not said to be `partial`.
 */
export function* tarOf(content: Content, of: ArchiveRoot): Generator<Uint8Array> {
  yield* below(content, of, '');
  yield Buffer.alloc(2 * BLOCK);
}

function* below(content: Content, folder: ArchiveRoot, parent: string): Generator<Uint8Array> {
  for (const entry of inOrder(content.folder(folder.root))) {
    const { digest, mode, hidden } = entry;
    if (hidden || mode === 'link' || mode === 'module') continue;
    const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
    if (digest === undefined) {
      if (folder.partial === true) continue;
      throw incomplete(path);
    }
    if (mode === 'dir') {
      yield headerOf({ path, mode, size: 0 });
      yield* below(content, { ...folder, root: digest }, path);
      continue;
    }
    const bytes = content.get(digest);
    yield headerOf({ path, mode, size: bytes.length });
    yield bytes;
    yield padding(bytes.length);
  }
}

/** Stored listings are sorted by code unit, which differs from byte order above U+FFFF. */
function inOrder(entries: readonly StoredEntry[]): readonly StoredEntry[] {
  return [...entries].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}
