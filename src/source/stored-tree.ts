import { type Digest, Fault, type StoredEntry } from '../model/index.ts';
import type { ContentReader } from '../ports/index.ts';

/**
 * True when a stored folder and everything below it is here. Content that no pointer names may be here in part.
 * `read`: every byte is read, which finds damage that nobody has met yet.
 */
export function isWhole(
  reader: Pick<ContentReader, 'has' | 'folder' | 'get'>,
  root: Digest,
  options: { readonly read: boolean } = { read: false },
): boolean {
  const folders = [root];
  try {
    for (let here = folders.pop(); here !== undefined; here = folders.pop()) {
      if (!reader.has(here)) return false;
      for (const { digest, mode } of reader.folder(here)) {
        if (digest === undefined) continue;
        if (mode === 'dir') folders.push(digest);
        else if (!reader.has(digest)) return false;
        else if (options.read) reader.get(digest);
      }
    }
  } catch (error) {
    if (error instanceof Fault && error.code === 'cache-damaged') return false;
    throw error;
  }
  return true;
}

/** True when a view shows a part of a folder: a file below a folder that is left out may be brought back. */
export function shows(entries: readonly StoredEntry[]): boolean {
  return entries.some((e) => !e.hidden && (e.mode === 'file' || e.mode === 'exec' || e.mode === 'dir'));
}
