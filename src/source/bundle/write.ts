import { createHash } from 'node:crypto';
import { byCodeUnit, type Digest, type JsonObject, type SourceKey, sha256, toJson } from '../../model/index.ts';
import { BLOCK, headerOf, padding } from '../artifact/header.ts';
import { labelsText, MEDIA, NOTE, type PartNotes } from './media.ts';

/** One content. `open` gives the same bytes each time. */
export interface LayerToWrite {
  readonly mediaType: string;
  open(): Iterable<Uint8Array>;
}

/** Content of one source that is to be packed. */
export interface PartToWrite extends PartNotes, LayerToWrite {
  /** What stands before it in a layer of its own. */
  readonly listing?: LayerToWrite;
}

interface Blob {
  readonly digest: Digest;
  readonly size: number;
  open(): Iterable<Uint8Array>;
}

/** How far the writing is: bytes of `total`. */
export type Progress = (written: number, total: number) => void;

/** A bundle that is measured: what it will be, and how it is written. */
export interface MeasuredBundle {
  readonly size: number;
  readonly parts: readonly { readonly source: SourceKey; readonly digest: Digest; readonly size: number }[];
  /** The tar, in parts: sorted, without times and owners, so that equal content gives equal bytes. */
  write(): Generator<Uint8Array>;
}

/** Makes a bundle of the content of sources. Each payload is made twice: once for its digest, which names it, and once to be written. */
export function measureBundle(parts: readonly PartToWrite[]): MeasuredBundle {
  const blobs = new Map<Digest, Blob>();
  const add = (blob: Blob): Blob => {
    blobs.set(blob.digest, blob);
    return blob;
  };
  const written: { readonly source: SourceKey; readonly digest: Digest; readonly size: number }[] = [];
  const manifests = [...parts]
    .sort((a, b) => byCodeUnit(a.source, b.source))
    .map((part) => {
      const layers = [...(part.listing === undefined ? [] : [part.listing]), part].map(({ mediaType, open }) => {
        const { digest, size } = add(measure(open));
        return { mediaType, digest, size };
      });
      const size = layers.reduce((sum, layer) => sum + layer.size, 0);
      written.push({ source: part.source, digest: layers.at(-1)?.digest ?? sha256(''), size });
      const config = add(textBlob(configOf(part)));
      const annotations = annotationsOf(part);
      const manifest = add(
        textBlob({
          schemaVersion: 2,
          mediaType: MEDIA.manifest,
          artifactType: MEDIA.source,
          config: { mediaType: MEDIA.config, digest: config.digest, size: config.size },
          layers,
          annotations,
        }),
      );
      return {
        mediaType: MEDIA.manifest,
        artifactType: MEDIA.source,
        digest: manifest.digest,
        size: manifest.size,
        annotations: { ...annotations, [NOTE.refName]: refNameOf(part.source) },
      };
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

/** A tag that oras and skopeo take: `oras cp --from-oci-layout FILE:gitrepository-flux-system-fleet ...`. */
export function refNameOf(source: SourceKey): string {
  return source.toLowerCase().replaceAll('/', '-').slice(0, 128);
}

function configOf(part: PartNotes): JsonObject {
  const { source, revision, base, created, sequence } = part;
  return { source, revision, base, created, sequence };
}

function annotationsOf(part: PartNotes): Record<string, string> {
  const { source, revision, base, created, sequence, selector } = part;
  const labels = labelsText(selector.labels);
  return {
    ...(selector.cluster === '' ? {} : { [NOTE.cluster]: selector.cluster }),
    ...(labels === '' ? {} : { [NOTE.labels]: labels }),
    [NOTE.base]: base,
    [NOTE.revision]: revision,
    [NOTE.sequence]: String(sequence),
    [NOTE.source]: source,
    [NOTE.created]: created,
  };
}

function textBlob(value: JsonObject): Blob {
  const bytes = Buffer.from(toJson(value), 'utf8');
  return { digest: sha256(bytes), size: bytes.length, open: () => [bytes] };
}

function measure(open: () => Iterable<Uint8Array>): Blob {
  const sum = createHash('sha256');
  let size = 0;
  for (const part of open()) {
    sum.update(part);
    size += part.length;
  }
  return { digest: `sha256:${sum.digest('hex')}`, size, open };
}
