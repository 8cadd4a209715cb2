import { Fault, type WireCount } from '../../model/index.ts';
import { extentOf } from './extent.ts';
import { choose, withStaging } from './fetch.ts';
import { rootOf } from './needs.ts';
import { fetchPaths, viewOf } from './reach.ts';
import type { GitOptions, GitPorts, GitRequest } from './request.ts';
import { beginSession } from './session.ts';
import { createReadShelf } from './shelf.ts';
import type { PartView, SiteNeeds } from './site-needs.ts';
import { IGNORE_FILE } from './survey.ts';

/** The part of a commit that a site needs, on this disk. */
export interface GitPart {
  /** The commit, or the tag in front of it. */
  readonly want: string;
  /** What was asked for and all that it reaches. */
  readonly paths: readonly string[];
  readonly view: PartView;
  readonly count: WireCount;
}

/**
 * Brings the part of a repository that a site needs, and keeps it as the part of a transfer: it is no revision, and a
 * fetch of the whole asks only for the rest. Undefined where only the whole can be asked for. Faults as of `fetchGit`,
 * and `source-bounds` (`limits.reachRounds`).
 */
export async function fetchPart(
  ports: GitPorts,
  request: GitRequest,
  options: GitOptions,
  needs: SiteNeeds,
): Promise<GitPart | undefined> {
  const session = beginSession(ports, request, options);
  try {
    const wanted = { ...(await choose(session)), have: undefined };
    const paths = await withStaging(session, async (transfer) => {
      const closed = await fetchPaths(session, wanted, needs, transfer);
      await transfer.writer.keep();
      await transfer.writer.discard();
      return closed;
    });
    if (paths === undefined) return undefined;
    const shelf = createReadShelf(session.ports.store);
    const root = rootOf(wanted.choice, shelf);
    if (root === undefined) throw new Fault('internal', 'the part that came is not here');
    const view = viewOf(root, shelf, extentOf(paths, IGNORE_FILE));
    return { want: wanted.choice.want, paths, view, count: session.spent() };
  } finally {
    if (session.link.ssh !== undefined) (await import('./ssh.ts')).hangUp(session);
  }
}
