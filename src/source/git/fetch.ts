import type { GitRef } from '../../flux/index.ts';
import { Fault, type FetchOutcome, type SourceRevision, withoutLogins } from '../../model/index.ts';
import { partLog } from '../part-log.ts';
import { isMissingObject } from './admit.ts';
import { findGaps } from './gaps.ts';
import { isMissingBase } from './pack.ts';
import type { PackIndex } from './pack-index.ts';
import { type Choice, type CommitPlan, commitMissing, planRef } from './pick.ts';
import { listRefs, protocolOf, type RefList, type RefQuery } from './refs.ts';
import type { GitOptions, GitPorts, GitRequest, GitSession } from './request.ts';
import type { Transfer } from './resume.ts';
import { haveCommit, makeRevision, storedRevision } from './revision.ts';
import { beginSession, isBroken } from './session.ts';
import { createReadShelf, createShelf, type Shelf } from './shelf.ts';
import { openStaging, partName } from './staging.ts';
import { fetchPack } from './upload-pack.ts';
import type { Wanted } from './wanted.ts';
import { emptyWords, inClone, inListing, missingWords } from './words.ts';

/**
 * Looks at a Git repository and brings what is new into the store. One request when nothing changed, none when a
 * commit is named that is here; the difference by a thin pack when there is a revision before; none for the content
 * when only `ignore` or `sparseCheckout` changed. Throws Faults with the codes of FAULTS, "wire and sources". Of a
 * fetch that is cut all whole objects are kept, and the next asks for the rest; of any other that fails, nothing new.
 */
export async function fetchGit(ports: GitPorts, request: GitRequest, options: GitOptions): Promise<FetchOutcome> {
  const session = beginSession(ports, request, options);
  let content: SourceRevision;
  try {
    content = await look(session);
  } catch (error) {
    throw inClone(error, request.url);
  } finally {
    if (session.link.ssh !== undefined) (await import('./ssh.ts')).hangUp(session);
  }
  return outcome(session, content);
}

async function look(session: GitSession): Promise<SourceRevision> {
  const chosen = await choose(session);
  const { choice, protocol, head } = chosen;
  const content = await contentOf(session, chosen);
  if (head !== undefined && protocol === 'v2')
    await (await import('./on-branch.ts')).proveOnBranch(session, choice.want, head);
  return content;
}

async function contentOf(session: GitSession, { choice, protocol, head }: Chosen): Promise<SourceRevision> {
  // Of a part the whole is hardly here, so that is looked for last.
  const part = session.request.have?.part !== undefined ? await partOf(session, choice, protocol) : undefined;
  // What an old server sends is the proof that the branch has it.
  const unproven = head !== undefined && protocol === 'v0';
  const here = part ?? (unproven ? undefined : await fromStore(session, choice));
  if (here !== undefined) return here;
  const fresh = session.request.have?.part === undefined ? await partOf(session, choice, protocol) : undefined;
  if (fresh !== undefined) return fresh;
  const have = haveCommit(session);
  const wanted = { choice, protocol, have };
  try {
    return await bring(session, wanted);
  } catch (error) {
    if (have === undefined || !isIncomplete(error)) throw error;
    session.ports.log.warn('difference not usable, fetching the whole', {
      url: session.url,
      reason: error instanceof Error ? error.message : '',
    });
    const fresh = { ...session, request: withoutHave(session.request) };
    return await bring(fresh, { ...wanted, have: undefined });
  }
}

async function partOf(
  session: GitSession,
  choice: Choice,
  protocol: Wanted['protocol'],
): Promise<SourceRevision | undefined> {
  const { needs } = session.request;
  if (needs === undefined) return undefined;
  return (await import('./partial.ts')).partRevision(session, { choice, protocol }, needs);
}

/** Which commit is meant, and what the server speaks. */
interface Chosen extends Pick<Wanted, 'choice' | 'protocol'> {
  /** Head of the branch whose history must have the commit; undefined where that is known, or not asked for. */
  readonly head?: string;
}

