import { Fault } from '../../model/index.ts';
import { parseCommit } from './objects.ts';
import type { Choice } from './pick.ts';
import { objectChain } from './revision.ts';
import type { Shelf } from './shelf.ts';

/** More gaps than this, and the whole is asked for instead: a request line each. */
const GAPS = 1_000;

/**
 * Ids of the trees and blobs below a commit that cannot be read, as after damage; a tree stands for all below it.
 * Undefined when the commit itself is not here, or there are too many, or none.
 */
export function findGaps(choice: Choice, shelf: Shelf): readonly string[] | undefined {
  const commit = attempt(() => objectChain(choice, shelf)[0]);
  const bytes = commit === undefined ? undefined : attempt(() => shelf.bytes(commit));
  if (commit === undefined || bytes === undefined) return undefined;
  const gaps: string[] = [];
  const trees = [parseCommit(bytes, commit).tree];
  for (let oid = trees.pop(); oid !== undefined && gaps.length <= GAPS; oid = trees.pop()) {
    const tree = oid;
    const entries = attempt(() => shelf.tree(tree));
    if (entries === undefined) gaps.push(tree);
    for (const entry of entries ?? []) {
      if (entry.mode === 'dir') trees.push(entry.oid);
      else if (entry.mode !== 'module' && attempt(() => shelf.bytes(entry.oid)) === undefined) gaps.push(entry.oid);
    }
  }
  return gaps.length === 0 || gaps.length > GAPS ? undefined : gaps;
}

/** What is damaged counts as missing. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault && (error.code === 'cache-damaged' || error.code === 'source-corrupt')) return undefined;
    throw error;
  }
}
