import { asFault } from '../../src/model/index.ts';
import type { Cluster } from '../../src/ports/index.ts';
import { FLUX_KINDS } from './kinds.ts';
import { type Tracked, track } from './tracked.ts';

export interface CurrentPorts {
  readonly cluster: Pick<Cluster, 'read'>;
  readonly tracked: ReadonlyMap<string, Tracked>;
}

/**
 * Whether an object is still what its watch has shown: the same one, of the same generation, deleted or not. True where
 * no watch has shown it, and where it may not be read; other Faults of the API server are thrown.
 */
export async function isCurrent(key: string, { tracked, cluster }: CurrentPorts): Promise<boolean> {
  const one = tracked.get(key);
  if (one === undefined) return true;
  try {
    const live = await cluster.read(one.ref, { metadataOnly: true });
    if (live === undefined) return false;
    const now = track(one.ref, live, one);
    // What the watch has shown meanwhile is in the map.
    const seen = tracked.get(key);
    return now.uid === seen?.uid && now.generation === seen.generation && now.deleting === seen.deleting;
  } catch (error) {
    if (asFault(error).code === 'cluster-denied') return true;
    throw error;
  }
}

/** Whether an object that no watch shows any more is no longer there. Faults of the API server are thrown. */
export async function isGone(key: string, { tracked, cluster }: CurrentPorts): Promise<boolean> {
  const [kindName = '', namespace = '', name = ''] = key.split('/');
  const kind = FLUX_KINDS.find((one) => one.kind === kindName);
  if (kind === undefined || tracked.has(key)) return false;
  const { group, version } = kind;
  const ref = { group, version, kind: kindName, namespace, name };
  return (await cluster.read(ref, { metadataOnly: true })) === undefined;
}