async function choose(session: GitSession): Promise<Chosen> {
  const plan = await planRef(session.request.ref);
  if (plan.kind === 'commit') return chooseCommit(session, plan);
  const { refs, protocol } = await list(session, plan.query);
  const [choice, ...ties] = plan.choose(refs);
  if (choice === undefined) throw await nothingFound(session, plan.missing);
  if (ties.length === 0 || protocol === 'v0') return { choice, protocol };
  return { choice: await (await import('./ties.ts')).newest(session, [choice, ...ties]), protocol };
}

const isBranch = ({ tag, semver, name }: GitRef): boolean => [tag, semver, name].every((one) => (one ?? '') === '');

/** A commit needs no list; one of a branch is held against the branch when it is taken, and then no more. */
async function chooseCommit(session: GitSession, { choice, branch }: CommitPlan): Promise<Chosen> {
  const { have } = session.request;
  if (branch === undefined || (have !== undefined && have.revision === `${branch}@sha1:${choice.want}`))
    return { choice, protocol: 'v2' };
  const name = `refs/heads/${branch}`;
  const { refs, protocol } = await list(session, { prefixes: [name], peel: false, keep: (found) => found === name });
  const [found] = refs;
  if (found === undefined) throw await nothingFound(session, `couldn't find remote ref "${name}"`);
  return found.oid === choice.want ? { choice, protocol } : { choice, protocol, head: found.oid };
}

function list(session: GitSession, query: RefQuery): Promise<RefList> {
  return listRefs(session, query).catch((error: unknown) => {
    throw inListing(error, session.request);
  });
}

/** Tells a ref that is missing from a repository that is empty. */
async function nothingFound(session: GitSession, missing: string): Promise<Fault> {
  const { request } = session;
  const { refs } = await list(session, { prefixes: ['refs/heads/', 'refs/tags/'], peel: false, keep: () => true });
  if (refs.length > 0) return new Fault('source-ref-missing', missingWords(missing, request));
  // As Flux, for which a branch may still come, and a tag of nothing cannot be.
  if (request.have === undefined && isBranch(request.ref))
    return new Fault('source-empty', `git repository is empty: '${withoutLogins(request.url)}'`);
  return new Fault('source-ref-missing', emptyWords(request));
}

async function outcome(session: GitSession, content: SourceRevision): Promise<FetchOutcome> {
  const { have } = session.request;
  const count = session.spent();
  const log = partLog(session.ports, partName(session));
  if (have !== undefined && sameRevision(have, content)) {
    // A pointer names it by now, so what came on the way to it is not needed any more.
    await log.drop();
    return { kind: 'unchanged', revision: content.revision, count };
  }
  await log.end(content.root);
  return { kind: 'fetched', content, count };
}

/** `keep` differs where a tag was made anew at the same commit. */
function sameRevision(a: SourceRevision, b: SourceRevision): boolean {
  const part = (one: SourceRevision): string => JSON.stringify([one.part?.asked, one.part?.paths]);
  const same = a.revision === b.revision && a.root === b.root && part(a) === part(b);
  return same && a.keep.join() === b.keep.join();
}

/** The revision from what is here already; undefined when a part of it is not. */
async function fromStore(session: GitSession, choice: Choice): Promise<SourceRevision | undefined> {
  const { store } = session.ports;
  const known = store.byAlias(choice.want);
  if (known === undefined || !store.has(known)) return undefined;
  try {
    const stored = storedRevision(session, choice, createReadShelf(store));
    if (stored !== undefined) return stored;
    return await withStaging(session, (transfer) => {
      transfer.writer.settle();
      return makeRevision(session, choice, { ...transfer, index: undefined });
    });
  } catch (error) {
    if (isIncomplete(error)) return undefined;
    throw error;
  }
}

function bring(session: GitSession, wanted: Wanted): Promise<SourceRevision> {
  return withStaging(session, async (transfer) => {
    const index = await gather(session, wanted, transfer);
    transfer.writer.settle();
    return makeRevision(session, wanted.choice, { ...transfer, index });
  });
}

