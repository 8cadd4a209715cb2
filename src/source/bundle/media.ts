import { codingOf } from '../unpack/index.ts';

/** Media types and annotations of a bundle (docs/bundles.md, "The format"). */
export const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  /** artifactType of the manifest of a source. */
  source: 'application/vnd.holdfast.bundle.source.v1',
  config: 'application/vnd.holdfast.bundle.config.v1+json',
  git: 'application/x-git-bundle',
  /** List of the objects of a bucket. */
  objects: 'application/vnd.holdfast.bundle.bucket.v1+json',
  tar: 'application/vnd.oci.image.layer.v1.tar',
  tarGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  tarZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const;

export const NOTE = {
  /** `Kind/namespace/name`. */
  source: 'dev.holdfast.source',
  revision: 'dev.holdfast.revision',
  /** Revision that it is a difference to; '' for a whole. */
  base: 'dev.holdfast.base',
  /** Whole number that rises from bundle to bundle of a maker. */
  sequence: 'dev.holdfast.sequence',
  /** Name of the only cluster that takes it. */
  cluster: 'dev.holdfast.cluster',
  /** Labels that a cluster must have, `key=value` by comma. */
  labels: 'dev.holdfast.cluster-labels',
  created: 'org.opencontainers.image.created',
  refName: 'org.opencontainers.image.ref.name',
  /** Digest of the artifact that a manifest has signatures of. */
  signs: 'dev.holdfast.signs',
  /** Digests by comma of blobs that a manifest names and that were not packed. */
  leftOut: 'dev.holdfast.left-out',
} as const;

/** The media type of an archive, by its first bytes; undefined where it is not compressed. */
export function archiveMedia(start: Uint8Array): string | undefined {
  const coding = codingOf(start);
  if (coding === 'none') return undefined;
  return coding === 'gzip' ? MEDIA.tarGzip : MEDIA.tarZstd;
}

/** Whom a bundle is for; both empty for everybody. */
export interface Selector {
  readonly cluster: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a bundle says of the content of one source. Shown; what is decided upon is read from the content. */
export interface PartNotes {
  readonly source: string;
  readonly revision: string;
  readonly base: string;
  /** RFC 3339. */
  readonly created: string;
  readonly sequence: number;
  readonly selector: Selector;
}

export function labelsText(labels: Selector['labels']): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`)
    .join(',');
}

export function labelsOf(text: string): Selector['labels'] {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
}

/** Why a cluster is not meant by a selector; undefined when it is. */
export function notFor(
  selector: Selector,
  site: { readonly name: string; readonly labels: Selector['labels'] },
): string | undefined {
  if (selector.cluster !== '' && selector.cluster !== site.name)
    return `it is for cluster ${selector.cluster}, and this is ${site.name}`;
  const wrong = Object.keys(selector.labels).find((key) => site.labels[key] !== selector.labels[key]);
  if (wrong === undefined) return undefined;
  const here = site.labels[wrong];
  return `it is for clusters with the label ${wrong}=${selector.labels[wrong]}, and this one has ${here === undefined ? 'none' : `${wrong}=${here}`}`;
}
