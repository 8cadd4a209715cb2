import { FAULTS, Fault, reworded, withoutLogins } from '../../model/index.ts';
import type { GitRequest } from './request.ts';

const CHECKOUT = 'failed to checkout and determine revision: ';
const OF_GIT = FAULTS['source-auth'].reason;
/** Words that say already on which step of Flux's it came to an end. */
const STEP = /^(?:unable to (?:clone|list remote|construct auth method)|failed to sparse checkout) /;

/** The start of what is said of a repository whose refs cannot be had, or whose content. */
const unlisted = (url: string): string => `unable to list remote for '${withoutLogins(url)}': `;
export const uncloned = (url: string): string => `unable to clone '${withoutLogins(url)}': `;

const given = (text: string | undefined): boolean => text !== undefined && text !== '';

/** Whether Flux lists the refs before it clones: for a ref by name always, else where a revision may be unchanged. */
export function listsFirst({ ref, have }: Pick<GitRequest, 'ref' | 'have'>): boolean {
  if (given(ref.commit)) return false;
  if (given(ref.name)) return true;
  return have !== undefined && (given(ref.tag) || !given(ref.semver));
}

/** What a repository without any ref is called. */
export function emptyWords(request: GitRequest): string {
  const { url } = request;
  const what = 'remote repository is empty';
  return listsFirst(request)
    ? unlisted(url) + what
    : `unable to clone: ${what}: git repository: '${withoutLogins(url)}'`;
}

/** What is said of a ref that is missing: of a name, and of a range, Flux finds that out by itself. */
export function missingWords(missing: string, { ref, url }: GitRequest): string {
  const byClone = given(ref.commit) || (!given(ref.name) && (given(ref.tag) || !given(ref.semver)));
  return byClone ? uncloned(url) + missing : missing;
}

/** A failure while the refs are listed, in Flux's words and with the repository. */
export function inListing(error: unknown, request: GitRequest): unknown {
  const { url } = request;
  return withStep(error, listsFirst(request) ? unlisted(url) : uncloned(url));
}

/** Any failure on the way to a revision, in Flux's words and with the repository. */
export function inClone(error: unknown, url: string): unknown {
  return withStep(error, uncloned(url));
}

/** The same as it stands in a condition, with the words of the controller in front. */
export function inCheckout(error: unknown, url: string): unknown {
  const told = inClone(error, url);
  if (!isOfGit(told) || told.message.startsWith('failed to ')) return told;
  return reworded(told, { message: CHECKOUT + told.message });
}

/** A ref that is missing says all by itself. */
function withStep(error: unknown, lead: string): unknown {
  if (!isOfGit(error) || error.code === 'source-ref-missing' || STEP.test(error.message)) return error;
  return reworded(error, { message: lead + error.message });
}

const isOfGit = (error: unknown): error is Fault => error instanceof Fault && error.reason === OF_GIT;
