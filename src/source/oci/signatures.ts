import { byCodeUnit, type Digest, Fault, sha256 } from '../../model/index.ts';
import type { WireResponse } from '../../ports/index.ts';
import type { FoundSignature } from '../../trust/artifact/index.ts';
import { mediaTypeOf } from '../answers.ts';
import { type Call, call, callName } from './call.ts';
import { bodyOf } from './exchange.ts';
import { pageFault, statusFault } from './faults.ts';
import { type Descriptor, type OciIndex, type OciManifest, parseManifest } from './manifest.ts';
import { nextPage } from './pages.ts';
import type { OciSession, SignatureForm } from './request.ts';
import { getManifest } from './resolve.ts';

/** What could be a signature, or why it is none. */
export type Candidate = FoundSignature | { readonly kind: 'unusable'; readonly why: string };

const INDEX = 'application/vnd.oci.image.index.v1+json';
export const BUNDLE = 'application/vnd.dev.sigstore.bundle';
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const NOTARY = 'application/vnd.cncf.notary.signature';
const ENVELOPES: readonly string[] = ['application/jose+json', 'application/cose'];
/** Annotation of a bundle's manifest: what its statement says. Only a hint, that saves the download of what is no signature. */
const STATES = 'dev.sigstore.bundle.predicateType';
const SIGNED = 'https://sigstore.dev/cosign/sign/v1';
const CREATED = 'org.opencontainers.image.created';
const MOST_PAGES = 32;

/** What is left of limits.signatures and limits.signatureBytes. */
export interface Budget {
  count: number;
  bytes: number;
}

/**
 * What a registry has that could be a signature of a manifest, each fetched when it is asked for, the newest first: what
 * refers to it (distribution spec, "Listing Referrers", or the tag that stands for it), and of cosign the tag `….sig`
 * besides. Bounded by limits.signatures and signatureBytes. Faults of the way to the registry.
 */
export async function* findSignatures(
  session: OciSession,
  digest: Digest,
  form: SignatureForm,
): AsyncGenerator<Candidate> {
  const { signatures, signatureBytes } = session.limits;
  const budget: Budget = { count: signatures, bytes: signatureBytes };
  yield* referring(session, digest, form, budget);
  if (form === 'cosign') yield* simple(session, digest, budget);
}

async function* referring(
  session: OciSession,
  digest: Digest,
  form: SignatureForm,
  budget: Budget,
): AsyncGenerator<Candidate> {
  const listed = await usable(() => referrersOf(session, digest));
  if ('kind' in listed) return void (yield listed);
  for (const one of newestFirst(listed.filter((referrer) => isOf(form, referrer)))) {
    if (budget.count <= 0) return void (yield tooMany(session));
    budget.count -= 1;
    yield await usable(() => fetched(session, one, form, budget));
  }
}

export type Referrer = OciIndex['manifests'][number];

/** Registries without the API do not always say what kind of artifact it is. */
export function isOf(form: SignatureForm, { artifactType, annotations }: Referrer): boolean {
  if (form === 'notation') return artifactType === NOTARY || artifactType === '';
  return (artifactType.startsWith(BUNDLE) || artifactType === '') && (annotations[STATES] ?? SIGNED) === SIGNED;
}

/** By the time that they say, then the last of the list. */
export function newestFirst(listed: readonly Referrer[]): readonly Referrer[] {
  const time = ({ annotations }: Referrer): string => annotations[CREATED] ?? '';
  return [...listed].reverse().sort((a, b) => byCodeUnit(time(b), time(a)));
}

/** The manifest of a signature, and its one layer. */
async function fetched(
  session: OciSession,
  one: Referrer,
  form: SignatureForm,
  budget: Budget,
): Promise<FoundSignature> {
  const { bytes, contentType } = await getManifest(session, one.digest, taken(one.size, session, budget));
  const parsed = parseManifest(bytes, contentType);
  const [layer, more] = parsed.kind === 'manifest' ? parsed.layers : [];
  const type = layer?.mediaType ?? '';
  const fits = form === 'notation' ? ENVELOPES.includes(type) : type.startsWith(BUNDLE);
  if (layer === undefined || more !== undefined || !fits) throw new Fault('source-refused', 'it is no signature');
  const blob = await smallBlob(session, layer, budget);
  return form === 'notation' ? { kind: 'envelope', mediaType: type, bytes: blob } : { kind: 'bundle', bytes: blob };
}

