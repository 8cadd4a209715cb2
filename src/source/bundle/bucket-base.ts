import { type Digest, Fault, type SourceRevision } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';

type Store = Pick<ContentReader, 'folder' | 'has' | 'get'>;

/**
 * Contents of the files of the revision that a difference leans on, with their sizes: only what this source has itself
 * counts. `unread` where the disk is known to be whole; else each is read and proven. Fault `bundle-base-missing`.
 */
export function baseContents(
  store: Store,
  base: string,
  { known, previous }: { readonly known: SourceRevision | undefined; readonly previous: readonly SourceRevision[] },
  unread: boolean,
): ReadonlyMap<Digest, number> {
  const revision = [...(known === undefined ? [] : [known]), ...previous].find((one) => one.revision === base);
  if (revision === undefined)
    throw new Fault('bundle-base-missing', `the bundle is a difference to ${base}, which is not on this disk`);
  const found = new Map<Digest, number>();
  try {
    for (const { digest, size } of filesBelow(store, revision.root)) {
      if (!store.has(digest)) continue;
      if (!unread) store.get(digest);
      found.set(digest, size);
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'cache-damaged') throw error;
    throw new Fault('bundle-base-missing', `${base}, which the bundle is a difference to, is damaged on this disk`, {
      cause: error,
    });
  }
  return found;
}

/** Contents of the files below a stored folder. */
export function* filesBelow(
  store: Pick<ContentReader, 'folder'>,
  root: Digest,
): Generator<{ readonly digest: Digest; readonly size: number }> {
  const folders = [root];
  const seen = new Set(folders);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
    for (const { mode, digest, size } of store.folder(folder)) {
      if (digest === undefined) continue;
      if (mode !== 'dir') yield { digest, size };
      else if (!seen.has(digest)) {
        seen.add(digest);
        folders.push(digest);
      }
    }
}

/** Whether two stored folders have the same files; the source's own ids of them do not count. */
export function sameFiles(store: Pick<ContentReader, 'folder'>, a: Digest, b: Digest): boolean {
  if (a === b) return true;
  try {
    const [ours, theirs] = [store.folder(a), store.folder(b)];
    return (
      ours.length === theirs.length &&
      ours.every((one, i) => {
        const other = theirs[i];
        if (other?.name !== one.name || other.mode !== one.mode) return false;
        if (one.digest === undefined || other.digest === undefined || one.mode !== 'dir')
          return one.digest === other.digest;
        return sameFiles(store, one.digest, other.digest);
      })
    );
  } catch (error) {
    if (error instanceof Fault && error.code === 'cache-damaged') return false;
    throw error;
  }
}
