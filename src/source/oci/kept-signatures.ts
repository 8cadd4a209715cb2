import { type Digest, type Json, type JsonObject, sha256, textAt, toJson } from '../../model/index.ts';
import type { FoundSignature } from '../../trust/artifact/index.ts';
import { objectIn } from '../answers.ts';
import type { CarriedManifest, CarriedSignature } from './carry.ts';
import { BUNDLE, NOTARY, SIMPLE_SIGNING, tagOf } from './signatures.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY = Buffer.from('{}');
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

interface Content {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Manifests for signatures that are kept without those they came in. They say the same of the same digest; what is proven
 * is in the signatures, so nothing hangs on the bytes around them.
 */
export function keptSignatures(found: readonly FoundSignature[], of: CarriedManifest): readonly CarriedSignature[] {
  const simple = found.flatMap((one): Content[] =>
    one.kind === 'simple' ? [{ mediaType: SIMPLE_SIGNING, bytes: one.payload, annotations: one.annotations }] : [],
  );
  const referring = found.flatMap((one): CarriedSignature[] => {
    if (one.kind === 'simple') return [];
    const isBundle = one.kind === 'bundle';
    const mediaType = isBundle ? bundleType(one.bytes) : one.mediaType;
    return [wrapped([{ mediaType, bytes: one.bytes }], { artifactType: isBundle ? mediaType : NOTARY, of })];
  });
  // The newest is looked at first, and stands last.
  const older = simple.length === 0 ? [] : [wrapped(simple.reverse(), { tag: `${tagOf(of.digest)}.sig` })];
  return [...referring, ...older];
}

function bundleType(bytes: Uint8Array): string {
  const said = textAt(objectIn(bytes), 'mediaType') ?? '';
  return said.startsWith(BUNDLE) ? said : `${BUNDLE}.v0.3+json`;
}

function wrapped(
  contents: readonly Content[],
  how: { readonly artifactType?: string; readonly of?: CarriedManifest; readonly tag?: string },
): CarriedSignature {
  const { artifactType = '', of, tag = '' } = how;
  const blobs = new Map<Digest, Uint8Array>([[sha256(EMPTY), EMPTY]]);
  const layers = contents.map(({ mediaType, bytes, annotations }): Json => {
    blobs.set(sha256(bytes), bytes);
    return {
      mediaType,
      digest: sha256(bytes),
      size: bytes.length,
      ...(annotations === undefined ? {} : { annotations }),
    };
  });
  const manifest: JsonObject = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    ...(artifactType === '' ? {} : { artifactType }),
    config: { mediaType: EMPTY_TYPE, digest: sha256(EMPTY), size: EMPTY.length },
    layers,
    ...(of === undefined ? {} : { subject: { mediaType: of.mediaType, digest: of.digest, size: of.bytes.length } }),
  };
  const bytes = Buffer.from(toJson(manifest), 'utf8');
  return { digest: sha256(bytes), mediaType: MANIFEST, artifactType, bytes, tag, blobs };
}
