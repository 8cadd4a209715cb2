import { Fault, type Limits, type SourceKey } from '../../model/index.ts';
import { isGitBundle } from './git-head.ts';
import {
  checkedSpan,
  type Descriptor,
  type Layout,
  type Listed,
  listManifests,
  type Manifest,
  memberSpan,
  openLayout,
  proveBlobs,
} from './layout.ts';
import { labelsOf, MEDIA, NOTE, type PartNotes, type Selector } from './media.ts';
import type { Readable, Span } from './span.ts';
import { isTar } from './tar-index.ts';

/** How the content of a source is packed. */
export type PartForm = 'git' | 'oci';

/** The content of one source in a file. */
export interface BundlePart extends PartNotes {
  readonly form: PartForm;
  /** Where its payload lies. */
  readonly span: Span;
}

/** What a file holds. */
export interface Bundle {
  readonly form: 'oci-layout' | 'git-bundle';
  readonly parts: readonly BundlePart[];
  /** All that its index lists; empty for a file without a wrapper. */
  readonly listed: readonly Listed[];
  /** Manifests that are not for the agent, such as images that ride along. */
  readonly others: readonly Listed[];
  /** Undefined for a file without a wrapper. */
  readonly layout?: Layout;
}

export type BundleLimits = Pick<Limits, 'bundleBytes' | 'bundleFiles' | 'bundleIndexBytes' | 'bundleManifests'>;

const EVERYBODY: Selector = { cluster: '', labels: {} };

/**
 * Looks at a file: what it is, and for which sources. Its name is believed only where the file itself says nothing, and
 * no payload is read. Faults `bundle-damaged`, `bundle-unreadable`, `source-bounds`.
 */
export async function openBundle(file: Readable, name: string, limits: BundleLimits): Promise<Bundle> {
  if (file.size > limits.bundleBytes)
    throw new Fault(
      'source-bounds',
      `the file has ${file.size} bytes, more than ${limits.bundleBytes} (limits.bundleBytes)`,
    );
  const start = Buffer.from(await file.read(0, Math.min(512, file.size)));
  const whole = { start: 0, size: file.size };
  if (isGitBundle(start)) return { form: 'git-bundle', parts: [plainPart('git', name, whole)], listed: [], others: [] };
  const compression = compressionOf(start);
  if (compression !== undefined)
    throw unreadable(`it is compressed with ${compression}: unpack it once, so that it is a .tar`);
  if (isTar(start)) {
    const layout = await openLayout(file, limits);
    if (layout === undefined)
      throw unreadable('it is a tar archive without an OCI image layout (there is no index.json)');
    const listed = await listManifests(layout);
    const parts = listed.flatMap(({ manifest }) => partOf(layout, manifest) ?? []);
    const others = listed.filter(({ manifest }) => sourceOf(manifest) === '');
    return { form: 'oci-layout', layout, parts, listed, others };
  }
  if (start.every((byte) => byte === 0))
    throw new Fault('bundle-damaged', 'the file is empty, or begins with zeros: it is still being copied, or damaged');
  throw unreadable('it is neither an OCI image layout in a tar nor a Git bundle');
}

function compressionOf(start: Buffer): string | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  return start.readUInt32LE !== undefined && start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528
    ? 'zstd'
    : undefined;
}

/** A file without a wrapper, for the source of its name: `GitRepository_flux-system_fleet.bundle`, `..._fleet@main.bundle`. */
export function plainPart(form: PartForm, name: string, span: Span): BundlePart {
  const m = /^([A-Za-z]+)_([a-z0-9.-]+)_([a-z0-9.-]+?)(?:@(.*?))?\.(?:bundle|tar)$/.exec(name);
  const source = m === null ? '' : `${m[1]}/${m[2]}/${m[3]}`;
  return { form, source, revision: '', base: '', created: '', sequence: 0, selector: EVERYBODY, span };
}

const sourceOf = (manifest: Manifest | undefined): SourceKey => manifest?.annotations[NOTE.source] ?? '';

function partOf(layout: Layout, manifest: Manifest | undefined): BundlePart | undefined {
  const source = sourceOf(manifest);
  if (manifest === undefined || source === '') return undefined;
  if (!/^[A-Za-z]+\/[a-z0-9.-]+\/[a-z0-9.-]+$/.test(source))
    throw unreadable(
      `a manifest is for '${source.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)}', which is no Kind/namespace/name`,
    );
  const [payload, more] = manifest.layers;
  if (payload?.mediaType !== MEDIA.git || more !== undefined)
    throw unreadable(
      `the content of ${source} is none that this agent knows: it may be of a newer version of Holdfast`,
    );
  return { ...notesOf(source, manifest), form: 'git', span: checkedSpan(layout, payload) };
}

function notesOf(source: SourceKey, { annotations }: Manifest): PartNotes {
  const note = (key: string): string => annotations[key] ?? '';
  const sequence = Number(note(NOTE.sequence));
  return {
    source,
    revision: note(NOTE.revision),
    base: note(NOTE.base),
    created: note(NOTE.created),
    sequence: Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0,
    selector: { cluster: note(NOTE.cluster), labels: labelsOf(note(NOTE.labels)) },
  };
}

/**
 * Reads everything that is for the agent and compares the digests, so that nothing of a file is taken that is damaged
 * anywhere; of other manifests those that are wanted, as far as they are in the file. Fault `bundle-damaged`; the signal's
 * reason when it aborts.
 */
export async function proveBundle(
  { layout, listed, others }: Bundle,
  wanted: (other: Listed) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  if (layout === undefined) return;
  const blobs = new Map<string, Descriptor>();
  for (const one of listed) {
    const rides = others.includes(one);
    if (rides && !wanted(one)) continue;
    for (const blob of blobsOf(one))
      if (!rides || memberSpan(layout, blob.digest) !== undefined) blobs.set(blob.digest, blob);
  }
  await proveBlobs(layout, [...blobs.values()], signal);
}

function blobsOf({ descriptor, manifest }: Listed): readonly Descriptor[] {
  const config = manifest?.config === undefined ? [] : [manifest.config];
  return [descriptor, ...config, ...(manifest?.layers ?? [])];
}

const unreadable = (why: string): Fault => new Fault('bundle-unreadable', why);
