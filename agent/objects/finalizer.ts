import { asFault } from '../../src/model/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import { FINALIZER, isForeign } from './kinds.ts';
import { MANAGER } from './publisher.ts';
import { isHeld, type Tracked, track } from './tracked.ts';

interface FinalizerPorts {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly tracked: ReadonlyMap<string, Tracked>;
}

/** Others may write to the object at the same time, so often in a row. */
const MOST_TRIES = 5;

/** Puts the finalizer on an object before anything is done for it. */
export async function claim(key: string, { tracked, cluster, log }: FinalizerPorts): Promise<void> {
  const one = tracked.get(key);
  if (one === undefined || one.deleting || isHeld(one) || isForeign(one.ref)) return;
  // Its run, and who noticed it first, may ask at the same time.
  one.claiming ??= putFinalizers(one, true, cluster)
    .catch((error: unknown) => log.warn('finalizer not set', { object: key, error: asFault(error).message }))
    .finally(() => {
      // What the watch showed meanwhile is taken down anew, with this on it.
      for (const each of [one, tracked.get(key)]) if (each?.uid === one.uid) each.claiming = undefined;
    });
  await one.claiming;
}

/** Takes it off: what hung on the object is settled. Those of others stay. */
export async function release(key: string, { tracked, cluster }: FinalizerPorts): Promise<void> {
  const one = tracked.get(key);
  if (one !== undefined && isHeld(one)) await putFinalizers(one, false, cluster);
}

/**
 * Guarded by the resourceVersion, because a list is replaced; read anew where others were quicker. Nothing is left to do
 * for an object that is gone, or for another one of its name.
 */
async function putFinalizers(one: Tracked, held: boolean, cluster: Cluster): Promise<void> {
  let now: Pick<Tracked, 'finalizers' | 'resourceVersion'> = one;
  for (let tries = 1; ; tries++) {
    const others = now.finalizers.filter((name) => name !== FINALIZER);
    const finalizers = held ? [...others, FINALIZER] : others;
    const body = { metadata: { finalizers, resourceVersion: now.resourceVersion } };
    try {
      const answer = await cluster.patch(one.ref, body, { manager: MANAGER });
      const after = track(one.ref, answer, one);
      Object.assign(one, { resourceVersion: after.resourceVersion, finalizers: after.finalizers });
      return;
    } catch (error) {
      if (asFault(error).code !== 'apply-conflict' || tries === MOST_TRIES) throw error;
    }
    const live = await cluster.read(one.ref);
    const fresh = live && track(one.ref, live, one);
    // To one that is being deleted none may be added.
    if (fresh?.uid !== one.uid || isHeld(fresh) === held || (held && fresh.deleting)) return;
    now = fresh;
  }
}
