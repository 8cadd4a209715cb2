import { asFault, type Fault, type JsonObject, textAt } from '../../src/model/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import { FINALIZER, isForeign } from './kinds.ts';
import { MANAGER } from './publisher.ts';
import { isHeld, type Tracked, track } from './tracked.ts';

interface FinalizerPorts {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly tracked: ReadonlyMap<string, Tracked>;
}

/** Puts the finalizer on an object before anything is done for it. */
export async function claim(key: string, { tracked, cluster, log }: FinalizerPorts): Promise<void> {
  const one = tracked.get(key);
  if (one === undefined || one.deleting || isHeld(one) || isForeign(one.ref)) return;
  // Its run, and who noticed it first, may ask at the same time.
  one.claiming ??= putFinalizers(one, [...one.finalizers, FINALIZER], cluster)
    .catch((error: unknown) => log.warn('finalizer not set', { object: key, error: asFault(error).message }))
    .finally(() => {
      one.claiming = undefined;
    });
  await one.claiming;
}

/** Takes it off: what hung on the object is settled. */
export async function release(key: string, { tracked, cluster }: FinalizerPorts): Promise<void> {
  const one = tracked.get(key);
  if (one === undefined || !isHeld(one)) return;
  try {
    await putFinalizers(
      one,
      one.finalizers.filter((name) => name !== FINALIZER),
      cluster,
    );
  } catch (error) {
    // Gone already.
    const fault: Fault = asFault(error);
    if (fault.code !== 'apply-conflict' || textAt(fault.cause as JsonObject | undefined, 'reason') !== 'NotFound')
      throw fault;
  }
}

/** Guarded by the resourceVersion, because a list is replaced; read anew where others were quicker. */
async function putFinalizers(one: Tracked, finalizers: readonly string[], cluster: Cluster): Promise<void> {
  const adds = finalizers.includes(FINALIZER);
  const body = { metadata: { finalizers, resourceVersion: one.resourceVersion } };
  const answer = await cluster.patch(one.ref, body, { manager: MANAGER }).catch(async (error: unknown) => {
    if (asFault(error).code !== 'apply-conflict') throw error;
    const live = await cluster.read(one.ref);
    if (live === undefined) throw error;
    const fresh = track(one.ref, live, one);
    const others = fresh.finalizers.filter((name) => name !== FINALIZER);
    const next = { finalizers: adds ? [...others, FINALIZER] : others, resourceVersion: fresh.resourceVersion };
    return cluster.patch(one.ref, { metadata: next }, { manager: MANAGER });
  });
  const after = track(one.ref, answer, one);
  Object.assign(one, { resourceVersion: after.resourceVersion, finalizers: after.finalizers });
}
