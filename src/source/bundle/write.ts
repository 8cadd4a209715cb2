import { byCodeUnit, type Digest, type SourceKey } from '../../model/index.ts';
import { BLOCK, headerOf, padding } from '../artifact/header.ts';
import {
  type ArtifactToWrite,
  artifactEntries,
  type Blob,
  type PartToWrite,
  sourceEntry,
  textBlob,
} from './entries.ts';
import { MEDIA } from './media.ts';

/** How far the writing is: bytes of `total`. */
export type Progress = (written: number, total: number) => void;

/** A bundle that is measured: what it will be, and how it is written. */
export interface MeasuredBundle {
  readonly size: number;
  readonly parts: readonly { readonly source: SourceKey; readonly digest: Digest; readonly size: number }[];
  /** The tar, in parts: sorted, without times and owners, so that equal content gives equal bytes. */
  write(): Generator<Uint8Array>;
}

/**
 * Makes a bundle of the content of sources. Each payload is made twice: once for its digest, which names it, and once to be
 * written; blobs of artifacts, which have their digest, once.
 */
export function measureBundle(parts: readonly (PartToWrite | ArtifactToWrite)[]): MeasuredBundle {
  const blobs = new Map<Digest, Blob>();
  const written: { readonly source: SourceKey; readonly digest: Digest; readonly size: number }[] = [];
  const manifests = [...parts]
    .sort((a, b) => byCodeUnit(a.source, b.source))
    .flatMap((part) => {
      const { entries, content, ...is } = 'artifact' in part ? artifactEntries(part) : sourceEntry(part);
      for (const blob of content) blobs.set(blob.digest, blob);
      written.push({ source: part.source, ...is });
      return entries;
    });
  const index = textBlob({ schemaVersion: 2, mediaType: MEDIA.index, manifests });
  const members: readonly (readonly [string, Blob])[] = [
    ...[...blobs.values()].map((blob) => [`blobs/${blob.digest.replace(':', '/')}`, blob] as const),
    ['index.json', index] as const,
    ['oci-layout', textBlob({ imageLayoutVersion: '1.0.0' })] as const,
  ].sort((a, b) => byCodeUnit(a[0], b[0]));
  return { size: sizeOf(members), parts: written, write: () => tarOf(members) };
}

function* tarOf(members: readonly (readonly [string, Blob])[]): Generator<Uint8Array> {
  for (const [path, blob] of members) {
    yield headerOf({ path, mode: 'file', size: blob.size });
    yield* blob.open();
    yield padding(blob.size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

const sizeOf = (members: readonly (readonly [string, Blob])[]): number =>
  members.reduce((sum, [, { size }]) => sum + BLOCK + Math.ceil(size / BLOCK) * BLOCK, 2 * BLOCK);
