import { type DataObject, type DataRef, dataKey } from '../../src/flux/index.ts';
import { asFault, type KubeObject } from '../../src/model/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import type { ReadData } from '../loop/env.ts';
import { asData } from './as-data.ts';
import { isAway } from './away.ts';
import type { Vault } from './vault.ts';

export interface KeptPorts {
  readonly read: ReadData;
  readonly vault: Vault | undefined;
  /** uid of the cluster that is watched; '' before. */
  readonly uid: () => string;
}

/**
 * Reads what objects name from the API server, and from disk while that is away, or while it is one that has lost it and
 * has not got it back yet.
 */
export function keptData({ read, vault, uid }: KeptPorts): ReadData {
  if (vault === undefined) return read;
  return async (refs, since) => {
    let away: unknown;
    const found = await read(refs, since).catch((error: unknown): readonly DataObject[] => {
      if (!isAway(error)) throw error;
      away = error;
      return [];
    });
    const known = new Set(found.map(dataKey));
    const open = refs.filter((ref) => !known.has(dataKey(ref)));
    if (open.length === 0) return found;
    const kept = await Promise.all(open.map(async (ref) => ({ ref, one: await vault.get(ref) })));
    if (away !== undefined && kept.some(({ one }) => one === undefined)) throw away;
    // Accounts are not put back: one that is not there does not come any more.
    const counts = ({ ref, one }: (typeof kept)[number]): boolean =>
      away !== undefined || (one?.clusterUid !== uid() && ref.kind !== 'ServiceAccount');
    const usable = kept.filter(counts).flatMap(({ ref, one }) => one && asData(one.object, ref, 'the state folder'));
    return [...found, ...usable.flatMap((one) => one ?? [])];
  };
}

/**
 * Told of each answer of the API server. That an object is not there may be the answer of another cluster than the one
 * that is watched: only this one's says that it is gone.
 */
export function keepAnswers(ports: {
  readonly vault: Vault | undefined;
  readonly uid: () => string;
  readonly cluster: Cluster;
  readonly log: Log;
}): (ref: DataRef, object: KubeObject | undefined) => void {
  const { vault, uid, cluster, log } = ports;
  const gone = async (ref: DataRef): Promise<void> => {
    const before = uid();
    if (before === '' || (await vault?.get(ref))?.clusterUid !== before) return;
    if ((await cluster.identity()).uid === before) vault?.forget(ref, before);
  };
  return (ref, object) => {
    if (object !== undefined) vault?.keep(object, uid());
    else
      gone(ref).catch((error: unknown) =>
        log.debug('not known whether it is gone', { object: dataKey(ref), error: asFault(error).message }),
      );
  };
}
