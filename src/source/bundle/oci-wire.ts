import {
  type Digest,
  type Fault,
  fromJson,
  isDigest,
  isObject,
  type Json,
  type JsonObject,
  toJson,
} from '../../model/index.ts';
import type { Wire, WireRequest, WireResponse } from '../../ports/index.ts';
import { blobOf, type Descriptor, type Layout, type Listed, memberSpan } from './layout.ts';
import { MEDIA } from './media.ts';
import { nameOf, signaturesTagged } from './oci-names.ts';
import { NOTHING_MOVED, spanAnswer } from './span-wire.ts';

/**
 * A registry that has what is in a layout, as a Wire (distribution spec, "Pull"): so that an OCIRepository takes content
 * from a file with the very code that takes it from a registry. Whatever host is asked, manifests answer by digest, and by
 * tag where the layout names them for this repository or says a tag alone. Nothing is believed: whoever asks checks digests.
 * `lacks`: the Fault for a blob that was left out.
 */
export function layoutWire(
  layout: Layout,
  listed: readonly Listed[],
  lacks: (digest: Digest) => Fault | undefined = () => undefined,
): Wire {
  return {
    send: async (request) => {
      const { host, pathname } = new URL(request.url);
      const m = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/.exec(decodeURIComponent(pathname));
      const [, name = '', what = '', reference = ''] = m ?? [];
      if (pathname === '/v2/' || pathname === '/v2') return textAnswer(request, {});
      if (what === 'tags') return textAnswer(request, { name, tags: tagsOf(listed, `${host}/${name}`) });
      if (what === 'referrers') return referrersAnswer(request, listed, reference);
      if (what === 'blobs') return blobAnswer(request, { layout, reference, lacks });
      if (what !== 'manifests') return missing(request);
      const named = tagged(listed, `${host}/${name}`, reference) ?? signaturesTagged(listed, reference);
      const digest = isDigest(reference) ? reference : named?.digest;
      return digest === undefined ? missing(request) : manifestAnswer(request, layout, digest);
    },
  };
}

function tagsOf(listed: readonly Listed[], repository: string): readonly string[] {
  const tags = listed.flatMap(({ descriptor }) => {
    const found = nameOf(descriptor);
    return found !== undefined && found.tag !== '' && isFor(found.repository, repository) ? [found.tag] : [];
  });
  return [...new Set(tags)];
}

const isFor = (said: string, repository: string): boolean => said === '' || said === repository;

/** A full name goes before a tag alone. */
function tagged(listed: readonly Listed[], repository: string, tag: string): Descriptor | undefined {
  const fits = listed.filter(({ descriptor }) => {
    const found = nameOf(descriptor);
    return found?.tag === tag && isFor(found.repository, repository);
  });
  const exact = fits.find(({ descriptor }) => nameOf(descriptor)?.repository === repository);
  return (exact ?? fits[0])?.descriptor;
}

/** Where none is listed, the tag that stands for them may be: then this is a registry without the API. */
function referrersAnswer(request: WireRequest, listed: readonly Listed[], subject: string): WireResponse {
  const manifests = listed
    .filter(({ manifest }) => manifest?.subject === subject)
    .map(
      ({ descriptor: { mediaType, digest, size, annotations }, manifest }): JsonObject => ({
        mediaType,
        digest,
        size,
        artifactType: manifest?.artifactType ?? '',
        annotations: { ...annotations },
      }),
    );
  if (manifests.length === 0) return missing(request);
  return textAnswer(request, { schemaVersion: 2, mediaType: MEDIA.index, manifests }, MEDIA.index);
}

async function manifestAnswer(
  request: WireRequest,
  layout: Layout,
  digest: Descriptor['digest'],
): Promise<WireResponse> {
  const span = memberSpan(layout, digest);
  if (span === undefined) return missing(request);
  const bytes = await blobOf(layout, { digest, size: span.size });
  return answer(request, bytes, { 'content-type': typeOf(bytes), 'docker-content-digest': digest });
}

function typeOf(bytes: Buffer): string {
  let value: Json = null;
  try {
    value = fromJson(bytes.toString('utf8'));
  } catch {
    // Whoever asked finds that out.
  }
  if (!isObject(value)) return 'application/octet-stream';
  const { mediaType } = value;
  if (typeof mediaType === 'string' && /^[\x21-\x7e]+$/.test(mediaType)) return mediaType;
  return Array.isArray(value['manifests']) ? MEDIA.index : MEDIA.manifest;
}

interface AskedBlob {
  readonly layout: Layout;
  readonly reference: string;
  lacks(digest: Digest): Fault | undefined;
}

function blobAnswer(request: WireRequest, { layout, reference, lacks }: AskedBlob): WireResponse {
  if (!isDigest(reference)) return missing(request);
  const span = memberSpan(layout, reference);
  if (span !== undefined) return spanAnswer(request, layout.file, span);
  const why = lacks(reference);
  if (why !== undefined) throw why;
  return missing(request);
}

function textAnswer(request: WireRequest, value: JsonObject, type = 'application/json'): WireResponse {
  return answer(request, Buffer.from(toJson(value), 'utf8'), { 'content-type': type });
}

function answer(request: WireRequest, bytes: Buffer, headers: Readonly<Record<string, string>>): WireResponse {
  const length = { 'content-length': String(bytes.length) };
  const body = request.method === 'HEAD' ? [] : [bytes];
  return { ...NOTHING_MOVED, url: request.url, status: 200, headers: { ...length, ...headers }, body: listOf(body) };
}

function missing(request: WireRequest): WireResponse {
  const errors = [{ code: 'MANIFEST_UNKNOWN', message: 'it is not in the bundle' }];
  return { ...textAnswer(request, { errors }), status: 404 };
}

async function* listOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
