import { Fault, type FetchOutcome, type SourceRevision } from '../../model/index.ts';
import type { Clock, ContentStore, Log, Partials } from '../../ports/index.ts';
import { type ExternalRequest, fetchExternal } from '../external/index.ts';
import type { TakeOptions } from './bucket-take.ts';
import { digestOf, type Readable, type Span } from './span.ts';
import { spanWire } from './span-wire.ts';

export interface TakeExternalPorts {
  readonly store: ContentStore;
  readonly partials: Partials;
  readonly clock: Clock;
  readonly log: Log;
}

/** An archive in a file, and what the source had before. */
export interface BroughtArchive {
  readonly file: Readable;
  readonly span: Span;
  readonly previous: readonly SourceRevision[];
}

/**
 * Takes the archive of an ExternalArtifact from a file instead of from its URL: only the one whose digest the object's
 * status names, as of a fetch. Faults: those of a fetch; `bundle-older` for one that was here before, `bundle-unclaimed`
 * for any other.
 */
export async function takeExternal(
  ports: TakeExternalPorts,
  request: ExternalRequest,
  options: TakeOptions,
  { file, span, previous }: BroughtArchive,
): Promise<FetchOutcome> {
  const { artifact, name } = request;
  const digest = await digestOf(file, span, options.signal);
  if (artifact !== undefined && digest !== artifact.digest) {
    const what = `the archive has the digest ${digest}, and ExternalArtifact/${name} names ${artifact.digest}`;
    if (previous.some(({ metadata }) => metadata['digest'] === digest))
      throw new Fault('bundle-older', `${what}: it is of a revision that was here before`);
    throw new Fault('bundle-unclaimed', `${what}: it is of another revision, or damaged`);
  }
  const { limits, signal } = options;
  return fetchExternal({ ...ports, wire: spanWire(file, span) }, request, {
    limits,
    ...(signal === undefined ? {} : { signal }),
  });
}
