import { type Digest, Fault, type FetchedPart, parseRevision, type SourceRevision } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { createPartRules, createRules, IGNORE_FILE, specId } from '../ignore/index.ts';
import { isWhole } from '../stored-tree.ts';
import { admitTree, cleanSparse, missingObject } from './admit.ts';
import { EVERYTHING, extentOf } from './extent.ts';
import { type CommitFacts, parseCommit, parseTag } from './objects.ts';
import type { PackIndex } from './pack-index.ts';
import type { Choice } from './pick.ts';
import type { GitSession } from './request.ts';
import { folderAlias, type Shelf } from './shelf.ts';
import { decodeSurvey, encodeSurvey, ignoreFiles, type SurveyedRoot, surveyTree } from './survey.ts';

/** Alias of the survey of a tree. */
const surveyAlias = (tree: string): string => `${tree}#survey`;

/** Where the objects of a revision are: on the shelf, and in the pack just read, if any. */
export interface Gathered {
  readonly writer: ContentWriter;
  readonly shelf: Shelf;
  readonly index: PackIndex | undefined;
}

/**
 * Makes the revision of a choice out of objects that are here, and commits the writer. `keep` holds the commit object,
 * then the tag objects in front of it (inner first), then the survey. Fault `source-corrupt` by `missingObject` when
 * an object is not here. Of a part there is no survey.
 */
export async function makeRevision(
  session: GitSession,
  choice: Choice,
  gathered: Gathered,
  part?: FetchedPart,
): Promise<SourceRevision> {
  const { writer, shelf, index } = gathered;
  const { limits, request } = session;
  const chain = objectChain(choice, shelf);
  const commit = chain[0] ?? choice.want;
  const facts = parseCommit(shelf.bytes(commit) ?? new Uint8Array(), commit);
  const sparse = cleanSparse(request.sparseCheckout);
  const extent = part === undefined ? EVERYTHING : extentOf(part.paths, IGNORE_FILE);
  const before = part === undefined ? surveyedBefore(session, shelf) : undefined;
  const survey = surveyTree(facts.tree, { shelf, limits, reader: writer, extent }, before, missingObject);
  const ignores = ignoreFiles(survey, shelf, { sparse, spec: request.ignore, limits });
  const root = await admitTree(facts.tree, {
    writer,
    shelf,
    sparse,
    limits,
    rules: extent.whole ? createRules(ignores, request.ignore, sparse) : createPartRules(ignores, request.ignore),
    sizeOf: (oid) => {
      const slot = index?.find(oid);
      return slot === undefined ? undefined : index?.facts(slot)?.size;
    },
    before: before?.root,
    extent,
  });
  const kept = chain.flatMap((oid) => shelf.blob(oid) ?? []);
  const keep = extent.whole ? [...kept, writer.put(encodeSurvey(survey), surveyAlias(facts.tree))] : kept;
  await writer.commit();
  const made = revisionOf(choice, commit, { root, keep, facts });
  return part === undefined ? made : { ...made, part };
}

/**
 * The revision from the store alone, read only; undefined when it was not made before under the same rules. The
 * revision before is taken to be whole, any other is looked through; without one, every byte is read.
 */
export function storedRevision(session: GitSession, choice: Choice, shelf: Shelf): SourceRevision | undefined {
  const { store } = session.ports;
  const { request } = session;
  if (shelf.blob(choice.want) === undefined) return undefined;
  const chain = objectChain(choice, shelf);
  const commit = chain[0] ?? choice.want;
  const facts = parseCommit(shelf.bytes(commit) ?? new Uint8Array(), commit);
  const rules = specId(request.ignore, cleanSparse(request.sparseCheckout));
  const root = store.byAlias(folderAlias(facts.tree, rules));
  const survey = store.byAlias(surveyAlias(facts.tree));
  if (root === undefined || survey === undefined || !store.has(survey)) return undefined;
  const read = request.have === undefined;
  if (root === request.have?.root ? !store.has(root) : !isWhole(store, root, { read })) return undefined;
  const keep = [...chain.flatMap((oid) => shelf.blob(oid) ?? []), survey];
  return revisionOf(choice, commit, { root, keep, facts });
}

function revisionOf(
  choice: Choice,
  commit: string,
  made: { readonly root: Digest; readonly keep: readonly Digest[]; readonly facts: CommitFacts },
): SourceRevision {
  const { root, keep, facts } = made;
  return {
    revision: `${choice.label === '' ? '' : `${choice.label}@`}sha1:${commit}`,
    root,
    metadata: {
      commit,
      subject: facts.subject,
      author: facts.author,
      time: timeText(facts.time),
      ...(choice.ref === undefined ? {} : { ref: choice.ref }),
    },
    keep,
  };
}

/** Seconds since 1970 as RFC 3339; '' outside the years that has. */
function timeText(seconds: number): string {
  return seconds >= 0 && seconds < 253_402_300_800 ? new Date(seconds * 1000).toISOString().replace('.000', '') : '';
}

/** The objects from the commit back to the wanted one: the commit first, then tags. */
export function objectChain(choice: Choice, shelf: Shelf): readonly string[] {
  const chain: string[] = [];
  let oid = choice.want;
  for (let i = 0; i < 8; i++) {
    const found = shelf.get(oid);
    if (found === undefined) throw missingObject('', oid);
    chain.unshift(oid);
    if (found.type === 'commit') return chain;
    if (found.type !== 'tag') break;
    oid = parseTag(found.bytes, oid).object;
  }
  throw new Fault('source-refused', `'${choice.ref ?? choice.want}' does not lead to a commit`);
}

/** The commit of the revision before, when it is whole on this disk: what shares with a part may be away. */
export function haveCommit(session: GitSession): string | undefined {
  const { have } = session.request;
  const parsed = have === undefined ? undefined : parseRevision(have.revision);
  if (have === undefined || have.part !== undefined || parsed?.algorithm !== 'sha1') return undefined;
  return session.ports.store.has(have.root) ? parsed.hash : undefined;
}

function surveyedBefore(session: GitSession, shelf: Shelf): SurveyedRoot | undefined {
  const commit = haveCommit(session);
  const bytes = commit === undefined ? undefined : shelf.bytes(commit);
  if (commit === undefined || bytes === undefined) return undefined;
  const kept = shelf.bytes(surveyAlias(parseCommit(bytes, commit).tree));
  const survey = kept === undefined ? undefined : decodeSurvey(kept);
  const root = session.request.have?.root;
  return survey === undefined || root === undefined ? undefined : { root, survey };
}