/**
 * Brings all that is missing onto the shelf: in one answer, or, from the first cut on, in parts; also when an attempt
 * before was cut and left a part. The index of the pack where it was one.
 */
async function gather(session: GitSession, wanted: Wanted, transfer: Transfer): Promise<PackIndex | undefined> {
  const { shelf } = transfer;
  const v2 = wanted.protocol === 'v2';
  // An old server can only be asked for the whole.
  if (!v2) transfer.writer.settle();
  if (!v2 || !(await hasPart(session))) {
    try {
      return (await mend(session, wanted, shelf)) ?? (await receive(session, wanted, shelf));
    } catch (error) {
      if (!v2 || !isBroken(error, session)) throw error;
      session.ports.log.info('transfer cut, going on with the rest', { url: session.url, objects: shelf.taken() });
    }
  }
  const { resume } = await import('./resume.ts');
  return (await resume(session, wanted, transfer)) ? undefined : receive(session, wanted, shelf);
}

/** Whether something came of a transfer that has not ended. What became the revision before is all in that. */
async function hasPart(session: GitSession): Promise<boolean> {
  const { ports, request } = session;
  const kept = ports.store.parts?.get(partName(session));
  if (kept?.root === undefined || kept.root !== request.have?.root) return kept !== undefined;
  await partLog(ports, partName(session)).drop();
  return false;
}

/** Where the commit is here and a part of it is not, only that part is asked for; undefined where this does not help. */
async function mend(session: GitSession, wanted: Wanted, shelf: Shelf): Promise<PackIndex | undefined> {
  const { choice, protocol, have } = wanted;
  if (protocol === 'v0' || have !== undefined || shelf.blob(choice.want) === undefined) return undefined;
  const wants = findGaps(choice, shelf);
  if (wants === undefined) return undefined;
  try {
    return await fetchPack(session, { wants }, shelf);
  } catch (error) {
    if (error instanceof Fault && (error.code === 'source-ref-missing' || error.code === 'wire-protocol'))
      return undefined;
    throw error;
  }
}

async function receive(session: GitSession, wanted: Wanted, shelf: Shelf): Promise<PackIndex> {
  const { choice, protocol, have } = wanted;
  if (protocol === 'v0') return legacy(session, choice, shelf);
  try {
    return await fetchPack(session, { wants: [choice.want], have }, shelf);
  } catch (error) {
    if (choice.ref !== undefined || !(error instanceof Fault)) throw error;
    if (error.code === 'source-ref-missing') throw commitMissing(choice.want);
    // A commit is asked for without a list of refs, so only now it shows whether the server has protocol v2.
    if (!NOT_V2.has(error.code) || (await protocolOf(session)) === 'v2') throw error;
    return legacy(session, choice, shelf);
  }
}

const NOT_V2: ReadonlySet<string> = new Set(['wire-protocol', 'wire-cut', 'wire-server', 'source-not-found']);

async function legacy(session: GitSession, choice: Choice, shelf: Shelf): Promise<PackIndex> {
  return (await import('./legacy.ts')).fetchLegacy(session, choice, shelf);
}

/** Runs a transfer; of one that is cut, or is not ended by `commit`, nothing stays but what is kept as its part. */
export async function withStaging<T>(session: GitSession, use: (transfer: Transfer) => Promise<T>): Promise<T> {
  const writer = await openStaging(session);
  const shelf = createShelf(writer, session.limits);
  try {
    return await use({ writer, shelf });
  } catch (error) {
    if (isLinkFault(error) || session.signal?.aborted === true) await writer.keep().catch(() => undefined);
    await writer.discard();
    throw error;
  }
}

/** True when the way here failed, not what came on it. */
function isLinkFault(error: unknown): boolean {
  return error instanceof Fault && /^wire-/.test(error.code);
}

/** True when content that should be here is not, or is damaged: the network has it. */
function isIncomplete(error: unknown): boolean {
  if (error instanceof Fault && error.code === 'cache-damaged') return true;
  return isMissingBase(error) || isMissingObject(error);
}

function withoutHave({ have: _have, ...rest }: GitRequest): GitRequest {
  return rest;
}
