import { isObject, type Json, textAt } from '../model/index.ts';
import { compact } from './convert.ts';
import type { ExternalArtifact, ExternalArtifactNote } from './external.ts';
import type { FluxMeta } from './meta.ts';
import type { RawExternalArtifact } from './schema-external.ts';

/** An ExternalArtifact with the artifact that its status names. */
export function toExternalArtifact(raw: RawExternalArtifact, meta: FluxMeta): ExternalArtifact {
  const from = raw.spec?.sourceRef;
  const namespace = from?.namespace === undefined || from.namespace === '' ? meta.namespace : from.namespace;
  return {
    kind: 'ExternalArtifact',
    meta,
    spec:
      from === undefined
        ? {}
        : { sourceRef: { kind: from.kind, name: from.name, namespace, ...compact({ apiVersion: from.apiVersion }) } },
    artifact: artifactNote((raw.status ?? null) as Json),
  };
}

/** `status.artifact` as far as it can be fetched; undefined when it has no address, digest or revision. */
function artifactNote(status: Json): ExternalArtifactNote | undefined {
  const artifact = isObject(status) ? (status['artifact'] ?? null) : null;
  const [url, digest, revision] = ['url', 'digest', 'revision'].map((key) => textAt(artifact, key) ?? '');
  if (!isObject(artifact) || !url || !digest || !revision) return undefined;
  const size = artifact['size'];
  return {
    url,
    digest,
    revision,
    size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    lastUpdateTime: textAt(artifact, 'lastUpdateTime') ?? '',
  };
}