/** What refers to a manifest: by the API, where the registry has it, else by the tag that stands for it. */
export async function referrersOf(session: OciSession, digest: Digest): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  // Of the whole list, however many pages it has.
  let left = session.limits.manifestListBytes;
  let path: string | undefined = `/v2/${session.place.name}/referrers/${digest}`;
  for (let pages = 0; path !== undefined; pages++) {
    if (pages >= MOST_PAGES) throw new Fault('source-bounds', `the list of signatures has more than ${pages} pages`);
    const headers = { accept: INDEX, 'accept-encoding': 'identity' };
    const what: Call = { method: 'GET', path, headers, maxBytes: Math.max(1, left), limit: 'manifestListBytes' };
    const response = await call(session, what);
    if (response.status !== 200) await passOver(session, response, what);
    const bytes = response.status === 200 ? await bodyOf(session, response) : undefined;
    if (bytes === undefined || mediaTypeOf(response.headers['content-type']) !== INDEX) return byTag(session, digest);
    left -= bytes.length;
    found.push(...manifestsOf(parseManifest(bytes, INDEX)));
    path = nextPage(response, session, 'signatures');
  }
  return found;
}

/** Ends an answer of a registry that does not have the API; throws where it says something else. */
async function passOver(session: OciSession, response: WireResponse, what: Call): Promise<void> {
  const fault = await statusFault(session, response, callName(session, what));
  const lacks = response.status === 501 || !/^source-auth$|^wire-(?:server|throttled|proxy)$/.test(fault.code);
  if (!lacks) throw fault;
}

async function byTag(session: OciSession, digest: Digest): Promise<readonly Referrer[]> {
  const served = await whereThere(() => getManifest(session, tagOf(digest)));
  return served === undefined ? [] : manifestsOf(parseManifest(served.bytes, served.contentType));
}

/** Anything but an index under that tag is none of ours. */
const manifestsOf = (parsed: OciIndex | OciManifest): readonly Referrer[] =>
  parsed.kind === 'index' ? parsed.manifests : [];

/** The tag that stands for what refers to a digest; with `.sig` the one of cosign's older form. */
export const tagOf = (digest: Digest): string => digest.replace(':', '-');

/** Signatures of cosign's older form: a manifest with a layer for each. */
async function* simple(session: OciSession, digest: Digest, budget: Budget): AsyncGenerator<Candidate> {
  const listed = await usable(async () => {
    const served = await whereThere(() => getManifest(session, `${tagOf(digest)}.sig`));
    const parsed = served === undefined ? undefined : parseManifest(served.bytes, served.contentType);
    return parsed?.kind === 'manifest' ? parsed.layers : [];
  });
  if ('kind' in listed) return void (yield listed);
  // Many signatures are of one payload.
  const payloads = new Map<Digest, Promise<Buffer>>();
  for (const layer of listed.filter(({ mediaType }) => mediaType === SIMPLE_SIGNING).reverse()) {
    if (budget.count <= 0) return void (yield tooMany(session));
    budget.count -= 1;
    yield await usable(async (): Promise<FoundSignature> => {
      const coming = payloads.get(layer.digest) ?? smallBlob(session, layer, budget);
      payloads.set(layer.digest, coming);
      return { kind: 'simple', payload: await coming, annotations: ofCosign(layer) };
    });
  }
}

const ofCosign = ({ annotations }: Descriptor): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(annotations).filter(([key]) => /^dev\.(?:cosignproject|sigstore)\.cosign\//.test(key)),
  );

/** A blob that is held in memory, proven by its digest. */
export async function smallBlob(session: OciSession, { digest, size }: Descriptor, budget: Budget): Promise<Buffer> {
  const what: Call = {
    method: 'GET',
    path: `/v2/${session.place.name}/blobs/${digest}`,
    headers: { 'accept-encoding': 'identity' },
    maxBytes: taken(size, session, budget),
    limit: 'signatureBytes',
  };
  const response = await call(session, what);
  if (response.status !== 200) throw await statusFault(session, response, callName(session, what));
  if (mediaTypeOf(response.headers['content-type']) === 'text/html')
    throw pageFault(session, response, callName(session, what));
  const bytes = await bodyOf(session, response);
  if (sha256(bytes) !== digest) throw new Fault('source-corrupt', `blob ${digest} does not have its digest`);
  return bytes;
}

/** Takes so many bytes from what is left, whether or not they come; the bound of the answer that is to bring them. */
export function taken(size: number, { limits }: OciSession, budget: Budget): number {
  if (size > budget.bytes)
    throw new Fault(
      'source-bounds',
      `it has ${size} bytes, and all signatures together ${limits.signatureBytes} at most (limits.signatureBytes)`,
    );
  budget.bytes -= size;
  return Math.max(1, size);
}

const tooMany = ({ limits }: OciSession): Candidate => ({
  kind: 'unusable',
  why: `there are more than ${limits.signatures} (limits.signatures)`,
});

/** Undefined for what the registry does not have. */
export async function whereThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Fault && /^source-(?:ref-missing|not-found)$/.test(error.code)) return undefined;
    throw error;
  }
}

/** What is wrong with one signature does not stop the search for others; what is wrong with the way does. */
export async function usable<T>(work: () => Promise<T>): Promise<T | Extract<Candidate, { kind: 'unusable' }>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Fault) || !/^source-(?!auth)/.test(error.code)) throw error;
    return { kind: 'unusable', why: error.message };
  }
}
