import { Fault } from '../../model/index.ts';
import { type ObjectType, parentsOf } from './objects.ts';
import { offersOf } from './offers.ts';
import type { ObjectShelf } from './pack.ts';
import { commitMissing } from './pick.ts';
import type { GitSession } from './request.ts';
import { fetchPack } from './upload-pack.ts';

/**
 * Proves that a commit is in the history of a branch, as `spec.ref` says with both. What the branch has and the commit
 * does not is asked for, commits alone where the server can leave out the rest: one of them has the commit as a parent,
 * or it is not on the way. Fault `source-ref-missing`, and `source-bounds` where too much lies in between.
 */
export async function proveOnBranch(session: GitSession, commit: string, head: string): Promise<void> {
  const { filter } = await offersOf(session);
  let found = false;
  const shelf = looseShelf(session, (type, bytes) => {
    found ||= type === 'commit' && parentsOf(bytes).includes(commit);
  });
  await fetchPack(
    session,
    { wants: [head], have: commit, history: true, ...(filter ? { filter: 'tree:0' as const } : {}) },
    shelf,
  );
  if (!found) throw commitMissing(commit);
}

/** Objects in memory: others may lean on them. None of them is kept. */
function looseShelf({ limits }: GitSession, see: (type: ObjectType, bytes: Buffer) => void): ObjectShelf {
  const objects = new Map<string, { readonly type: ObjectType; readonly bytes: Uint8Array }>();
  let held = 0;
  return {
    add: (type, oid, bytes) => {
      held += bytes.length;
      if (held > limits.packHeldBytes)
        throw new Fault(
          'source-bounds',
          `what lies between spec.ref.commit and the head of spec.ref.branch needs more than ${limits.packHeldBytes} bytes of memory to be looked through (limits.packHeldBytes): leave spec.ref.branch out, or raise the limit`,
        );
      objects.set(oid, { type, bytes });
      see(type, bytes);
    },
    get: (oid) => objects.get(oid),
    rest: () => undefined,
  };
}
