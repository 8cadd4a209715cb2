import { type Digest, Fault, isDigest, parseRevision } from '../../model/index.ts';
import type { PartialContent } from '../../ports/index.ts';
import { bringBlob } from './blob.ts';
import { type CarriedManifest, type CarriedSignature, carried, carriedSignatures } from './carry.ts';
import { during, PHASES } from './faults.ts';
import { chosenLayer } from './fetch.ts';
import type { Descriptor, OciManifest } from './manifest.ts';
import type { OciOptions, OciPorts, OciRequest, OciSession } from './request.ts';
import { type Found, findManifest, resolve, type Target } from './resolve.ts';
import { beginSession } from './session.ts';
import { prove } from './verified.ts';

/** A blob with its digest, read as often as somebody wants. */
export interface CarriedBlob {
  readonly digest: Digest;
  readonly size: number;
  open(): Iterable<Uint8Array>;
}

/** An artifact as the registry has it, to be carried to a site. */
export interface CarriedArtifact {
  readonly revision: string;
  /** Annotations of the manifest. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What the reference leads to first, then what that leads to. */
  readonly manifests: readonly CarriedManifest[];
  readonly blobs: readonly CarriedBlob[];
  /** Blobs of the manifest that are not among these. */
  readonly leftOut: readonly Digest[];
  readonly signatures: readonly CarriedSignature[];
}

/** What was brought lies in files until `done`; after `keep` another attempt finds it there. */
export interface BroughtArtifact {
  readonly artifact: CarriedArtifact;
  done(): Promise<void>;
  keep(): Promise<void>;
}

const READ_BYTES = 256 * 1024;

/**
 * Brings an artifact as it is: the manifests that the reference leads to, all blobs of the one for this agent, and, where
 * signatures are asked for, which are proven first, those. `base`: the revision whose layers are left out. Faults as of
 * `fetchOci`; of what came each blob is kept to go on with.
 */
export async function bringArtifact(
  ports: OciPorts,
  request: OciRequest,
  options: OciOptions,
  base: string,
): Promise<BroughtArtifact> {
  const session = beginSession(ports, request, options);
  const target = await resolve(session);
  const found = await findManifest(session, target);
  await prove(session, target, found);
  chosenLayer(request, found.manifest);
  const has = base === '' ? [] : await layersOf(session, base);
  const { verify } = request;
  const signatures = verify === undefined ? [] : await carriedSignatures(session, target.digest, verify.form);
  const { blobs, leftOut } = divide(found.manifest, new Set(has));
  checkRoom(session, blobs);
  const contents = await bringAll(session, blobs);
  return {
    artifact: { ...facts(target, found), blobs: contents.map(blobOf), leftOut, signatures },
    done: async () => {
      for (const { content } of contents) await content.drop();
    },
    keep: async () => {
      for (const { content } of contents) await content.keep();
    },
  };
}

function facts(target: Target, { manifest, served }: Found): Omit<CarriedArtifact, 'blobs' | 'leftOut' | 'signatures'> {
  return {
    revision: target.revision,
    metadata: manifest.annotations,
    manifests: served.map((one) => carried(one, one === served.at(-1) ? manifest.artifactType : '')),
  };
}

/** Layers of another revision, which nobody here has to trust: they only say what is left out. */
async function layersOf(session: OciSession, revision: string): Promise<readonly Digest[]> {
  const digest = `sha256:${parseRevision(revision)?.hash ?? ''}`;
  if (!isDigest(digest))
    throw new Fault('source-ref-missing', `--base ${revision}: a revision of an OCIRepository ends in sha256:…`);
  const { manifest } = await findManifest(session, { revision, digest, served: undefined });
  return manifest.layers.map((layer) => layer.digest);
}

/** Layers that are never in a registry: they name the place where they are. */
const isElsewhere = ({ mediaType }: Descriptor): boolean => /nondistributable|foreign/.test(mediaType);

function divide(
  { config, layers }: OciManifest,
  has: ReadonlySet<Digest>,
): { readonly blobs: readonly Descriptor[]; readonly leftOut: readonly Digest[] } {
  const blobs = new Map<Digest, Descriptor>(config === undefined ? [] : [[config.digest, config]]);
  const leftOut = new Set<Digest>();
  for (const layer of layers)
    if (has.has(layer.digest) || isElsewhere(layer)) leftOut.add(layer.digest);
    else blobs.set(layer.digest, layer);
  return { blobs: [...blobs.values()], leftOut: [...leftOut] };
}

/** All must lie beside one another until they are written. */
function checkRoom({ limits }: OciSession, blobs: readonly Descriptor[]): void {
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  if (bytes > limits.partialBytes)
    throw new Fault(
      'source-bounds',
      `the artifact has ${bytes} bytes, limits.partialBytes allows ${limits.partialBytes} on their way to a file`,
    );
}

interface Brought {
  readonly blob: Descriptor;
  readonly content: PartialContent;
}

async function bringAll(session: OciSession, blobs: readonly Descriptor[]): Promise<readonly Brought[]> {
  const { owner, url } = session.request;
  const brought: Brought[] = [];
  try {
    for (const blob of blobs) {
      // Nobody waits for the whole: each has the time of a fetch.
      session.restart();
      const phase = PHASES.pull(url);
      const how = { owner: `a bundle of ${owner}: ${blob.digest}`, phase };
      const content = await during(phase, () => bringBlob(session, blob, how));
      brought.push({ blob, content });
    }
    return brought;
  } catch (error) {
    for (const { content } of brought) await content.keep().catch(() => undefined);
    throw error;
  }
}

const blobOf = ({ blob: { digest, size }, content }: Brought): CarriedBlob => ({
  digest,
  size,
  open: () => bytesOf(content, size),
});

function* bytesOf(content: PartialContent, size: number): Generator<Uint8Array> {
  for (let at = 0; at < size; at += READ_BYTES) yield content.read(at, Math.min(READ_BYTES, size - at));
}
