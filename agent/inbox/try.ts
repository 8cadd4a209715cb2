import { asFault, Fault, holds, refText, type SourceKey } from '../../src/model/index.ts';
import type { MediumFile } from '../../src/ports/index.ts';
import {
  type Bundle,
  type BundlePart,
  claimed,
  type Listed,
  mayChoose,
  notFor,
  type OciClaim,
  openBundle,
  plainPart,
  proveBundle,
  repositoryOf,
} from '../../src/source/bundle/index.ts';
import type { InboxPorts } from './settings.ts';
import type { Tried, Verdict } from './verdict.ts';

/**
 * Looks into a file that stands still, and offers what it has to its sources, one after another. Everything that is for
 * this agent is proven before the first is offered. Never throws; what the signal ends is held.
 */
export async function tryFile(of: Tried, ports: InboxPorts, signal: AbortSignal): Promise<Verdict> {
  let parts: readonly BundlePart[] = [];
  try {
    const bundle = await openBundle(of.file, of.name, ports.limits);
    const layouts = ociParts(bundle, of, ports);
    parts = [...bundle.parts, ...layouts];
    checkSelector(parts, bundle, ports);
    // Sticks are slow: what stood still since it was proven is not read through again for each try.
    if (!of.proven) await proveBundle(bundle, chosenBy(layouts, ports), signal);
  } catch (error) {
    return verdictOf([], parts, asFault(error));
  }
  const taken: Verdict['sources'][number][] = [];
  const faults: Fault[] = [];
  for (const part of parts) {
    try {
      signal.throwIfAborted();
      const source = part.source === '' ? onlySource(ports) : part.source;
      taken.push({ source, revision: await offer(source, part, of, ports) });
    } catch (error) {
      faults.push(asFault(error));
    }
  }
  // As long as anything of it may yet be taken the file stays.
  const worst = faults.find(holds) ?? faults[0];
  return { ...verdictOf(taken, parts, worst), proven: true };
}

/** Offers a part, unless it is known what comes of it: what a source took may be older than what it has by now. */
async function offer(
  source: SourceKey,
  part: BundlePart,
  { path, reads, settled, mustProve }: Tried,
  ports: InboxPorts,
): Promise<string> {
  const key = `${source} ${part.span.start}`;
  const known = settled.get(key);
  if (known instanceof Fault) throw known;
  if (known !== undefined && hasRevision(source, ports)) return known;
  try {
    const { form, span, listing } = part;
    const lies = { ...(listing === undefined ? {} : { listing }), ...(reads === undefined ? {} : { reads }) };
    const brought = { path, form, span, mustProve, ...lies };
    const { revision } = await ports.loop.offer(source, brought);
    settled.set(key, revision);
    return revision;
  } catch (error) {
    const fault = asFault(error);
    if (!holds(fault)) settled.set(key, fault);
    throw fault;
  }
}

/** Whether a source has anything: its object may have been deleted since it took something. */
export function hasRevision(source: SourceKey, { loop }: Pick<InboxPorts, 'loop'>): boolean {
  return loop.status().sources.some((one) => refText(one) === source && one.revision !== '');
}

function checkSelector(parts: readonly BundlePart[], { others }: Bundle, { cluster }: InboxPorts): void {
  // What is declared may come later: by a file, or from an API server that is away.
  if (parts.length === 0)
    throw new Fault(
      others.length === 0 ? 'bundle-unreadable' : 'bundle-unclaimed',
      `nothing in it is for a source that is declared here: it has ${others.length} manifests, none with our annotation or of a repository of an OCIRepository`,
    );
  for (const part of parts) {
    const why = notFor(part.selector, cluster);
    if (why !== undefined) throw new Fault('bundle-elsewhere', why);
  }
}

/**
 * An OCI layout of another tool is for the OCIRepositories whose repository it names; for that of the file's name; and,
 * where it names tags alone, for the only one there is. Images that ride along in a bundle of ours are for none of the last.
 */
function ociParts(
  { layout, others, parts }: Bundle,
  { name, file }: { readonly name: string; readonly file: MediumFile },
  { loop }: InboxPorts,
): readonly BundlePart[] {
  if (layout === undefined || others.length === 0) return [];
  const sources = claimsOf(loop);
  const span = { start: 0, size: file.size };
  const whole = plainPart('oci', file.members === undefined ? name : `${name}.tar`, span);
  const named = claimed(others, sources);
  const only =
    parts.length === 0 && sources.length === 1 && loop.knowsAll('OCIRepository') ? sources.map(({ key }) => key) : [];
  const keys = whole.source.startsWith('OCIRepository/') ? [whole.source] : named.length > 0 ? named : only;
  return keys.map((source) => ({ ...whole, source }));
}

const claimsOf = (loop: InboxPorts['loop']): readonly OciClaim[] =>
  loop
    .status()
    .sources.filter(({ kind }) => kind === 'OCIRepository')
    .map((one) => ({ key: refText(one), url: one.url }));

/** Which manifests of a layout are for these parts; images that ride along are not read. */
function chosenBy(layouts: readonly BundlePart[], { loop }: InboxPorts): (other: Listed) => boolean {
  const keys = new Set(layouts.map(({ source }) => source));
  const repositories = claimsOf(loop).flatMap(({ key, url }) => (keys.has(key) ? [repositoryOf(url)] : []));
  return (other) => keys.size > 0 && mayChoose(other, repositories);
}

/** A file that does not say for whom it is can only be for one. */
function onlySource({ loop }: InboxPorts): string {
  // The one that is meant may be among those that are still to come.
  if (!loop.knowsAll('GitRepository'))
    throw new Fault(
      'bundle-unclaimed',
      'the file does not say which source it is for, and not all declared objects are read yet',
    );
  const found = loop.status().sources.filter((one) => one.kind === 'GitRepository');
  const [one, another] = found;
  if (one !== undefined && another === undefined) return refText(one);
  throw new Fault(
    'bundle-unclaimed',
    `the file does not say which source it is for, and there are ${found.length}: name it as GitRepository_NAMESPACE_NAME.bundle`,
  );
}

function verdictOf(taken: Verdict['sources'], parts: readonly BundlePart[], fault: Fault | undefined): Verdict {
  const known = parts.flatMap(({ source, revision }) => (source === '' ? [] : [{ source, revision }]));
  if (fault === undefined)
    return {
      state: 'taken',
      code: '',
      message: taken.map((one) => `${one.source}: ${one.revision}`).join('; '),
      sources: taken,
    };
  const beside = taken.length === 0 ? '' : ` (taken of it: ${taken.map((one) => one.source).join(', ')})`;
  return {
    state: holds(fault) ? 'held' : 'refused',
    code: fault.code,
    message: `${fault.message}${beside}`,
    sources: known,
    retryAfterMs: fault.retryAfterMs,
  };
}
