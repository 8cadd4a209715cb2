import { type Digest, Fault, isDigest, parseRevision, printable, sha256 } from '../../model/index.ts';
import { mediaTypeOf } from '../answers.ts';
import { type Call, call, callName } from './call.ts';
import { bodyOf } from './exchange.ts';
import { during, noRegistry, PHASES, pageFault, statusFault } from './faults.ts';
import { ACCEPT_ALL, acceptFor, forPlatform, type OciManifest, parseManifest } from './manifest.ts';
import { isTag } from './reference.ts';
import type { OciSession } from './request.ts';

/** A manifest or index as it was served, its digest checked. */
export interface Served {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** '' where it is not known. */
  readonly contentType: string;
}

/** What the reference leads to. */
export interface Target {
  /** `TAG@sha256:…` or `sha256:…`. */
  readonly revision: string;
  readonly digest: Digest;
  /** When it was received on the way. */
  readonly served: Served | undefined;
}

/** Finds the digest that `ref` stands for: nothing for a digest, one HEAD for a tag that may be as before, else a GET. */
export async function resolve(session: OciSession): Promise<Target> {
  const { ref, url } = session.request;
  if (ref.digest !== undefined) {
    const { digest } = ref;
    if (!isDigest(digest))
      throw new Fault(
        'source-ref-missing',
        `failed to determine artifact digest: '${printable(digest)}' is no sha256 digest`,
        {
          reason: PHASES.digest.reason,
        },
      );
    return { revision: digest, digest, served: undefined };
  }
  const { semver } = ref;
  const tag =
    semver === undefined
      ? (ref.tag ?? 'latest')
      : await during(PHASES.tag(url), async () => (await import('./tags.ts')).tagBySemver(session, semver));
  return during(PHASES.digest, () => byTag(session, tag));
}

async function byTag(session: OciSession, tag: string): Promise<Target> {
  if (!isTag(tag)) throw new Fault('source-ref-missing', `'${printable(tag)}' cannot be a tag`);
  const before = hadAs(session, tag);
  const digest = before === undefined ? undefined : await headOf(session, tag, before);
  if (digest !== undefined) return { revision: `${tag}@${digest}`, digest, served: undefined };
  const served = await getManifest(session, tag);
  return { revision: `${tag}@${served.digest}`, digest: served.digest, served };
}

/** The digest that the tag had. */
function hadAs({ request }: OciSession, tag: string): Digest | undefined {
  const { have } = request;
  const parsed = have === undefined ? undefined : parseRevision(have.revision);
  const digest = `sha256:${parsed?.hash ?? ''}`;
  return parsed?.name === tag && isDigest(digest) ? digest : undefined;
}

/**
 * Asks for the digest of a tag, as briefly as can be: registries whose ETag is the digest answer that nothing changed.
 * Undefined when the answer does not tell it; a GET then does, or says why not.
 */
async function headOf(session: OciSession, tag: string, before: Digest): Promise<Digest | undefined> {
  const { store } = session.ports;
  const stored = store.byAlias(manifestAlias(before));
  const here = stored !== undefined && store.has(stored);
  const what: Call = {
    method: 'HEAD',
    path: `/v2/${session.place.name}/manifests/${tag}`,
    headers: {
      accept: stored !== undefined && here ? acceptFor(store.get(stored)) : ACCEPT_ALL,
      ...(here ? { 'if-none-match': `"${before}"` } : {}),
    },
    maxBytes: 1,
    limit: 'manifestListBytes',
  };
  const response = await call(session, what);
  const { status, headers } = response;
  if (status === 401 || status === 403 || status === 407 || status === 429 || (status >= 500 && status !== 501))
    throw await statusFault(session, response, callName(session, what));
  await bodyOf(session, response);
  const digest = headers['docker-content-digest'];
  if (status === 304 && here) return digest === undefined || digest === before ? before : undefined;
  return status === 200 && isDigest(digest) ? digest : undefined;
}

/** GET of a manifest by tag or digest, its bytes held against the digest; of `most` bytes where they are counted. */
export async function getManifest(session: OciSession, reference: string, most?: number): Promise<Served> {
  const what: Call = {
    method: 'GET',
    path: `/v2/${session.place.name}/manifests/${reference}`,
    headers: { accept: ACCEPT_ALL, 'accept-encoding': 'identity' },
    maxBytes: most ?? session.limits.manifestListBytes,
    limit: most === undefined ? 'manifestListBytes' : 'signatureBytes',
  };
  const response = await call(session, what);
  const name = callName(session, what);
  if (response.status !== 200) throw await statusFault(session, response, name);
  const contentType = mediaTypeOf(response.headers['content-type']);
  if (contentType === 'text/html') throw pageFault(session, response, name);
  const bytes = await bodyOf(session, response);
  const digest = sha256(bytes);
  const said = response.headers['docker-content-digest'];
  const wanted = isDigest(reference) ? reference : isDigest(said) ? said : digest;
  if (wanted === digest) return { digest, bytes, contentType };
  if (!looksLikeJson(bytes)) throw noRegistry(name);
  throw new Fault('source-corrupt', `${name}: manifest digest '${digest}' does not match requested digest '${wanted}'`);
}

function looksLikeJson(bytes: Uint8Array): boolean {
  return /^\s*\{/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'));
}

/** Manifests by the digest under which they were asked for. */
export const manifestAlias = (digest: Digest): string => `manifest:${digest}`;

/** A manifest with what led to it: the bytes of an index, where there is one, and of the manifest itself. */
export interface Found {
  readonly manifest: OciManifest;
  readonly served: readonly Served[];
}

/** The manifest of a target; of an index that for linux/amd64. What is on this disk is not asked for. */
export function findManifest(session: OciSession, target: Target): Promise<Found> {
  return during(PHASES.pull(session.request.url), async () => {
    const served: Served[] = [];
    let next = target.served ?? (await load(session, target.digest));
    for (;;) {
      served.push(next);
      const parsed = parseManifest(next.bytes, next.contentType);
      if (parsed.kind === 'manifest') return { manifest: parsed, served };
      if (served.length > MOST_INDEXES)
        throw new Fault('source-refused', `more than ${MOST_INDEXES} indexes lead to one another`);
      const child = forPlatform(parsed);
      if (child === undefined)
        throw new Fault('source-ref-missing', `no child with platform linux/amd64 in index ${next.digest}`);
      next = await load(session, child.digest);
    }
  });
}

/** Indexes on the way to a manifest; each names the next by its digest, so they cannot lead back. */
const MOST_INDEXES = 4;

async function load(session: OciSession, digest: Digest): Promise<Served> {
  const { store } = session.ports;
  const stored = store.byAlias(manifestAlias(digest));
  if (stored === digest && store.has(stored)) {
    try {
      return { digest, bytes: store.get(stored), contentType: '' };
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'cache-damaged') throw error;
    }
  }
  return getManifest(session, digest);
}
