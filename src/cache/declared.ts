import { isObject, type JsonObject } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import type { DamageBook } from './damage.ts';
import { kindFileNameOf } from './names.ts';
import { stringOf } from './parse.ts';
import { keyedQueue, type StateFile, stateBases, stateFile } from './state.ts';

/** A Flux object of a cluster as it was last seen there. */
export interface DeclaredRecord {
  /** `Kind/namespace/name`. */
  readonly key: string;
  /** uid of the cluster it was seen in. */
  readonly clusterUid: string;
  /** The object without what the API server writes. */
  readonly object: JsonObject;
}

/** The Flux objects of the cluster, for a start while the API server is away, and for a cluster that lost them. */
export interface DeclaredStates {
  /** Sorted by file name. */
  all(): readonly DeclaredRecord[];
  /** Writes nothing when the same is there already. True when it wrote. */
  put(record: DeclaredRecord): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** The records `<folder>/<kind>_<namespace>_<name>`. */
export function declaredStates(options: {
  readonly disk: Disk;
  readonly damage: DamageBook;
  readonly folder: 'declared' | 'secrets';
}): DeclaredStates {
  const { disk, damage, folder } = options;
  const queue = keyedQueue();
  const at = (base: string): StateFile<DeclaredRecord> => stateFile({ disk, damage, base, parse });
  const file = (key: string): StateFile<DeclaredRecord> => at(`${folder}/${kindFileNameOf(key)}`);
  return {
    all: () => stateBases(disk, folder).flatMap((base) => at(base).load().value ?? []),
    put: ({ key, clusterUid, object }) => queue(key, () => file(key).save({ key, clusterUid, object })),
    remove: (key) => queue(key, () => file(key).remove()),
  };
}

function parse(data: JsonObject): DeclaredRecord | undefined {
  const [key, clusterUid] = [stringOf(data, 'key'), stringOf(data, 'clusterUid')];
  const { object } = data;
  return key === undefined || clusterUid === undefined || !isObject(object) ? undefined : { key, clusterUid, object };
}
