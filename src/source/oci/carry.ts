import { type Digest, Fault } from '../../model/index.ts';
import { type Descriptor, manifestType, type OciManifest, parseManifest } from './manifest.ts';
import type { OciSession, SignatureForm } from './request.ts';
import { getManifest, type Served } from './resolve.ts';
import {
  type Budget,
  isOf,
  newestFirst,
  type Referrer,
  referrersOf,
  SIMPLE_SIGNING,
  smallBlob,
  tagOf,
  taken,
  usable,
  whereThere,
} from './signatures.ts';

/** A manifest as a registry has it. */
export interface CarriedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly bytes: Uint8Array;
}

/** A manifest with signatures, whole. */
export interface CarriedSignature extends CarriedManifest {
  /** The tag by which it is found; '' where it says itself what it is of. */
  readonly tag: string;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

export function carried({ digest, bytes, contentType }: Served, artifactType: string): CarriedManifest {
  return { digest, bytes, artifactType, mediaType: manifestType(bytes, contentType) };
}

/**
 * All manifests that could hold signatures of a digest, as they are, so that another site can look through them with keys
 * of its own. Bounded as a search is (limits.signatures, signatureBytes); what cannot be had whole is left out. Faults of
 * the way to the registry.
 */
export async function carriedSignatures(
  session: OciSession,
  digest: Digest,
  form: SignatureForm,
): Promise<readonly CarriedSignature[]> {
  const { signatures, signatureBytes } = session.limits;
  const budget: Budget = { count: signatures, bytes: signatureBytes };
  const found: CarriedSignature[] = [];
  const listed = await usable(() => referrersOf(session, digest));
  const referrers = 'kind' in listed ? [] : newestFirst(listed.filter((one) => isOf(form, one)));
  for (const one of referrers) {
    if (budget.count <= 0) return found;
    budget.count -= 1;
    const signature = await usable(() => referring(session, { one, subject: digest, budget }));
    if (!('kind' in signature)) found.push(signature);
  }
  if (form !== 'cosign') return found;
  const simple = await usable(() => tagged(session, digest, budget));
  return simple === undefined || 'kind' in simple ? found : [...found, simple];
}

interface Looked {
  readonly one: Referrer;
  readonly subject: Digest;
  readonly budget: Budget;
}

async function referring(session: OciSession, { one, subject, budget }: Looked): Promise<CarriedSignature> {
  const served = await getManifest(session, one.digest, taken(one.size, session, budget));
  const parsed = manifestOf(served);
  // In a file nothing but that tells what it is of.
  if (parsed.subject !== subject) throw new Fault('source-refused', 'it does not say what it is of');
  const blobs = await blobsOf(session, parsed, budget);
  return { ...carried(served, parsed.artifactType || one.artifactType), tag: '', blobs };
}

/** Cosign's older form. */
async function tagged(session: OciSession, digest: Digest, budget: Budget): Promise<CarriedSignature | undefined> {
  const tag = `${tagOf(digest)}.sig`;
  const served = await whereThere(() => getManifest(session, tag));
  if (served === undefined) return undefined;
  const parsed = manifestOf(served);
  if (!parsed.layers.some(({ mediaType }) => mediaType === SIMPLE_SIGNING)) return undefined;
  return { ...carried(served, parsed.artifactType), tag, blobs: await blobsOf(session, parsed, budget) };
}

function manifestOf({ bytes, contentType }: Served): OciManifest {
  const parsed = parseManifest(bytes, contentType);
  if (parsed.kind !== 'manifest') throw new Fault('source-refused', 'it is no signature');
  return parsed;
}

async function blobsOf(
  session: OciSession,
  { config, layers }: OciManifest,
  budget: Budget,
): Promise<ReadonlyMap<Digest, Uint8Array>> {
  const blobs = new Map<Digest, Uint8Array>();
  const all: readonly Descriptor[] = [...(config === undefined ? [] : [config]), ...layers];
  for (const one of all) if (!blobs.has(one.digest)) blobs.set(one.digest, await smallBlob(session, one, budget));
  return blobs;
}
