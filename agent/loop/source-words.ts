import type { SourceObject } from '../../src/flux/index.ts';
import {
  FAULTS,
  type Fault,
  plainAddress,
  reworded,
  type SourceRevision,
  withoutLogins,
} from '../../src/model/index.ts';

/** Flux's reason for an attempt that failed on the way to a source of each kind. */
const FAILED: Readonly<Record<SourceObject['kind'], string>> = {
  GitRepository: 'GitOperationFailed',
  OCIRepository: 'OCIArtifactPullFailed',
  Bucket: 'BucketOperationFailed',
  ExternalArtifact: 'ArtifactFailed',
};

/**
 * The fault with the reason that Flux gives for this kind of source, where the table of faults has that of Git, and without
 * credentials that somebody has written into a URL.
 */
export function worded(fault: Fault, { kind }: SourceObject): Fault {
  const ofGit = fault.reason === FAILED.GitRepository && FAULTS[fault.code].reason === fault.reason;
  const reason = ofGit ? FAILED[kind] : fault.reason;
  const message = withoutLogins(fault.message);
  return reason === fault.reason && message === fault.message ? fault : reworded(fault, { reason, message });
}

/** What Ready and ArtifactInStorage say of a revision that is here. */
export function storedText(
  { kind }: SourceObject,
  { revision, part }: Pick<SourceRevision, 'revision' | 'part'>,
): string {
  if (kind === 'OCIRepository') return `stored artifact for digest '${revision}'`;
  if (kind === 'Bucket') return `stored artifact: revision '${revision}'`;
  const count = part?.paths.length ?? 0;
  const only =
    part === undefined ? '' : `, only the ${count === 1 ? 'path that is' : `${count} paths that are`} needed`;
  return `stored artifact for revision '${revision}'${only}`;
}

/** The same of a revision that is new, as the event says it. */
export function newsText(object: SourceObject, current: SourceRevision): string {
  const { revision, metadata } = current;
  if (object.kind === 'GitRepository') return `stored artifact for commit '${shortened(metadata['subject'] ?? '')}'`;
  if (object.kind === 'Bucket')
    return `stored artifact with ${metadata['objects'] ?? 'the'} fetched files from '${object.spec.bucketName}' bucket`;
  if (object.kind === 'ExternalArtifact') return storedText(object, current);
  const [source, origin] = [metadata[ORIGIN_SOURCE] ?? '', originOf(metadata)];
  const from = source === '' || origin === '' ? '' : `, origin source '${source}', origin revision '${origin}'`;
  return `stored artifact with revision '${revision}' from '${withoutLogins(object.spec.url)}'${from}`;
}

/** The same of one that was here before a failure, as Flux says it: of its commit only the id is known then. */
export const againText = (object: SourceObject, current: SourceRevision): string =>
  object.kind === 'GitRepository' ? `stored artifact for commit '${current.revision}'` : newsText(object, current);

/** Characters of a subject in an event, as in Flux. */
const SUBJECT_CHARS = 50;

function shortened(subject: string): string {
  const chars = Array.from(subject);
  return chars.length > SUBJECT_CHARS ? `${chars.slice(0, SUBJECT_CHARS).join('')}...` : subject;
}

const ORIGIN_SOURCE = 'org.opencontainers.image.source';

/** The revision that an OCI artifact says it was made from; '' without. */
export function originOf(metadata: SourceRevision['metadata']): string {
  return metadata['org.opencontainers.image.revision'] ?? '';
}

/** Where a source is, for people: without credentials. */
export function addressOf(object: SourceObject): string {
  if (object.kind === 'ExternalArtifact') return plainAddress(object.artifact?.url ?? '');
  if (object.kind === 'Bucket') return `${plainAddress(object.spec.endpoint)}/${object.spec.bucketName}`;
  return plainAddress(object.spec.url);
}
