import type { DeclaredStates } from '../../src/cache/index.ts';
import { REQUESTED } from '../../src/flux/index.ts';
import { isObject, type JsonObject, type KubeObject } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { createBackground } from '../background.ts';
import { isForeign } from './kinds.ts';

/** Keeps on disk which objects the cluster declares. */
export interface Keeper {
  /** Those of the last look, by key. */
  load(): readonly Kept[];
  keep(key: string, object: KubeObject, clusterUid: string): void;
  forget(key: string): void;
  settle(): Promise<void>;
}

export interface Kept {
  readonly key: string;
  readonly clusterUid: string;
  readonly object: KubeObject;
}

/** Annotations that ask for something once, or that repeat the object. */
const PASSING = [REQUESTED, 'kubectl.kubernetes.io/last-applied-configuration'];

export function createKeeper(states: DeclaredStates, log: Log): Keeper {
  const writing = createBackground(log, 'declared object not kept on disk');
  return {
    load: () =>
      states.all().flatMap(({ key, clusterUid, object }) => (isKube(object) ? [{ key, clusterUid, object }] : [])),
    keep: (key, object, clusterUid) => writing.add(states.put({ key, clusterUid, object: reduced(object) })),
    forget: (key) => writing.add(states.remove(key)),
    settle: () => writing.settle(),
  };
}

export function isKube(object: JsonObject): object is KubeObject {
  const { metadata } = object;
  return (
    typeof object['apiVersion'] === 'string' &&
    typeof object['kind'] === 'string' &&
    isObject(metadata) &&
    typeof metadata['name'] === 'string'
  );
}

/** What somebody has written of an object, and its generation and uid; of its status only what another controller made. */
function reduced(object: KubeObject): JsonObject {
  const { apiVersion, kind, metadata } = object;
  const annotations = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  const lasting = Object.entries(annotations).filter(([name]) => !PASSING.includes(name));
  const meta: [string, JsonObject[string]][] = ['name', 'namespace', 'generation', 'uid', 'labels'].flatMap((name) => {
    const value = metadata[name];
    return value === undefined ? [] : [[name, value]];
  });
  const made = isForeign(object) && isObject(object['status']) ? object['status']['artifact'] : undefined;
  return {
    apiVersion,
    kind,
    ...(made === undefined ? {} : { status: { artifact: made } }),
    metadata: { ...Object.fromEntries(meta), annotations: Object.fromEntries(lasting) },
    spec: object['spec'] ?? {},
  };
}
