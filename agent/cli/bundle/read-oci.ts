import type { Json } from '../../../src/model/index.ts';
import { type Bundle, type BundlePart, reachOf, signatureCount } from '../../../src/source/bundle/index.ts';

/** What a bundle has of the artifact of an OCIRepository. */
export interface ArtifactSummary {
  /** Manifests and blobs in the file, together. */
  readonly bytes: number;
  readonly manifests: number;
  readonly blobs: number;
  readonly leftOut: readonly string[];
  readonly signatures: number;
}

/** Undefined for parts of other forms. Faults of `reachOf`. */
export async function artifactOf(
  { layout, listed }: Bundle,
  { carried, source }: BundlePart,
): Promise<ArtifactSummary | undefined> {
  if (layout === undefined || carried === undefined) return undefined;
  const { manifests, blobs } = await reachOf(layout, carried);
  const sizes = new Map([...manifests, ...blobs].map(({ digest, size }) => [digest, size]));
  return {
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    manifests: manifests.length,
    blobs: new Set(blobs.map(({ digest }) => digest)).size,
    leftOut: [...carried.leftOut],
    signatures: signatureCount(listed, source),
  };
}

export function artifactLines(artifact: ArtifactSummary | undefined): readonly string[] {
  if (artifact === undefined) return [];
  const { blobs, leftOut, signatures } = artifact;
  return [
    `  blobs     ${blobs}${leftOut.length === 0 ? '' : `, ${leftOut.length} left out`}`,
    ...(signatures === 0 ? [] : [`  signed    ${signatures} manifests with signatures, not looked at here`]),
  ];
}

export function artifactJson(artifact: ArtifactSummary | undefined): Readonly<Record<string, Json>> {
  if (artifact === undefined) return {};
  const { manifests, blobs, leftOut, signatures } = artifact;
  return { manifests, blobs, leftOut: [...leftOut], signatures };
}

/** What the digests of an artifact have proven, in words. `needs`: the revision that it leans on; '' for none. */
export function artifactProof({ manifests, blobs, leftOut, signatures }: ArtifactSummary, needs: string): string {
  const lacks = leftOut.length === 0 ? 'whole' : `without ${leftOut.length} of its blobs`;
  const what = needs === '' ? lacks : `a difference to ${needs}, ${lacks}`;
  const signed = signatures === 0 ? '' : `; ${signatures} manifests with signatures, for the site to judge`;
  return `${what}: ${manifests} manifests and ${blobs} blobs, each with its digest${signed}`;
}
