import { asFault, textAt } from '../../src/model/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import type { Kept } from './keeper.ts';
import { FINALIZER, FLUX_KINDS, isForeign, refOf } from './kinds.ts';
import { MANAGER } from './publisher.ts';
import { isHeld, type Tracked, track } from './tracked.ts';

interface FinalizerPorts {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly tracked: ReadonlyMap<string, Tracked>;
}

/** Others may write to the object at the same time, so often in a row. */
const MOST_TRIES = 5;

/**
 * Puts the finalizer on an object before anything is done for it. False when the object is gone, or goes without it, whatever
 * the watch has shown: nothing would take back what is done for it now. True where that cannot be known.
 */
export async function claim(key: string, { tracked, cluster, log }: FinalizerPorts): Promise<boolean> {
  const one = tracked.get(key);
  if (one === undefined || one.deleting || isHeld(one) || isForeign(one.ref)) return true;
  // Its run, and who noticed it first, may ask at the same time.
  one.claiming ??= putFinalizers(one, true, cluster)
    .catch((error: unknown) => {
      log.warn('finalizer not set', { object: key, error: asFault(error).message });
      return true;
    })
    .finally(() => {
      // What the watch showed meanwhile is taken down anew, with this on it.
      for (const each of [one, tracked.get(key)]) if (each?.uid === one.uid) each.claiming = undefined;
    });
  return one.claiming;
}

/** The same for one that is known from this disk alone, in the cluster that had it: no watch has shown it yet. */
export async function claimUnseen({ key, object }: Kept, { cluster, log }: FinalizerPorts): Promise<boolean> {
  const kind = FLUX_KINDS.find((one) => one.kind === object.kind);
  if (kind === undefined || isForeign(kind)) return true;
  const ref = refOf(kind, object);
  try {
    const live = await cluster.read(ref, { metadataOnly: true });
    const one = live && track(ref, live, undefined);
    if (one === undefined || one.uid !== textAt(object.metadata, 'uid')) return false;
    if (isHeld(one)) return true;
    return !one.deleting && (await putFinalizers(one, true, cluster));
  } catch (error) {
    log.debug('not known whether an object is still there', { object: key, error: asFault(error).message });
    return true;
  }
}

/** Takes it off: what hung on the object is settled. Those of others stay. */
export async function release(key: string, { tracked, cluster }: FinalizerPorts): Promise<void> {
  const one = tracked.get(key);
  if (one !== undefined && isHeld(one)) await putFinalizers(one, false, cluster);
}

/**
 * Guarded by the resourceVersion, because a list is replaced; read anew where others were quicker. Nothing is left to do
 * for an object that is gone, or for another one of its name: answers whether it is there, and as asked for.
 */
async function putFinalizers(one: Tracked, held: boolean, cluster: Cluster): Promise<boolean> {
  let now: Pick<Tracked, 'finalizers' | 'resourceVersion'> = one;
  for (let tries = 1; ; tries++) {
    const others = now.finalizers.filter((name) => name !== FINALIZER);
    const finalizers = held ? [...others, FINALIZER] : others;
    const body = { metadata: { finalizers, resourceVersion: now.resourceVersion } };
    try {
      const answer = await cluster.patch(one.ref, body, { manager: MANAGER });
      const after = track(one.ref, answer, one);
      Object.assign(one, { resourceVersion: after.resourceVersion, finalizers: after.finalizers });
      return true;
    } catch (error) {
      if (asFault(error).code !== 'apply-conflict' || tries === MOST_TRIES) throw error;
    }
    const live = await cluster.read(one.ref);
    const fresh = live && track(one.ref, live, one);
    if (fresh?.uid !== one.uid) return false;
    if (isHeld(fresh) === held) return true;
    // To one that is being deleted none may be added.
    if (held && fresh.deleting) return false;
    now = fresh;
  }
}
