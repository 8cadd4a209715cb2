import {
  type Digest,
  Fault,
  fromJson,
  isDigest,
  isObject,
  type Json,
  type JsonObject,
  type Limits,
  sha256,
} from '../../model/index.ts';
import { digestOf, type Readable, type Span, wholeOf } from './span.ts';
import { indexTar } from './tar-index.ts';

/** An OCI image layout in a tar or a folder (image-spec, image-layout): blobs by digest, read where they lie. */
export interface Layout {
  readonly file: Readable;
  readonly members: ReadonlyMap<string, Span>;
  /** Folder in the archive that the layout is in, such as `images/`; '' for its root. */
  readonly root: string;
  readonly limits: Pick<Limits, 'bundleIndexBytes' | 'bundleManifests'>;
}

/** A content of a layout, as an index or a manifest names it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A manifest that the index lists. */
export interface Listed {
  readonly descriptor: Descriptor;
  /** Undefined for one that is no image manifest: an index of platforms, or of another kind. */
  readonly manifest: Manifest | undefined;
}

export interface Manifest {
  readonly artifactType: string;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Digest of the manifest that it says something of; '' for none. */
  readonly subject: string;
}

type LayoutLimits = Layout['limits'] & Pick<Limits, 'bundleFiles'>;

/** Finds the layout in a tar or a folder; undefined when there is none. A zarf package has it in `images/`. Faults of `indexTar`. */
export async function openLayout(file: Readable, limits: LayoutLimits): Promise<Layout | undefined> {
  const members = file.members ?? (await indexTar(file, limits));
  const root = ['', 'images/'].find((one) => members.has(`${one}index.json`));
  return root === undefined ? undefined : { file, members, root, limits };
}

/** All manifests of a layout together, in times of limits.bundleIndexBytes: what they say is held in memory. */
export const ALL_MANIFESTS = 4;

/**
 * The manifests that the index lists, each checked by its digest. An index within it is listed and not followed: what is
 * for the agent stands at the top, so there is no loop to get lost in. Faults `bundle-damaged`, `bundle-unreadable`,
 * `source-bounds` (limits.bundleIndexBytes, bundleManifests).
 */
export async function listManifests(layout: Layout): Promise<readonly Listed[]> {
  const { limits } = layout;
  const index = jsonOf(await memberOf(layout, 'index.json'), 'index.json');
  const entries = index['manifests'];
  if (!Array.isArray(entries)) throw unreadable('index.json has no manifests');
  if (entries.length > limits.bundleManifests)
    throw new Fault(
      'source-bounds',
      `index.json lists ${entries.length} manifests, more than ${limits.bundleManifests} (limits.bundleManifests)`,
    );
  const listed: Listed[] = [];
  let held = 0;
  for (const entry of entries) {
    const descriptor = descriptorOf(entry, 'index.json');
    const small = descriptor.size <= limits.bundleIndexBytes && memberSpan(layout, descriptor.digest) !== undefined;
    held += small ? descriptor.size : 0;
    if (held > ALL_MANIFESTS * limits.bundleIndexBytes)
      throw new Fault(
        'source-bounds',
        `the manifests together have more than ${ALL_MANIFESTS} times ${limits.bundleIndexBytes} bytes (limits.bundleIndexBytes)`,
      );
    listed.push({ descriptor, manifest: small ? await readManifest(layout, descriptor) : undefined });
  }
  return listed;
}

/** Undefined for what is no image manifest. Faults of `blobOf`. */
export async function readManifest(layout: Layout, descriptor: Descriptor): Promise<Manifest | undefined> {
  if (!/manifest/.test(descriptor.mediaType) || /manifest\.list/.test(descriptor.mediaType)) return undefined;
  const { digest } = descriptor;
  const bytes = await blobOf(layout, descriptor);
  const value = jsonOf(bytes, digest);
  const layers = value['layers'];
  if (!Array.isArray(layers)) return undefined;
  const { config } = value;
  return {
    artifactType: typeof value['artifactType'] === 'string' ? value['artifactType'] : '',
    config: config === undefined || config === null ? undefined : descriptorOf(config, digest),
    layers: layers.map((one) => descriptorOf(one, digest)),
    annotations: annotationsOf(value['annotations']),
    subject: isObject(value['subject']) ? String(value['subject']['digest']) : '',
  };
}

