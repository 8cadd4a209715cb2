import {
  Fault,
  type FetchOutcome,
  ownRevision,
  type RevisionPart,
  type SourceRevision,
  type Verification,
  type WireCount,
} from '../../model/index.ts';
import { cleanSparse } from './admit.ts';
import { compose, rulesOf } from './compose.ts';
import { fetchGit } from './fetch.ts';
import type { GitOptions, GitPorts, GitRequest } from './request.ts';
import { fetchSubmodules } from './submodules.ts';
import { inCheckout, listsFirst } from './words.ts';

/** All that a GitRepository asks for beyond one repository at one revision. */
export interface SourceRequest extends GitRequest {
  readonly recurseSubmodules: boolean;
  /** What other sources have now that is to be put in, in order. */
  readonly includes: readonly RevisionPart[];
  /** Checks the signatures of what was fetched; throws the Fault of one that does not hold. Absent: none are asked for. */
  readonly verify?: (own: SourceRevision) => Promise<Verification>;
}

/**
 * Brings a GitRepository: its own content, signatures checked before anything of it is followed, its submodules, and
 * what it includes. Of a revision that is as it was, nothing is fetched or written again. Faults as of `fetchGit`, and
 * `include-failed`.
 */
export async function fetchSource(ports: GitPorts, request: SourceRequest, options: GitOptions): Promise<FetchOutcome> {
  const { have } = request;
  const start = ports.clock.monotonic();
  const left = (): number => Math.max(1, request.timeoutMs - (ports.clock.monotonic() - start));
  let spent = { requests: 0, up: 0, down: 0 };
  const counted: GitOptions = {
    ...options,
    onExchange: (count) => {
      spent = { requests: spent.requests + count.requests, up: spent.up + count.up, down: spent.down + count.down };
      options.onExchange?.(count);
    },
  };
  const mine = have === undefined ? undefined : ownRevision(have);
  try {
    const outcome = await fetchGit(
      ports,
      { ...neededOf(request), ...(mine === undefined ? {} : { have: mine }) },
      counted,
    );
    const own = outcome.kind === 'fetched' ? outcome.content : mine;
    if (own === undefined) throw new Fault('internal', 'unchanged without a revision before');
    return await completeSource(ports, request, counted, { own, left, spent: () => spent });
  } catch (error) {
    throw inCheckout(error, request.url);
  }
}

/** A source's own content, however it came here. */
interface OwnContent {
  readonly own: SourceRevision;
  /** Milliseconds left of the attempt. */
  readonly left: () => number;
  readonly spent: () => WireCount;
}

/** Checks the signatures of a source's own content, and puts in its submodules and what it includes. */
export async function completeSource(
  ports: GitPorts,
  request: SourceRequest,
  options: GitOptions,
  { own, left, spent }: OwnContent,
): Promise<FetchOutcome> {
  const { have } = request;
  const verified = await request.verify?.(own);
  const sparse = cleanSparse(request.sparseCheckout);
  const modules = request.recurseSubmodules
    ? await fetchSubmodules(ports, request, options, { own, sparse, left })
    : [];
  const parts = [...modules, ...request.includes];
  const whole =
    composedAs(have, own, parts, request) ??
    (await compose(ports.store, own, parts, { request, limits: options.limits }));
  const proven = verified ?? provenBefore(whole, request);
  const content = proven === undefined ? whole : { ...whole, verified: proven };
  if (have !== undefined && sameContent(have, content))
    return { kind: 'unchanged', revision: content.revision, count: spent() };
  return { kind: 'fetched', content, count: spent() };
}

/**
 * What was proven while somebody asked for it goes on as long as Flux finds nothing new by a list of refs alone, and so
 * does not come to see that nobody asks any more.
 */
function provenBefore(whole: SourceRevision, request: SourceRequest): Verification | undefined {
  const { have, verify } = request;
  if (verify !== undefined || have?.verified === undefined || !listsFirst(request)) return undefined;
  return sameContent(have, { ...whole, verified: have.verified }) ? have.verified : undefined;
}

/** What is put together needs the whole. */
function neededOf({ needs, ...rest }: SourceRequest): SourceRequest {
  const whole = rest.recurseSubmodules || rest.includes.length > 0 || rest.sparseCheckout.length > 0;
  return needs === undefined || whole ? rest : { ...rest, needs };
}

/**
 * The revision that is here with what its includes have now, without a network; undefined when nothing moved, or when
 * it was made under other rules, which only a fetch can change.
 */
export async function recompose(
  ports: Pick<GitPorts, 'store'>,
  request: Pick<SourceRequest, 'ignore' | 'sparseCheckout' | 'includes'>,
  options: Pick<GitOptions, 'limits'> & { readonly have: SourceRevision },
): Promise<SourceRevision | undefined> {
  const { have, limits } = options;
  const { composed } = have;
  if (composed === undefined || composed.rules !== rulesOf(request)) return undefined;
  const modules = composed.parts.filter(({ kind }) => kind === 'module');
  const parts = [...modules, ...request.includes];
  if (sameParts(composed.parts, parts)) return undefined;
  const next = await compose(ports.store, ownRevision(have), parts, { request, limits });
  return have.verified === undefined ? next : { ...next, verified: have.verified };
}

/** The revision before, where the same parts were put into the same content under the same rules. */
function composedAs(
  have: SourceRevision | undefined,
  own: SourceRevision,
  parts: readonly RevisionPart[],
  request: SourceRequest,
): SourceRevision | undefined {
  const composed = have?.composed;
  if (have === undefined || composed === undefined || composed.own !== own.root) return undefined;
  if (composed.rules !== rulesOf(request) || !sameParts(composed.parts, parts)) return undefined;
  return { ...own, root: have.root, composed };
}

function sameParts(a: readonly RevisionPart[], b: readonly RevisionPart[]): boolean {
  return JSON.stringify(a.map(partKey)) === JSON.stringify(b.map(partKey));
}

const partKey = (part: RevisionPart): unknown => [
  part.kind,
  part.source,
  part.fromPath,
  part.toPath,
  part.revision,
  part.root,
  part.keep,
];

function sameContent(a: SourceRevision, b: SourceRevision): boolean {
  const key = (one: SourceRevision): unknown => [
    one.revision,
    one.root,
    one.keep,
    one.composed === undefined ? [] : [one.composed.own, one.composed.rules, one.composed.parts.map(partKey)],
    one.verified?.key ?? '',
    [one.part?.asked, one.part?.paths],
  ];
  return JSON.stringify(key(a)) === JSON.stringify(key(b));
}
