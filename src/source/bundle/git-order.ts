import type { GitRef } from '../../flux/index.ts';
import { Fault, parseRevision, type SourceRevision } from '../../model/index.ts';
import { parseCommit } from '../git/objects.ts';
import type { Choice } from '../git/pick.ts';
import type { Shelf } from '../git/shelf.ts';

/** Commits that are looked at to find out which of two comes after the other. */
const WALK = 100_000;

/** What decides whether a commit may take the place of another. */
export interface OrderFacts {
  readonly ref: GitRef;
  /** What is here now, also where the disk has lost something of it. */
  readonly have: SourceRevision | undefined;
  /** What was here before it. */
  readonly previous: readonly SourceRevision[];
}

/**
 * Throws Fault `bundle-older` unless a brought commit may take the place of the one that is here. Git's own answer, the
 * history, goes first, as far as it was brought; then versions, for a `semver`; then the committers' clocks. A commit
 * that the object names by its id is meant, and so is another branch or tag than the one that is here.
 */
export async function checkOrder(facts: OrderFacts, choice: Choice, commit: string, shelf: Shelf): Promise<void> {
  const { ref, have, previous } = facts;
  const here = have === undefined ? undefined : parseRevision(have.revision);
  if (here === undefined || here.algorithm !== 'sha1' || here.hash === commit) return;
  if (ref.commit !== undefined && ref.commit !== '') return;
  const bySemver = ref.semver !== undefined && ref.semver !== '' && (ref.name ?? '') === '' && (ref.tag ?? '') === '';
  if (here.name !== choice.label) {
    if (bySemver) await checkVersions(here.name, choice.label);
    return;
  }
  const [mine, theirs] = [here.hash, commit];
  if (leadsTo(shelf, theirs, mine)) return;
  if (leadsTo(shelf, mine, theirs)) throw older(theirs, `it is an ancestor of ${mine}, which is here`);
  if (previous.some(({ revision }) => parseRevision(revision)?.hash === theirs))
    throw older(theirs, `it was here before ${mine}, which took its place`);
  const [ours, its] = [timeOf(shelf, mine) ?? notedTime(have), timeOf(shelf, theirs)];
  if (ours !== undefined && its !== undefined && its < ours)
    throw older(theirs, `it is of ${dateOf(its)}, and ${mine}, which is here, of ${dateOf(ours)}`);
}

async function checkVersions(here: string, brought: string): Promise<void> {
  const { isLowerVersion } = await import('../semver/index.ts');
  if (isLowerVersion(brought, here)) throw older(brought, `version ${here} is here, which is higher`);
}

function older(what: string, why: string): Fault {
  return new Fault('bundle-older', `${what} is older than what is here: ${why}`);
}

/** Whether the history of a commit, as far as it is here, has another one. */
function leadsTo(shelf: Shelf, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const oid of seen) {
    if (seen.size > WALK) return false;
    for (const parent of parentsOf(shelf, oid)) {
      if (parent === to) return true;
      seen.add(parent);
    }
  }
  return false;
}

function parentsOf(shelf: Shelf, oid: string): readonly string[] {
  const text = Buffer.from(bytesHere(shelf, oid) ?? []).toString('latin1');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  return [...head.matchAll(/^parent ([0-9a-f]{40})$/gm)].map((m) => m[1] ?? '');
}

function timeOf(shelf: Shelf, oid: string): number | undefined {
  const bytes = bytesHere(shelf, oid);
  return bytes === undefined ? undefined : parseCommit(bytes, oid).time;
}

/** An object, as far as it can be read: where the disk is damaged the history ends. */
function bytesHere(shelf: Shelf, oid: string): Uint8Array | undefined {
  try {
    return shelf.bytes(oid);
  } catch (error) {
    if (error instanceof Fault && error.code === 'cache-damaged') return undefined;
    throw error;
  }
}

/** The committer's time in seconds, as it was noted when the revision came. */
function notedTime(revision: SourceRevision | undefined): number | undefined {
  const time = Date.parse(revision?.metadata['time'] ?? '');
  return Number.isNaN(time) ? undefined : time / 1000;
}

const dateOf = (seconds: number): string =>
  Math.abs(seconds) < 8.64e12 ? new Date(seconds * 1000).toISOString().replace('.000', '') : `second ${seconds}`;
