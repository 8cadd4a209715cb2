import { Fault, type Limits } from '../../model/index.ts';
import { type Coding, codingOf } from '../unpack/index.ts';
import { isGitBundle } from './git-head.ts';
import { checkThere, type Layout, type Listed, listManifests, openLayout } from './layout.ts';
import { type BundlePart, holdsFiles, partOf, plainPart, sourceOf, unreadable } from './parts.ts';
import type { Readable } from './span.ts';
import { isTar } from './tar-index.ts';

/** What a file holds. */
export interface Bundle {
  readonly form: 'oci-layout' | 'git-bundle' | 'archive';
  readonly parts: readonly BundlePart[];
  /** All that its index lists; empty for a file without a wrapper. */
  readonly listed: readonly Listed[];
  /** Manifests that are not for the agent, such as images that ride along. */
  readonly others: readonly Listed[];
  /** Undefined for a file without a wrapper. */
  readonly layout?: Layout;
}

export type BundleLimits = Pick<Limits, 'bundleBytes' | 'bundleFiles' | 'bundleIndexBytes' | 'bundleManifests'>;

/**
 * Looks at a file, or a folder read as one: what it is, and for which sources. Its name is believed only where the file
 * itself says nothing, and no payload is read. One that is compressed as a whole is unwrapped before (`wrappingOf`). Faults `bundle-damaged`, `bundle-unreadable`, `source-bounds`.
 */
export async function openBundle(file: Readable, name: string, limits: BundleLimits): Promise<Bundle> {
  if (file.size > limits.bundleBytes)
    throw new Fault(
      'source-bounds',
      `the file has ${file.size} bytes, more than ${limits.bundleBytes} (limits.bundleBytes)`,
    );
  if (file.members !== undefined) return inFolder(file, limits);
  const start = Buffer.from(await file.read(0, Math.min(512, file.size)));
  const whole = { start: 0, size: file.size };
  if (isGitBundle(start)) return plain('git-bundle', plainPart('git', name, whole));
  const archive = plainPart('archive', name, whole);
  const coding = codingOf(start);
  if (coding !== 'none') return plain('archive', nameable(archive, coding));
  if (isTar(start)) {
    const layout = await openLayout(file, limits);
    // A bucket may have an object of that name.
    const isLayout = layout !== undefined && (!holdsFiles(archive) || layout.members.has(`${layout.root}oci-layout`));
    return isLayout ? ofLayout(layout) : plain('archive', nameable(archive, coding));
  }
  if (start.every((byte) => byte === 0))
    throw new Fault('bundle-damaged', 'the file is empty, or begins with zeros: it is still being copied, or damaged');
  throw unreadable('it is neither an OCI image layout in a tar, nor a tar archive of files, nor a Git bundle');
}

const plain = (form: Bundle['form'], part: BundlePart): Bundle => ({ form, parts: [part], listed: [], others: [] });

async function inFolder(file: Readable, limits: BundleLimits): Promise<Bundle> {
  const layout = await openLayout(file, limits);
  if (layout === undefined)
    throw new Fault('bundle-damaged', 'the folder has no index.json: it is still being copied, or damaged');
  const bundle = await ofLayout(layout);
  // One of them may be for a source, and is not known yet.
  for (const { descriptor } of bundle.listed) checkThere(layout, descriptor);
  return bundle;
}

async function ofLayout(layout: Layout): Promise<Bundle> {
  const listed = await listManifests(layout);
  const parts = listed.flatMap((one) => partOf(layout, one) ?? []);
  const artifacts = parts.flatMap(({ carried, source }) => (carried === undefined ? [] : [source]));
  const twice = artifacts.find((source, i) => artifacts.indexOf(source) !== i);
  if (twice !== undefined) throw unreadable(`there are two artifacts for ${twice} in it`);
  const others = listed.filter((one) => sourceOf(one) === '');
  return { form: 'oci-layout', layout, parts, listed, others };
}

/** An archive of files can be anything: only its name ties it to a source, and only to one whose revision it can prove. */
function nameable(archive: BundlePart, coding: Coding): BundlePart {
  if (holdsFiles(archive)) return archive;
  const [kind = ''] = archive.source.split('/');
  const what = coding === 'none' ? 'a tar archive without an OCI image layout' : `compressed with ${coding}`;
  const why = WHY[kind] ?? 'nothing in it says for which source it is';
  throw unreadable(
    `it is ${what}, and ${why}; an archive of files is taken by the name Bucket_NAMESPACE_NAME.tar.gz or ExternalArtifact_NAMESPACE_NAME.tar.gz`,
  );
}

const WHY: Readonly<Record<string, string>> = {
  GitRepository: 'the revision of a GitRepository is a commit, which no such archive proves (bring a Git bundle)',
  OCIRepository:
    'the revision of an OCIRepository is the digest of a manifest, which no such archive has (bring an image layout)',
};
