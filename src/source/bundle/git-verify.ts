import { Fault, type Limits } from '../../model/index.ts';
import type { ContentStore } from '../../ports/index.ts';
import { parseCommit } from '../git/objects.ts';
import { isMissingBase, readPack } from '../git/pack.ts';
import { objectChain } from '../git/revision.ts';
import { createShelf, type Shelf } from '../git/shelf.ts';
import { unstaged } from '../git/staging.ts';
import { type BundleRef, readGitHead } from './git-head.ts';
import { bytesOf, type Readable, type Span } from './span.ts';

/** What is proven of a Git bundle. */
export interface GitProof {
  readonly refs: readonly BundleRef[];
  readonly needs: readonly string[];
  /**
   * `whole`: everything that its refs lead to is in it. `difference`: what is not in it is for the commits that it needs to
   * have. `thin`: the sum of the pack is right, and its deltas lean on the commits that it needs.
   */
  readonly closure: 'whole' | 'difference' | 'thin';
}

/** Reads a Git bundle and proves it, by a store that is left as it was. Faults as of `takeGit`. */
export async function verifyGit(
  store: ContentStore,
  file: Readable,
  span: Span,
  { limits, signal }: { readonly limits: Limits; readonly signal?: AbortSignal | undefined },
): Promise<GitProof> {
  const head = await readGitHead(file, span.start, limits.advertisedRefs);
  const { refs, needs } = head;
  const writer = await store.writer();
  try {
    const shelf = createShelf(unstaged(writer), limits);
    const pack = { start: span.start + head.size, size: span.size - head.size };
    await readPack(bytesOf(file, pack, signal), shelf, limits);
    const missing = refs.map((ref) => firstMissing(ref, shelf)).find((oid) => oid !== undefined);
    if (missing !== undefined && needs.length === 0)
      throw new Fault('bundle-damaged', `the Git bundle is not whole: object ${missing} is not in it`);
    return { refs, needs, closure: needs.length === 0 ? 'whole' : 'difference' };
  } catch (error) {
    if (isMissingBase(error) && needs.length > 0) return { refs, needs, closure: 'thin' };
    if (error instanceof Fault && (error.code === 'wire-cut' || error.code === 'source-corrupt'))
      throw new Fault('bundle-damaged', error.message, { cause: error });
    throw error;
  } finally {
    await writer.discard();
  }
}

/** The first object below a ref that is not here; of a commit its tree counts, not its history. */
function firstMissing({ oid, name }: BundleRef, shelf: Shelf): string | undefined {
  if (shelf.get(oid) === undefined) return oid;
  const [commit = oid] = objectChain({ label: '', want: oid, commit: undefined, ref: name }, shelf);
  const trees = [parseCommit(shelf.bytes(commit) ?? new Uint8Array(), commit).tree];
  const seen = new Set(trees);
  for (let tree = trees.pop(); tree !== undefined; tree = trees.pop()) {
    const entries = shelf.tree(tree);
    if (entries === undefined) return tree;
    for (const entry of entries) {
      if (entry.mode === 'module' || seen.has(entry.oid)) continue;
      seen.add(entry.oid);
      if (entry.mode === 'dir') trees.push(entry.oid);
      else if (shelf.blob(entry.oid) === undefined) return entry.oid;
    }
  }
  return undefined;
}
