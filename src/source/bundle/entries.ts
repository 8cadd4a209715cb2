import { createHash } from 'node:crypto';
import { type Digest, Fault, type JsonObject, type SourceKey, sha256, toJson } from '../../model/index.ts';
import type { CarriedArtifact, CarriedManifest } from '../oci/index.ts';
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

/** The artifact of an OCIRepository, which is packed as it is. */
export interface ArtifactToWrite extends PartNotes {
  readonly artifact: CarriedArtifact;
}

/** A member of a bundle, by its digest. */
export interface Blob {
  readonly digest: Digest;
  readonly size: number;
  open(): Iterable<Uint8Array>;
}

/** What a source adds to a bundle. */
export interface Entries {
  /** Of index.json. */
  readonly entries: readonly JsonObject[];
  readonly content: readonly Blob[];
  /** What names its payload, and how many bytes that has. */
  readonly digest: Digest;
  readonly size: number;
}

/** A manifest of ours with the payload of a source. */
export function sourceEntry(part: PartToWrite): Entries {
  const measured = [...(part.listing === undefined ? [] : [part.listing]), part].map(({ mediaType, open }) => ({
    mediaType,
    ...measure(open),
  }));
  const layers = measured.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const config = textBlob(configOf(part));
  const annotations = annotationsOf(part);
  const manifest = textBlob({
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    artifactType: MEDIA.source,
    config: { mediaType: MEDIA.config, digest: config.digest, size: config.size },
    layers,
    annotations,
  });
  const entry = {
    mediaType: MEDIA.manifest,
    artifactType: MEDIA.source,
    digest: manifest.digest,
    size: manifest.size,
    annotations: { ...annotations, [NOTE.refName]: refNameOf(part.source) },
  };
  return {
    entries: [entry],
    content: [...measured, config, manifest],
    digest: layers.at(-1)?.digest ?? sha256(''),
    size: layers.reduce((sum, layer) => sum + layer.size, 0),
  };
}

/** The manifest that an artifact is named by, as it is, and its signatures: what is said of them stands in the index alone. */
export function artifactEntries(part: ArtifactToWrite): Entries {
  const { manifests, blobs, leftOut, signatures } = part.artifact;
  const [top] = manifests;
  if (top === undefined) throw new Fault('internal', `${part.source} has no manifest`);
  const own = {
    ...annotationsOf(part),
    ...(leftOut.length === 0 ? {} : { [NOTE.leftOut]: leftOut.join() }),
    [NOTE.refName]: refNameOf(part.source),
  };
  const signed = signatures.map((one) =>
    entryOf(one, {
      [NOTE.source]: part.source,
      [NOTE.signs]: top.digest,
      ...(one.tag === '' ? {} : { [NOTE.refName]: one.tag }),
    }),
  );
  const small = signatures.flatMap((one) => [one.bytes, ...one.blobs.values()]);
  const proven = blobs.map((blob): Blob => ({ ...blob, open: () => provenBytes(blob) }));
  return {
    entries: [entryOf(top, own), ...signed],
    content: [...[...manifests.map(({ bytes }) => bytes), ...small].map(bytesBlob), ...proven],
    digest: top.digest,
    size: [...manifests.map(({ bytes }) => bytes.length), ...blobs.map(({ size }) => size)].reduce((a, b) => a + b, 0),
  };
}

function entryOf(
  { mediaType, digest, bytes, artifactType }: CarriedManifest,
  annotations: Record<string, string>,
): JsonObject {
  const type = artifactType === '' ? {} : { artifactType };
  return { mediaType, ...type, digest, size: bytes.length, annotations };
}

/** What is made a second time, or lay on a disk for a while, may be other bytes: then nothing is written in its name. */
function* provenBytes({ digest, size, open }: Blob): Generator<Uint8Array> {
  const sum = createHash('sha256');
  let read = 0;
  for (const part of open()) {
    sum.update(part);
    read += part.length;
    yield part;
  }
  if (read !== size || `sha256:${sum.digest('hex')}` !== digest)
    throw new Fault('source-corrupt', `the disk gives back other bytes than those of blob ${digest}`);
}

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

export function textBlob(value: JsonObject): Blob {
  return bytesBlob(Buffer.from(toJson(value), 'utf8'));
}

function bytesBlob(bytes: Uint8Array): Blob {
  return { digest: sha256(bytes), size: bytes.length, open: () => [bytes] };
}

function measure(open: () => Iterable<Uint8Array>): Blob {
  const sum = createHash('sha256');
  let size = 0;
  for (const part of open()) {
    sum.update(part);
    size += part.length;
  }
  const measured = { digest: `sha256:${sum.digest('hex')}`, size, open } as const;
  return { ...measured, open: () => provenBytes(measured) };
}
