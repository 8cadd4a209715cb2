import { type FetchedPart, parseRevision, type SourceRevision, sha256 } from '../../model/index.ts';
import { specId } from '../ignore/index.ts';
import { isMissingObject } from './admit.ts';
import { withStaging } from './fetch.ts';
import { rootOf } from './needs.ts';
import { parseCommit } from './objects.ts';
import type { Choice } from './pick.ts';
import { fetchPaths, outermost } from './reach.ts';
import type { GitSession } from './request.ts';
import { makeRevision, objectChain } from './revision.ts';
import { createReadShelf, type Shelf } from './shelf.ts';
import type { SiteNeeds } from './site-needs.ts';
import type { Wanted } from './wanted.ts';

/**
 * The part of a commit that a site needs, as a revision of its own. Undefined where only the whole helps: everything is
 * needed, or the server gives no parts. Of a commit that is here a part only grows: what was here for others stays until
 * the next. Faults as of `fetchPaths`.
 */
export async function partRevision(
  session: GitSession,
  wanted: Pick<Wanted, 'choice' | 'protocol'>,
  needs: SiteNeeds,
): Promise<SourceRevision | undefined> {
  const { have } = session.request;
  const { choice } = wanted;
  const had = have !== undefined && isOf(have, choice, session) ? have.part?.paths : undefined;
  const declared = outermost(needs.paths);
  const asked = askedKey(session, declared, needs.key ?? '');
  if (had !== undefined && have?.part?.asked === asked && session.ports.store.has(have.root)) return have;
  const paths = outermost([...declared, ...(had ?? [])]);
  if (paths[0] === '' && paths.length > 0) return undefined;
  return withStaging(session, async (transfer) => {
    const bring = (more: readonly string[]): ReturnType<typeof fetchPaths> =>
      fetchPaths(session, { ...wanted, have: undefined }, { ...needs, paths: [...paths, ...more] }, transfer);
    const first = await bring([]);
    // What was here of the same tree under another commit is here still, and builds may reach it.
    const same = first === undefined || had !== undefined ? [] : pathsOfSame(session, choice, transfer.shelf);
    const closed = same.length > 0 ? await bring(same) : first;
    if (closed === undefined || closed[0] === '') {
      await transfer.writer.keep();
      await transfer.writer.discard();
      return undefined;
    }
    transfer.writer.settle();
    const part: FetchedPart = { paths: closed, asked };
    return makeRevision(session, choice, { ...transfer, index: undefined }, part);
  });
}

/** The paths of the revision before, where only its commit was another. */
function pathsOfSame({ request }: GitSession, choice: Choice, shelf: Shelf): readonly string[] {
  const { have } = request;
  const hash = have?.part === undefined ? undefined : parseRevision(have.revision)?.hash;
  const bytes = hash === undefined ? undefined : shelf.bytes(hash);
  if (hash === undefined || bytes === undefined) return [];
  return parseCommit(bytes, hash).tree === rootOf(choice, shelf) ? (have?.part?.paths ?? []) : [];
}

function askedKey({ request }: GitSession, paths: readonly string[], key: string): string {
  return sha256(JSON.stringify([paths, key, specId(request.ignore, [])])).slice(7, 23);
}

/** Whether a revision is of the very commit, under the very name, that is chosen now. */
function isOf(have: SourceRevision, choice: Choice, { ports }: GitSession): boolean {
  const parsed = parseRevision(have.revision);
  if (parsed === undefined || parsed.name !== choice.label) return false;
  try {
    return objectChain(choice, createReadShelf(ports.store))[0] === parsed.hash;
  } catch (error) {
    if (isMissingObject(error)) return false;
    throw error;
  }
}
