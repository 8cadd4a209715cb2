import { asFault, Fault, type FaultCode } from '../../src/model/index.ts';
import type { MediumFile } from '../../src/ports/index.ts';
import {
  type Bundle,
  type BundlePart,
  claimed,
  notFor,
  openBundle,
  plainPart,
  proveBundle,
} from '../../src/source/bundle/index.ts';
import type { InboxPorts } from './settings.ts';

/** What came of looking into a file. */
export interface Verdict {
  readonly state: 'taken' | 'held' | 'refused';
  readonly code: FaultCode | '';
  readonly message: string;
  readonly sources: readonly { readonly source: string; readonly revision: string }[];
  /** The digests of the file were compared. */
  readonly proven?: boolean;
}

/** Faults that may pass by themselves, or when somebody does something; all others are for good. */
const HOLDS: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'bundle-damaged',
  'bundle-base-missing',
  'bundle-unclaimed',
  'cache-damaged',
  'cache-full',
  'cache-io',
  'include-unavailable',
  'include-failed',
  'secret-missing',
  'secret-invalid',
  'signature-keys',
  'wire-unreachable',
  'unsupported',
  'internal',
]);

/**
 * Looks into a file that stands still, and offers what it has to its sources, one after another. Everything that is for
 * this agent is proven before the first is offered. Never throws; what the signal ends is held.
 */
export async function tryFile(
  of: { readonly path: string; readonly name: string; readonly file: MediumFile; readonly proven: boolean },
  ports: InboxPorts,
  signal: AbortSignal,
): Promise<Verdict> {
  let parts: readonly BundlePart[] = [];
  try {
    const bundle = await openBundle(of.file, of.name, ports.limits);
    parts = [...bundle.parts, ...ociParts(bundle, of, ports)];
    checkSelector(parts, bundle, ports);
    // Sticks are slow: what stood still since it was proven is not read through again for each try.
    if (!of.proven) await proveBundle(bundle, false, signal);
  } catch (error) {
    return verdictOf([], parts, asFault(error));
  }
  const taken: Verdict['sources'][number][] = [];
  const faults: Fault[] = [];
  for (const part of parts) {
    try {
      signal.throwIfAborted();
      const source = part.source === '' ? onlySource(ports) : part.source;
      const { revision } = await ports.loop.offer(source, { path: of.path, form: part.form, span: part.span });
      taken.push({ source, revision });
    } catch (error) {
      faults.push(asFault(error));
    }
  }
  const worst = faults.find((fault) => !HOLDS.has(fault.code)) ?? faults[0];
  return { ...verdictOf(taken, parts, worst), proven: true };
}

function checkSelector(parts: readonly BundlePart[], { others }: Bundle, { cluster }: InboxPorts): void {
  if (parts.length === 0)
    throw new Fault(
      'bundle-unreadable',
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
  const sources = loop
    .status()
    .sources.filter(({ kind }) => kind === 'OCIRepository')
    .map((one) => ({ key: `${one.kind}/${one.namespace}/${one.name}`, url: one.url }));
  const span = { start: 0, size: file.size };
  const whole = plainPart('oci', name, span);
  const named = claimed(others, sources);
  const only = parts.length === 0 && sources.length === 1 ? sources.map(({ key }) => key) : [];
  const keys = whole.source.startsWith('OCIRepository/') ? [whole.source] : named.length > 0 ? named : only;
  return keys.map((source) => ({ ...whole, source }));
}

/** A file that does not say for whom it is can only be for one. */
function onlySource({ loop }: InboxPorts): string {
  const found = loop.status().sources.filter((one) => one.kind === 'GitRepository');
  const [one, another] = found;
  if (one !== undefined && another === undefined) return `${one.kind}/${one.namespace}/${one.name}`;
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
    state: HOLDS.has(fault.code) ? 'held' : 'refused',
    code: fault.code,
    message: `${fault.message}${beside}`,
    sources: known,
  };
}
