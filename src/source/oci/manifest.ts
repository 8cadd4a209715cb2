import {
  type Digest,
  Fault,
  fromJson,
  isDigest,
  isObject,
  type Json,
  type JsonObject,
  printable,
  textAt,
} from '../../model/index.ts';
import { objectIn } from '../answers.ts';

/** What a manifest says of one content. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes, as the manifest claims; not trusted. */
  readonly size: number;
  /** Those that are text. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A manifest of an image or artifact: OCI, or Docker's schema 2. */
export interface OciManifest {
  readonly kind: 'manifest';
  /** Undefined where there is none that can be read: nothing of a source depends on it. */
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly artifactType: string;
  /** Digest of the manifest that it says something of; '' for none. */
  readonly subject: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A list of manifests for platforms. */
export interface OciIndex {
  readonly kind: 'index';
  readonly manifests: readonly (Descriptor & {
    readonly platform: Platform | undefined;
    /** What kind of artifact it is; '' where it does not say. */
    readonly artifactType: string;
  })[];
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

const KINDS: ReadonlyMap<string, 'manifest' | 'index'> = new Map([
  [MANIFEST, 'manifest'],
  [DOCKER_MANIFEST, 'manifest'],
  [INDEX, 'index'],
  [DOCKER_LIST, 'index'],
]);

/** All that is asked for where nothing is known. */
export const ACCEPT_ALL = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST].join(', ');

/** The media type of a manifest that is here; all of them when it does not say. */
export function acceptFor(bytes: Uint8Array): string {
  const type = objectIn(bytes)?.['mediaType'];
  return typeof type === 'string' && KINDS.has(type) ? type : ACCEPT_ALL;
}

/** The media type under which a manifest is listed: what it says, else what the server said, else what it looks like. */
export function manifestType(bytes: Uint8Array, contentType: string): string {
  const value = objectIn(bytes);
  const declared = value?.['mediaType'];
  if (typeof declared === 'string' && KINDS.has(declared)) return declared;
  if (KINDS.has(contentType)) return contentType;
  return Array.isArray(value?.['manifests']) ? INDEX : MANIFEST;
}

/**
 * Reads a manifest or index, whose digest was checked. `contentType`: as the server sent it, '' where it is not known.
 * Fault `source-refused` for anything else, also for a document that would be both (CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, contentType: string): OciManifest | OciIndex {
  let value: Json;
  try {
    value = fromJson(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw refused('it is not JSON');
  }
  if (!isObject(value)) throw refused('it is not a map');
  if (value['schemaVersion'] !== 2) throw refused('its schemaVersion is not 2');
  const declared = value['mediaType'];
  if (declared !== undefined && typeof declared !== 'string') throw refused('its mediaType is not text');
  if (declared !== undefined && KINDS.has(contentType) && declared !== contentType)
    throw refused(`it is ${shown(declared)}, and the server says ${contentType}`);
  const [asIndex, asManifest] = [Array.isArray(value['manifests']), Array.isArray(value['layers'])];
  if (asIndex && (asManifest || value['config'] !== undefined)) throw refused('it is an index and a manifest at once');
  const kind = KINDS.get(declared ?? contentType) ?? (asIndex ? 'index' : 'manifest');
  if (kind === 'index' ? !asIndex : !asManifest)
    throw refused(`it has no ${kind === 'index' ? 'manifests' : 'layers'}`);
  return kind === 'index' ? indexOf(value) : manifestOf(value);
}

function manifestOf(value: JsonObject): OciManifest {
  const annotations = value['annotations'] ?? {};
  if (!isObject(annotations)) throw refused('its annotations are not a map');
  const entries = Object.entries(annotations).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw refused(`annotation ${shown(key)} is not text`);
    return [key, text];
  });
  const layers = (value['layers'] as readonly Json[]).map((layer) => descriptorOf(layer, 'a layer'));
  const { config, subject } = value;
  return {
    kind: 'manifest',
    config: configOf(config),
    layers,
    annotations: Object.fromEntries(entries),
    artifactType: textAt(value, 'artifactType') ?? '',
    subject: textAt(subject, 'digest') ?? '',
  };
}

function configOf(value: Json | undefined): Descriptor | undefined {
  try {
    return value === undefined ? undefined : descriptorOf(value, 'its config');
  } catch {
    return undefined;
  }
}

function indexOf(value: JsonObject): OciIndex {
  const manifests = (value['manifests'] as readonly Json[]).map((one) => {
    const platform = isObject(one) ? one['platform'] : undefined;
    return {
      ...descriptorOf(one, 'an entry of manifests'),
      platform: isObject(platform)
        ? { os: String(platform['os'] ?? ''), architecture: String(platform['architecture'] ?? '') }
        : undefined,
      artifactType: textAt(one, 'artifactType') ?? '',
    };
  });
  return { kind: 'index', manifests };
}

/** Only sha256 digests are taken: a digest becomes a part of URLs. `urls` are not read: the registry alone is asked. */
function descriptorOf(value: Json, what: string): Descriptor {
  if (!isObject(value)) throw refused(`${what} is not a map`);
  const { digest, size, mediaType, annotations } = value;
  if (!isDigest(digest)) throw refused(`${what} has no sha256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw refused(`${what} has no size`);
  const said = Object.entries(isObject(annotations) ? annotations : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const type = typeof mediaType === 'string' ? mediaType : '';
  return { digest, size, mediaType: type, annotations: Object.fromEntries(said) };
}

/** The manifest for linux/amd64; one that names no platform counts as that. Undefined when there is none. */
export function forPlatform(index: OciIndex): Descriptor | undefined {
  return index.manifests.find(
    ({ platform }) => platform === undefined || (platform.os === 'linux' && platform.architecture === 'amd64'),
  );
}

function refused(why: string): Fault {
  return new Fault('source-refused', `the manifest cannot be used: ${why}`);
}

function shown(text: string): string {
  return `'${printable(text, 100)}'`;
}
