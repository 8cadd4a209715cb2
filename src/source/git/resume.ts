import { Fault } from '../../model/index.ts';
import { createNeeds, type Needs } from './needs.ts';
import { offersOf } from './offers.ts';
import { createPace, type Kind, type Pace } from './pace.ts';
import type { ObjectShelf } from './pack.ts';
import type { GitSession } from './request.ts';
import { isBroken } from './session.ts';
import type { OpenShelf } from './shelf.ts';
import type { Staging } from './staging.ts';
import { fetchPack, type PackWish } from './upload-pack.ts';
import type { Wanted } from './wanted.ts';

/** Where the objects of a transfer go. */
export interface Transfer {
  readonly writer: Staging;
  readonly shelf: OpenShelf;
}

interface Rounds {
  readonly session: GitSession;
  readonly wanted: Wanted;
  readonly transfer: Transfer;
  readonly needs: Needs;
  /** Trees are asked for without their files: the files may be here from another commit. */
  readonly filter: boolean;
  readonly pace: Pace;
  /** Rounds in a row that brought nothing. */
  stalls: number;
  /** A tree is asked for alone: with all below it, it may come too late in the answer to come at all. */
  alone: boolean;
}

/**
 * Goes on with a transfer that was cut: from the commit down, with all below each tree, or, where files of another
 * commit are here, with the trees first; in batches as large as the link lets through. What has come stays, whatever
 * happens then. False when the server does not give objects by id: then only the whole helps. Ends with the Fault of the
 * last cut after `limits.stalledRounds` requests in a row that brought nothing.
 */
export async function resume(session: GitSession, wanted: Wanted, transfer: Transfer): Promise<boolean> {
  const { limits } = session;
  const needs = createNeeds(wanted.choice, transfer.shelf, limits);
  needs.look();
  if (needs.done()) return true;
  const filter = (needs.top() || wanted.have !== undefined) && (await offersOf(session)).filter;
  // A transfer that was cut just now, before anything came, has stalled once.
  const stalls = session.spent().down > 0 && transfer.shelf.taken() === 0 && needs.top() ? 1 : 0;
  return bringNeeds(session, { wanted, needs, transfer, filter, stalls });
}

/** Brings what is needed, in as many requests as it takes. False and Faults as of `resume`. */
export async function bringNeeds(
  session: GitSession,
  what: Omit<Rounds, 'session' | 'pace' | 'alone'>,
): Promise<boolean> {
  const { limits } = session;
  const { needs } = what;
  needs.look();
  const begun = session.spent().down;
  const pace = createPace(begun, limits.batchObjects);
  const rounds: Rounds = { session, ...what, pace, alone: false };
  while (!needs.done()) {
    if (!(await round(rounds))) return false;
    if (session.spent().down - begun > 2 * limits.packBytes) throw tooMuch();
  }
  return true;
}

/** One request; false when the server refuses it for good. Throws when it brought too little too often. */
async function round(rounds: Rounds): Promise<boolean> {
  const { session, transfer, needs, pace } = rounds;
  const { kind, wants, wish } = next(rounds);
  const before = session.spent().down;
  let cut: Fault | undefined;
  try {
    await fetchPack(session, wish, sieve(rounds));
  } catch (error) {
    if (isRefusal(error)) return false;
    if (!isCut(error, session)) throw error;
    cut = error;
  }
  const gained = needs.look();
  await transfer.writer.drain();
  const came = wants.filter((oid) => !needs.misses(oid)).length;
  pace.note(kind, { bytes: session.spent().down - before, came, cut: cut !== undefined });
  if (gained > 0) Object.assign(rounds, { stalls: 0, alone: false });
  else {
    // A link that is gone altogether is tried once more, one that brings a little each time for longer.
    rounds.stalls += cut?.code === 'wire-unreachable' ? session.limits.stalledRounds - 1 : 1;
    needs.later(wants);
    rounds.alone = kind === 'trees' && (await offersOf(session)).filter;
    if (rounds.stalls >= session.limits.stalledRounds) throw cut ?? notSent(wants[0] ?? '');
  }
  return true;
}

interface Next {
  readonly kind: Kind;
  readonly wants: readonly string[];
  readonly wish: PackWish;
}

/** What to ask for: from the top down, so that each answer says what is to be asked next. */
function next({ wanted, needs, filter, pace, alone }: Rounds): Next {
  const only = filter ? ({ filter: 'blob:none' } as const) : {};
  if (needs.top()) {
    const wants = [wanted.choice.want];
    // Servers that limit the depth of filters allow this one.
    const bare = needs.ways === undefined ? only : ({ filter: 'tree:0' } as const);
    return { kind: 'top', wants, wish: { wants, have: wanted.have, ...bare } };
  }
  const ways = needs.ways?.(pace.wants('trees')) ?? [];
  if (ways.length > 0) return { kind: 'trees', wants: ways, wish: { wants: ways, filter: 'tree:0' } };
  const trees = needs.trees(pace.wants('trees'));
  const bare = alone ? ({ filter: 'tree:0' } as const) : only;
  if (trees.length > 0) return { kind: 'trees', wants: trees, wish: { wants: trees, ...bare } };
  const wants = needs.blobs(pace.wants('blobs'));
  return { kind: 'blobs', wants, wish: { wants } };
}

/** The shelf, without files that nobody asked for: only in answers to trees and commits may there be others. */
function sieve({ needs, transfer }: Rounds): ObjectShelf {
  const { shelf } = transfer;
  const open = needs.top() || needs.trees(1).length > 0 || (needs.ways?.(1) ?? []).length > 0;
  return {
    get: (oid) => shelf.get(oid),
    rest: () => shelf.rest(),
    add(type, oid, bytes) {
      if (!open && !(type === 'blob' && needs.misses(oid))) return;
      shelf.add(type, oid, bytes);
    },
  };
}

/** True for the end of a transfer that was going well: what came counts, and asking again helps. */
export function isCut(error: unknown, session: Pick<GitSession, 'left'>): error is Fault {
  return error instanceof Fault && (error.code === 'wire-unreachable' || isBroken(error, session));
}

/** The server does not take what it is asked for, or answers it with something else. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Fault && (error.code === 'source-ref-missing' || error.code === 'wire-protocol');
}

function notSent(oid: string): Fault {
  return new Fault('source-corrupt', `the server answers and does not send what it is asked for, such as ${oid}`);
}

function tooMuch(): Fault {
  return new Fault('source-bounds', `the server sends more than the repository can need (limits.packBytes)`);
}
