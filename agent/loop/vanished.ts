import { FROM_CLUSTER } from '../../src/flux/index.ts';
import { asFault, idText } from '../../src/model/index.ts';
import { runOf } from './declare.ts';
import { takesAlong } from './kustomization-delete.ts';
import { type KustomizationPorts, type KustomizationRun, noteRecord } from './kustomization-state.ts';
import { pruneAll } from './kustomization-sync.ts';
import type { Site } from './site.ts';

/**
 * The object of a first run went while that run was under way, and was not held: a finalizer that comes at the moment of the
 * deletion is ignored by the API server, and nobody asks any more for what the run has made. It is taken back by the
 * object's deletionPolicy, or looked after by another object of the same name. Never throws.
 */
export async function takeBack(site: Site, run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  const { key, object, record } = run;
  const { origin, deleting } = object.meta;
  if (runOf(site, key) === run || origin !== FROM_CLUSTER || deleting === true || record.inventory.length === 0) return;
  const { log, news, records } = ports.env;
  const heir = site.kustomizations.get(key);
  if (heir !== undefined) return inherit(heir, run);
  const names = record.inventory.map((entry) => idText(entry.id));
  try {
    // One that has lost the label by which this agent takes it is not gone.
    if (!takesAlong(run) || !ports.leads(run) || !(await news.isGone(key))) return;
    await pruneAll(run, ports);
    if (run.record.inventory.length > 0)
      return log.warn('objects of a deleted Kustomization stay', { object: key, names });
    await records.forget(key);
    log.info('taken back: the Kustomization was deleted while it was applied first', { object: key, names });
  } catch (error) {
    log.warn('objects of a deleted Kustomization stay', { object: key, names, error: asFault(error).message });
  }
}

/** Its next run prunes what it does not want itself. */
function inherit(heir: KustomizationRun, { record }: KustomizationRun): void {
  const { inventory, clusterUid } = record;
  const known = new Set(heir.record.inventory.map((entry) => entry.id));
  const more = inventory.filter((entry) => !known.has(entry.id));
  if (more.length > 0) noteRecord(heir, { inventory: [...heir.record.inventory, ...more], clusterUid });
}
