import { Fault, fromJson, isObject, type Json } from '../../model/index.ts';
import { reachBudget, reachOf } from './carried.ts';
import type { Bundle } from './contents.ts';
import {
  blobOf,
  checkThere,
  type Descriptor,
  descriptorOf,
  type Layout,
  type Listed,
  memberSpan,
  proveBlobs,
  readManifest,
} from './layout.ts';

/**
 * Reads everything that is for the agent and compares the digests, so that nothing of a file is taken that is damaged
 * anywhere; of other manifests those that are wanted, as far as they are in the file. A folder tells nothing of its end:
 * there all that the wanted ones lead to must be in it. Fault `bundle-damaged`; the signal's reason when it aborts.
 */
export async function proveBundle(
  { layout, listed, parts, others }: Bundle,
  wanted: (other: Listed) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  if (layout === undefined) return;
  const isFolder = layout.file.members !== undefined;
  const budget = reachBudget(layout);
  const blobs = new Map<string, Descriptor>();
  const add = (blob: Descriptor, rides: boolean): void => {
    if (isFolder && !isElsewhere(blob)) checkThere(layout, blob);
    if (!rides || memberSpan(layout, blob.digest) !== undefined) blobs.set(blob.digest, blob);
  };
  for (const one of listed) {
    const rides = others.includes(one);
    if (rides && !wanted(one)) continue;
    const carried = parts.find((part) => part.carried?.top === one.descriptor)?.carried;
    if (carried !== undefined) {
      const { blobs: more } = await reachOf(layout, carried, budget);
      for (const blob of more) add(blob, false);
      continue;
    }
    for (const blob of blobsOf(one)) add(blob, rides);
    if (isFolder && one.manifest === undefined)
      for (const blob of await below(layout, one.descriptor, signal)) add(blob, rides);
  }
  await proveBlobs(layout, [...blobs.values()], signal);
}

function blobsOf({ descriptor, manifest }: Listed): readonly Descriptor[] {
  const config = manifest?.config === undefined ? [] : [manifest.config];
  return [descriptor, ...config, ...(manifest?.layers ?? [])];
}

/** Layers that are never in a layout: they name the place where they are. */
const isElsewhere = ({ mediaType }: Descriptor): boolean => /nondistributable|foreign/.test(mediaType);

/** Indexes in indexes: platforms, and no more than that. */
const DEPTH = 2;

/** All that an index within the index leads to. Each is read once, and all together are bounded as those at the top. */
async function below(layout: Layout, top: Descriptor, signal: AbortSignal | undefined): Promise<readonly Descriptor[]> {
  const { bundleManifests, bundleIndexBytes } = layout.limits;
  const found = new Map<string, Descriptor>();
  const todo = [{ descriptor: top, depth: 0 }];
  let held = 0;
  for (const { descriptor, depth } of todo) {
    signal?.throwIfAborted();
    checkThere(layout, descriptor);
    held += descriptor.size;
    if (todo.length > bundleManifests)
      throw new Fault('source-bounds', `an index has more than ${bundleManifests} manifests (limits.bundleManifests)`);
    if (held > bundleIndexBytes)
      throw new Fault(
        'source-bounds',
        `an index and its manifests have more than ${bundleIndexBytes} bytes (limits.bundleIndexBytes)`,
      );
    const manifest = await readManifest(layout, descriptor);
    if (manifest !== undefined) {
      for (const blob of blobsOf({ descriptor, manifest })) found.set(blob.digest, blob);
      continue;
    }
    for (const child of await childrenOf(layout, descriptor)) {
      if (found.has(child.digest)) continue;
      if (depth === DEPTH) throw new Fault('bundle-unreadable', `the indexes below ${top.digest} are nested too deep`);
      found.set(child.digest, child);
      todo.push({ descriptor: child, depth: depth + 1 });
    }
  }
  return [...found.values()];
}

async function childrenOf(layout: Layout, descriptor: Descriptor): Promise<readonly Descriptor[]> {
  if (!/index|manifest\.list/.test(descriptor.mediaType)) return [];
  let value: Json = null;
  try {
    value = fromJson((await blobOf(layout, descriptor)).toString('utf8'));
  } catch (error) {
    if (error instanceof Fault) throw error;
  }
  const children = isObject(value) ? value['manifests'] : undefined;
  return Array.isArray(children) ? children.map((one) => descriptorOf(one, descriptor.digest)) : [];
}