/** Bytes of a small blob that have its digest. */
export async function blobOf(layout: Layout, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<Buffer> {
  const { file, limits } = layout;
  const span = checkedSpan(layout, { digest, size });
  const bytes = await wholeOf(file, span, limits.bundleIndexBytes, 'bundleIndexBytes');
  if (sha256(bytes) !== digest) throw new Fault('bundle-damaged', `blob ${digest} does not have its digest`);
  return bytes;
}

/** Where a blob lies. Fault `bundle-damaged` when it is not there, or of another size than is said. */
export function checkedSpan(layout: Layout, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Span {
  const span = memberSpan(layout, digest);
  if (span === undefined) throw new Fault('bundle-damaged', `blob ${digest} is not in the bundle`);
  if (span.size !== size)
    throw new Fault('bundle-damaged', `blob ${digest} has ${span.size} bytes, and ${size} are promised`);
  return span;
}

/** Fault `bundle-damaged` where a folder does not have a blob: it tells nothing of its end. */
export function checkThere(layout: Layout, { digest }: Pick<Descriptor, 'digest'>): void {
  if (memberSpan(layout, digest) === undefined)
    throw new Fault('bundle-damaged', `blob ${digest} is not in the folder: it is still being copied, or was left out`);
}

/** Where a blob lies; undefined when it is not there. */
export function memberSpan({ members, root }: Layout, digest: Digest): Span | undefined {
  return members.get(`${root}blobs/${digest.replace(':', '/')}`);
}

/** Reads blobs and compares their digests. Fault `bundle-damaged` names the first that differs. */
export async function proveBlobs(
  layout: Layout,
  blobs: readonly Pick<Descriptor, 'digest' | 'size'>[],
  signal?: AbortSignal,
): Promise<void> {
  for (const blob of blobs) {
    const span = checkedSpan(layout, blob);
    if ((await digestOf(layout.file, span, signal)) !== blob.digest)
      throw new Fault('bundle-damaged', `blob ${blob.digest} does not have its digest`);
  }
}

async function memberOf({ file, members, root, limits }: Layout, name: string): Promise<Buffer> {
  const span = members.get(`${root}${name}`);
  if (span === undefined) throw unreadable(`there is no ${name}`);
  return wholeOf(file, span, limits.bundleIndexBytes, 'bundleIndexBytes');
}

function jsonOf(bytes: Buffer, where: string): JsonObject {
  let value: Json;
  try {
    value = fromJson(bytes.toString('utf8'));
  } catch (error) {
    throw new Fault('bundle-damaged', `${where} is no JSON`, { cause: error });
  }
  if (!isObject(value)) throw unreadable(`${where} is no JSON object`);
  return value;
}

/** Fault `bundle-unreadable` where it names no content. */
export function descriptorOf(value: Json | undefined, where: string): Descriptor {
  if (!isObject(value)) throw unreadable(`${where} has a descriptor that is none`);
  const { digest, size, mediaType } = value;
  if (!isDigest(digest)) throw unreadable(`${where} names a content by a digest that is no sha256`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw unreadable(`${where} has a descriptor without a size`);
  return {
    digest,
    size,
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    annotations: annotationsOf(value['annotations']),
  };
}

function annotationsOf(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]) => (typeof v === 'string' ? [[k, v] as const] : [])),
  );
}

const unreadable = (why: string): Fault => new Fault('bundle-unreadable', `the OCI layout cannot be read: ${why}`);
