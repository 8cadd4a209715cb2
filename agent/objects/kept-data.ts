import { type DataObject, type DataRef, dataKey, toDataObject } from '../../src/flux/index.ts';
import { asFault, type KubeObject } from '../../src/model/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import type { ReadData } from '../loop/env.ts';
import type { Kept } from './keeper.ts';
import type { Vault } from './vault.ts';

export interface KeptPorts {
  readonly read: ReadData;
  readonly vault: Vault | undefined;
  /** uid of the cluster that is watched; '' before. */
  readonly uid: () => string;
}

/** The API server cannot be asked now. */
const AWAY: ReadonlySet<string> = new Set(['cluster-unreachable', 'cluster-protocol', 'cluster-auth']);

/**
 * Reads what objects name from the API server, and from disk while that is away, or while it is one that has lost it and
 * has not got it back yet.
 */
export function keptData({ read, vault, uid }: KeptPorts): ReadData {
  if (vault === undefined) return read;
  return async (refs) => {
    let away: unknown;
    const found = await read(refs).catch((error: unknown): readonly DataObject[] => {
      if (!AWAY.has(asFault(error).code)) throw error;
      away = error;
      return [];
    });
    const known = new Set(found.map(dataKey));
    const open = refs.filter((ref) => !known.has(dataKey(ref)));
    if (open.length === 0) return found;
    const kept = (await Promise.all(open.map((ref) => vault.get(ref)))).flatMap((one) => one ?? []);
    if (away !== undefined && kept.length < open.length) throw away;
    const usable = away === undefined ? kept.filter((one) => one.clusterUid !== uid()) : kept;
    return [...found, ...usable.map(dataOf)];
  };
}

function dataOf({ object }: Kept): DataObject {
  const kind = object.kind === 'Secret' ? 'Secret' : 'ConfigMap';
  return toDataObject(object, kind, 'the state folder', '').object;
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
