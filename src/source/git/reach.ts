import { byCodeUnit, Fault, type Limits, parseRevision } from '../../model/index.ts';
import { IGNORE_FILE } from '../ignore/index.ts';
import { type Extent, extentOf, isBelowOne } from './extent.ts';
import { createBelow, type Needs, rootOf } from './needs.ts';
import type { GitEntry } from './objects.ts';
import { offersOf } from './offers.ts';
import { isMissingBase } from './pack.ts';
import { descend, treeOf, within } from './part-tree.ts';
import type { GitSession } from './request.ts';
import { bringNeeds, isCut, isRefusal, type Transfer } from './resume.ts';
import type { Shelf } from './shelf.ts';
import type { PartView, SiteNeeds } from './site-needs.ts';
import { fetchPack } from './upload-pack.ts';
import type { Wanted } from './wanted.ts';

/**
 * Brings the named paths of a commit and what they reach, and nothing else: the trees on the way to them one by one, the
 * folders at their end whole; resumed like any transfer. The closed list of paths; undefined where the server has no
 * filters or gives no objects by id, so that only the whole helps; [''], with nothing more brought, where everything is
 * reached. Faults `source-bounds` (`limits.reachRounds`).
 */
export async function fetchPaths(
  session: GitSession,
  wanted: Wanted,
  needs: SiteNeeds,
  transfer: Transfer,
): Promise<readonly string[] | undefined> {
  if (wanted.protocol === 'v0') return undefined;
  const { shelf } = transfer;
  // What is here of another commit is a part of it, so no difference may be asked for.
  const fresh = { ...wanted, have: undefined };
  let paths = outermost(needs.paths);
  const reaches = needs.paths.length > 0 && paths[0] === '';
  for (let round = 0; round < session.limits.reachRounds; round++) {
    const reach = createReach(wanted, shelf, { paths, limits: session.limits });
    reach.look();
    if (!reach.done()) {
      if (!(await offersOf(session)).filter) return undefined;
      if (reach.top()) await bringWays(session, wanted, paths, shelf);
      const brought = await bringNeeds(session, { wanted: fresh, needs: reach, transfer, filter: false, stalls: 0 });
      if (!brought) return undefined;
    }
    const root = rootOf(wanted.choice, shelf) ?? '';
    const wider = outermost([
      ...paths,
      ...((await needs.more?.(viewOf(root, shelf, extentOf(paths, IGNORE_FILE)))) ?? []),
    ]);
    if (wider.join('\n') === paths.join('\n') || (wider[0] === '' && !reaches)) return wider;
    paths = wider;
  }
  throw new Fault(
    'source-bounds',
    `what the builds need is not known after ${session.limits.reachRounds} rounds (limits.reachRounds)`,
  );
}

/**
 * The folders on the way, as the difference to those of the commit that is here: a list of thousands of sites
 * changes by a line. Folders beside them may come as differences to what was never here; then they are asked for one by
 * one, as without this.
 */
async function bringWays(session: GitSession, wanted: Wanted, paths: readonly string[], shelf: Shelf): Promise<void> {
  const { have } = session.request;
  const parsed = have === undefined ? undefined : parseRevision(have.revision);
  if (parsed === undefined || shelf.blob(parsed.hash) === undefined) return;
  const depth = Math.max(1, ...paths.map((path) => path.split('/').length));
  try {
    await fetchPack(session, { wants: [wanted.choice.want], have: parsed.hash, filter: `tree:${depth}` }, shelf);
  } catch (error) {
    if (!isMissingBase(error) && !isRefusal(error) && !isCut(error, session)) throw error;
  }
}

/** Clean paths, sorted, without those that lie below another. Those that lead out of the repository are in none. */
export function outermost(paths: readonly string[]): readonly string[] {
  const clean = paths.flatMap((path) => {
    const steps = path.split('/').filter((step) => step !== '' && step !== '.');
    return steps.includes('..') ? [] : [steps.join('/')];
  });
  const known = new Set(clean);
  return [...known].sort(byCodeUnit).filter((path) => path === '' || !isBelowOne(path, known));
}

/** The needs of some paths of a commit. */
function createReach(
  { choice }: Wanted,
  shelf: Shelf,
  { paths, limits }: { readonly paths: readonly string[]; readonly limits: Limits },
): Needs {
  const below = createBelow(shelf, limits);
  const left = new Set(paths);
  let ways = new Set<string>();
  let root: string | undefined;
  // Which files a folder leaves out is said by the folders around it, too.
  const rules = new Set<string>();
  const passed = (entries: readonly GitEntry[]): void => {
    for (const entry of entries)
      if (entry.name === IGNORE_FILE && entry.mode !== 'dir' && !rules.has(entry.oid)) {
        rules.add(entry.oid);
        below.add(entry);
      }
  };
  const follow = (from: string): void => {
    ways = new Set();
    passed(shelf.tree(from) ?? []);
    for (const path of left) {
      const end = descend(from, path, shelf, passed);
      if (end !== undefined && 'missing' in end) ways.add(end.missing);
      else left.delete(path);
      if (end !== undefined && 'mode' in end) below.add(end);
    }
  };
  return {
    ...below,
    look() {
      const found = root === undefined ? 1 : 0;
      root ??= rootOf(choice, shelf);
      if (root === undefined) return 0;
      const before = ways;
      follow(root);
      return found + [...before].filter((oid) => !ways.has(oid)).length + below.look();
    },
    top: () => root === undefined,
    ways: (most) => [...ways].slice(0, most),
    misses: (oid) => ways.has(oid) || below.misses(oid),
    done: () => root !== undefined && ways.size === 0 && below.done(),
  };
}

/** What a shelf has of a commit's tree within an extent. */
export function viewOf(root: string, shelf: Shelf, extent: Extent): PartView {
  const part = within(root, shelf, extent);
  return {
    tree: treeOf(part),
    kind(path) {
      const found = part.at(path);
      if (found === undefined || found === 'away') return found ?? 'none';
      if (found.mode === 'dir') return part.entries(path) === 'away' ? 'away' : 'folder';
      if (found.mode !== 'file' && found.mode !== 'exec') return 'none';
      return part.bytes(path) === 'away' ? 'away' : 'file';
    },
    read(path) {
      const bytes = part.bytes(path);
      return bytes === 'away' ? undefined : bytes;
    },
  };
}
