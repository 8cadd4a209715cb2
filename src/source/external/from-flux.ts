import type { ExternalArtifact } from '../../flux/index.ts';
import type { SourceRevision } from '../../model/index.ts';
import type { ExternalRequest } from './fetch.ts';

/** For one download, milliseconds: the kind has no field for it. */
const TIMEOUT_MS = 60_000;

/** The request of an ExternalArtifact. */
export function externalRequestOf(
  { meta, artifact }: ExternalArtifact,
  have: SourceRevision | undefined,
): ExternalRequest {
  const name = `${meta.namespace}/${meta.name}`;
  return { artifact, name, timeoutMs: TIMEOUT_MS, ...(have === undefined ? {} : { have }) };
}
