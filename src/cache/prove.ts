import { contentOf, type Digest, Fault, type SourceRevision, type StoredEntry } from '../model/index.ts';
import type { ContentReader } from '../ports/index.ts';

const PAUSE_EVERY = 64;

interface Proof {
  readonly store: ContentReader;
  readonly pause: () => Promise<void>;
}

/**
 * Throws Fault `cache-damaged` unless everything that a revision names is in the store: a pointer may only be written
 * after its payload. Folders that the revision before has as well are not walked again.
 */
export async function proveRevision(
  proof: Proof,
  revision: SourceRevision,
  before: SourceRevision | undefined,
): Promise<void> {
  const { store, pause } = proof;
  const demand = (digest: Digest, what: string): void => {
    if (!store.has(digest))
      throw new Fault('cache-damaged', `${revision.revision}: ${what} (${digest}) is not whole on this disk`);
  };
  const { folders, contents } = contentOf(revision);
  for (const digest of contents) demand(digest, 'kept content');
  const was = before === undefined ? [] : contentOf(before).folders;
  const todo: { path: string; digest: Digest; old: Digest | undefined }[] = folders.map((digest, i) => ({
    path: '',
    digest,
    old: was.includes(digest) ? digest : was[i],
  }));
  for (let next = todo.pop(), steps = 1; next !== undefined; next = todo.pop(), steps++) {
    const { path, digest, old } = next;
    demand(digest, `folder ${path === '' ? '.' : path}`);
    if (digest === old) continue;
    const olds = old === undefined ? undefined : namesOf(store, old);
    for (const entry of store.folder(digest)) {
      if (entry.digest === undefined) continue;
      const below = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.mode === 'dir') todo.push({ path: below, digest: entry.digest, old: olds?.get(entry.name) });
      else demand(entry.digest, `file ${below}`);
    }
    if (steps % PAUSE_EVERY === 0) await pause();
  }
}

/** Digests of the folders in a folder; undefined when it cannot be read any more. */
function namesOf(store: ContentReader, digest: Digest): ReadonlyMap<string, Digest> | undefined {
  let entries: readonly StoredEntry[];
  try {
    entries = store.folder(digest);
  } catch {
    return undefined;
  }
  return new Map(
    entries.flatMap((entry) =>
      entry.mode === 'dir' && entry.digest !== undefined ? [[entry.name, entry.digest] as const] : [],
    ),
  );
}
