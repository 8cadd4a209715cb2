import { Fault, type FetchOutcome, ownRevision, printable, type SourceRevision } from '../../model/index.ts';
import type { Clock, ContentStore, Log, Wire } from '../../ports/index.ts';
import { isMissingObject } from '../git/admit.ts';
import { parseCommit } from '../git/objects.ts';
import { isMissingBase, readPack } from '../git/pack.ts';
import { type Choice, planRef } from '../git/pick.ts';
import type { GitOptions, GitSession } from '../git/request.ts';
import { makeRevision, objectChain, storedRevision } from '../git/revision.ts';
import { beginSession } from '../git/session.ts';
import { createReadShelf, createShelf, type Shelf } from '../git/shelf.ts';
import { completeSource, type SourceRequest } from '../git/source.ts';
import { unstaged } from '../git/staging.ts';
import { type GitHead, readGitHead } from './git-head.ts';
import { checkOrder } from './git-order.ts';
import { bytesOf, type Readable, type Span } from './span.ts';

export interface TakePorts {
  readonly store: ContentStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** A Git bundle in a file, and what is known of the source it is for. */
export interface BroughtGit {
  readonly file: Readable;
  readonly span: Span;
  /**
   * The revision that the source has, which an older one does not replace; `have` of the request is what may be built
   * upon, and absent while the disk is damaged.
   */
  readonly known: SourceRevision | undefined;
  /** Revisions that the source had before the one it has. */
  readonly previous: readonly SourceRevision[];
}

/**
 * Takes a GitRepository's content from a Git bundle instead of from its server: the same `spec.ref`, objects checked by
 * their ids, signatures, ignore rules and bounds as of a fetch, and durable on return like one. Faults: those of a fetch;
 * `bundle-unreadable` when it has no ref that `spec.ref` asks for, `bundle-base-missing`, `bundle-older`, `bundle-damaged`.
 */
export async function takeGit(
  ports: TakePorts,
  request: SourceRequest,
  options: GitOptions,
  brought: BroughtGit,
): Promise<FetchOutcome> {
  const { have } = request;
  const mine = have === undefined ? undefined : ownRevision(have);
  const offline = { ...ports, wire: NO_WIRE };
  const session = beginSession(offline, { ...request, ...(mine === undefined ? {} : { have: mine }) }, options);
  const head = await readGitHead(brought.file, brought.span.start, options.limits.advertisedRefs);
  const choices = await choose(session, head);
  const own = (await fromHere(session, choices, brought)) ?? (await fromPack(session, choices, head, brought));
  return completeSource(offline, request, options, { own, left: session.left, spent: session.spent });
}

const NO_WIRE: Wire = {
  send: () =>
    Promise.reject(new Fault('wire-unreachable', 'it is not in the bundle, and a bundle is read without a network')),
};

/** What `spec.ref` means among the refs of the bundle; several where versions tie. */
async function choose(session: GitSession, head: GitHead): Promise<readonly [Choice, ...Choice[]]> {
  const plan = await planRef(session.request.ref);
  if (plan.kind === 'commit') return [plan.choice];
  const refs = head.refs.filter(({ name }) => plan.query.keep(name)).map((ref) => ({ ...ref, peeled: undefined }));
  const [first, ...ties] = plan.choose(refs);
  if (first !== undefined) return [first, ...ties];
  const names = head.refs.slice(0, 5).map(({ name }) => printable(name, 80));
  throw new Fault(
    'bundle-unreadable',
    `the Git bundle has nothing that spec.ref asks for: ${plan.missing}; it has ${names.join(', ')}${head.refs.length > 5 ? ', ...' : ''}`,
  );
}

/** The revision where all of it is here already, as after a crash between storing and moving the file aside. */
async function fromHere(
  session: GitSession,
  [choice, ...ties]: readonly [Choice, ...Choice[]],
  { known, previous }: BroughtGit,
): Promise<SourceRevision | undefined> {
  if (ties.length > 0) return undefined;
  const shelf = createReadShelf(session.ports.store);
  try {
    const stored = storedRevision(session, choice, shelf);
    const { ref } = session.request;
    if (stored !== undefined)
      await checkOrder({ ref, have: known, previous }, choice, stored.metadata['commit'] ?? '', shelf);
    return stored;
  } catch (error) {
    if (isMissingObject(error) || (error instanceof Fault && error.code === 'cache-damaged')) return undefined;
    throw error;
  }
}

async function fromPack(
  session: GitSession,
  choices: readonly [Choice, ...Choice[]],
  head: GitHead,
  { file, span, known, previous }: BroughtGit,
): Promise<SourceRevision> {
  const { store } = session.ports;
  checkNeeds(head, createReadShelf(store));
  const writer = await store.writer();
  try {
    const shelf = createShelf(unstaged(writer), session.limits);
    const pack = { start: span.start + head.size, size: span.size - head.size };
    const index = await readPack(bytesOf(file, pack, session.signal), shelf, session.limits);
    const choice = newest(choices, shelf);
    const { ref } = session.request;
    const [commit = choice.want] = objectChain(choice, shelf);
    await checkOrder({ ref, have: known, previous }, choice, commit, shelf);
    return await makeRevision(session, choice, { writer, shelf, index });
  } catch (error) {
    await writer.discard();
    throw told(error, head);
  }
}

/** Says it before anything is read: what the bundle leans on must be here, tree and all. */
function checkNeeds({ needs }: GitHead, shelf: Shelf): void {
  const missing = needs.filter((oid) => !isHere(oid, shelf));
  if (missing.length > 0) throw baseMissing(missing);
}

function isHere(oid: string, shelf: Shelf): boolean {
  try {
    const found = shelf.get(oid);
    return found?.type === 'commit' && shelf.tree(parseCommit(found.bytes, oid).tree) !== undefined;
  } catch (error) {
    if (error instanceof Fault && error.code === 'cache-damaged') return false;
    throw error;
  }
}

function baseMissing(commits: readonly string[]): Fault {
  return new Fault(
    'bundle-base-missing',
    `the bundle is a difference to commit ${commits.slice(0, 3).join(', ')}, which is not on this disk`,
  );
}

/** A difference that does not close on what is here is told apart from one that is broken. */
function told(error: unknown, { needs }: GitHead): unknown {
  if (!(error instanceof Fault)) return error;
  if (needs.length > 0 && (isMissingBase(error) || isMissingObject(error)))
    return new Fault(
      'bundle-base-missing',
      `the bundle is a difference to commit ${needs.join(', ').slice(0, 200)} and leaves out what only the history before it has: bring a whole bundle (${error.message})`,
      { cause: error },
    );
  if (error.code === 'wire-cut' || error.code === 'source-corrupt')
    return new Fault('bundle-damaged', error.message, { cause: error });
  return error;
}

/** Of versions that tie, the one whose commit is the newest, as from a server. */
function newest([first, ...ties]: readonly [Choice, ...Choice[]], shelf: Shelf): Choice {
  const timeOf = (choice: Choice): number => {
    const [commit = choice.want] = objectChain(choice, shelf);
    return parseCommit(shelf.bytes(commit) ?? new Uint8Array(), commit).time;
  };
  return ties.reduce((best, next) => (timeOf(next) > timeOf(best) ? next : best), first);
}
