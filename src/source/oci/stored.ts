import { createHash } from 'node:crypto';
import { type Digest, Fault, isDigest, parseRevision, type SourceRevision, sha256 } from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { type CarriedManifest, carried } from './carry.ts';
import { keptSignatures } from './kept-signatures.ts';
import { type Descriptor, forPlatform, type OciManifest, parseManifest } from './manifest.ts';
import type { CarriedArtifact, CarriedBlob } from './pack.ts';
import { decodeProof } from './proof.ts';

type Store = Pick<ContentReader, 'get' | 'has' | 'folder'>;

/** Config of artifacts that have none: its bytes need no store. */
const EMPTY = Buffer.from('{}');

/**
 * An artifact as far as an agent's state folder can prove it again: its manifests, its signatures, and of its blobs the
 * layer that was kept as it is (`operation: copy`). Fault `unsupported` for a layer that was unpacked, `cache-damaged`.
 */
export function storedArtifact(store: Store, revision: SourceRevision): CarriedArtifact {
  const { manifests, manifest } = chainOf(store, revision);
  const [top] = manifests;
  if (top === undefined) throw new Fault('internal', 'a chain of no manifest');
  if (revision.archive === undefined)
    throw new Fault(
      'unsupported',
      'a state folder has the files of its layer, and not the layer itself, by whose digest a site proves it',
    );
  const layer = piecesOf(store, revision.archive, manifest.layers);
  const { config } = manifest;
  const empty: CarriedBlob[] =
    config?.digest === sha256(EMPTY) ? [{ digest: config.digest, size: EMPTY.length, open: () => [EMPTY] }] : [];
  const blobs = [layer, ...empty];
  const all = [...(config === undefined ? [] : [config]), ...manifest.layers].map(({ digest }) => digest);
  const shown = new Set(manifests.map(({ digest }) => digest));
  const proofs = revision.keep.filter((digest) => !shown.has(digest));
  return {
    revision: revision.revision,
    metadata: manifest.annotations,
    manifests,
    blobs,
    leftOut: [...new Set(all)].filter((digest) => !blobs.some((blob) => blob.digest === digest)),
    signatures: keptSignatures(
      proofs.flatMap((digest) => decodeProof(store.get(digest))),
      top,
    ),
  };
}

/** The manifests that the revision was made with, from what the reference led to on. */
function chainOf(
  store: Store,
  { revision, keep }: SourceRevision,
): { readonly manifests: readonly CarriedManifest[]; readonly manifest: OciManifest } {
  const manifests: CarriedManifest[] = [];
  let next: Digest | undefined = digestIn(revision);
  while (next !== undefined && keep.includes(next) && store.has(next) && manifests.length < keep.length) {
    const served = { digest: next, bytes: store.get(next), contentType: '' };
    const parsed = parseManifest(served.bytes, '');
    manifests.push(carried(served, parsed.kind === 'manifest' ? parsed.artifactType : ''));
    if (parsed.kind === 'manifest') return { manifests, manifest: parsed };
    next = forPlatform(parsed)?.digest;
  }
  throw new Fault('cache-damaged', `the manifests of ${revision} are not in this state folder`);
}

function digestIn(revision: string): Digest | undefined {
  const digest = `sha256:${parseRevision(revision)?.hash ?? ''}`;
  return isDigest(digest) ? digest : undefined;
}

/** The layer whose bytes lie in a folder of pieces. */
function piecesOf(store: Store, archive: Digest, layers: readonly Descriptor[]): CarriedBlob {
  const pieces = store.folder(archive).flatMap(({ digest }) => digest ?? []);
  const open = function* (): Generator<Uint8Array> {
    for (const digest of pieces) yield store.get(digest);
  };
  const sum = createHash('sha256');
  for (const piece of open()) sum.update(piece);
  const digest = `sha256:${sum.digest('hex')}`;
  const layer = layers.find((one) => one.digest === digest);
  if (layer === undefined) throw new Fault('cache-damaged', 'what was kept of its layer is none of its manifest');
  return { digest: layer.digest, size: layer.size, open };
}
