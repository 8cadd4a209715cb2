import { createHash } from 'node:crypto';
import type { ArtifactContent, ArtifactSeal, Digest } from '../../model/index.ts';
import { gzipOf } from './gzip.ts';
import { type ArchiveRoot, type Content, tarOf } from './tar.ts';

/** Counts the ways in which archives were ever written: another number, other bytes for the same content. */
export const ARCHIVE_FORMAT = 1;

/**
 * A stored folder as the tar.gz that Flux's controllers take for an artifact, in parts of up to some 256 KiB. Throws
 * Fault `cache-damaged` in its course when something of the folder is not whole.
 */
export function archiveOf(content: Content, of: ArchiveRoot): AsyncGenerator<Uint8Array> {
  return gzipOf(tarOf(content, of));
}

/** The bytes of `SourceRevision.archive`: the pieces in order of their names. Fault `cache-damaged` as above. */
export async function* piecesOf(content: Content, archive: Digest): AsyncGenerator<Uint8Array> {
  for (const { digest } of content.folder(archive)) if (digest !== undefined) yield content.get(digest);
}

/** What is served as the artifact of a revision: what it keeps for that, else an archive of its files. */
export function artifactOf(content: Content, of: ArtifactContent): AsyncGenerator<Uint8Array> {
  return of.archive === undefined ? archiveOf(content, of) : piecesOf(content, of.archive);
}

/** Digest and size of what `artifactOf` gives. Memory does not grow with the folder. */
export function sealArtifact(content: Content, of: ArtifactContent, signal?: AbortSignal): Promise<ArtifactSeal> {
  return sealOf(artifactOf(content, of), signal);
}

/** Digest and size of parts, such as those of `artifactOf`. */
export async function sealOf(parts: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ArtifactSeal> {
  const sum = createHash('sha256');
  let size = 0;
  for await (const part of parts) {
    signal?.throwIfAborted();
    sum.update(part);
    size += part.length;
  }
  return { digest: `sha256:${sum.digest('hex')}`, size };
}
