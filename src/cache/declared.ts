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
  /** Undefined when there is none, or it cannot be read. */
  get(key: string): DeclaredRecord | undefined;
  /** Writes nothing when the same is there already. True when it wrote. */
  put(record: DeclaredRecord): Promise<boolean>;
  remove(key: string): Promise<void>;
  /** Removes all but those of these keys, what cannot be read, too. Answers how many. */
  retain(keys: Iterable<string>): Promise<number>;
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
  const baseOf = (key: string): string => `${folder}/${kindFileNameOf(key)}`;
  const removeAt = (base: string): Promise<void> => queue(base, () => at(base).remove());
  return {
    all: () => stateBases(disk, folder).flatMap((base) => at(base).load().value ?? []),
    get: (key) => at(baseOf(key)).load().value,
    put: ({ key, clusterUid, object }) => {
      const base = baseOf(key);
      return queue(base, () => at(base).save({ key, clusterUid, object }));
    },
    remove: (key) => removeAt(baseOf(key)),
    retain: async (keys) => {
      const wanted = new Set([...keys].map(baseOf));
      const others = stateBases(disk, folder).filter((base) => !wanted.has(base));
      await Promise.all(others.map(removeAt));
      return others.length;
    },
  };
}

function parse(data: JsonObject): DeclaredRecord | undefined {
  const [key, clusterUid] = [stringOf(data, 'key'), stringOf(data, 'clusterUid')];
  const { object } = data;
  return key === undefined || clusterUid === undefined || !isObject(object) ? undefined : { key, clusterUid, object };
}
