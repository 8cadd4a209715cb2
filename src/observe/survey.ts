import type { KubeObject } from '../model/index.ts';
import {
  asFault,
  byCodeUnit,
  type Gvk,
  groupKind,
  type ObjectId,
  objectId,
  type SeenObject,
  type VersionedRef,
} from '../model/index.ts';
import type { Cluster } from '../ports/index.ts';

/** What was found of objects nobody knew anything about: those that exist; all others asked for do not. */
export interface Survey {
  readonly found: ReadonlyMap<ObjectId, SeenObject>;
  /** Objects that could not be asked about (rights, errors): they may exist. */
  readonly unknown: ReadonlySet<ObjectId>;
}

/** Objects that are looked for. */
export type Surveyed = readonly { readonly id: ObjectId; readonly ref: VersionedRef }[];

export interface SurveyPorts {
  readonly cluster: Cluster;
  readonly seenOf: (meta: KubeObject['metadata']) => SeenObject;
}

/** Up to so many objects of one kind are asked for one by one; more, by one list. */
const FEW = 2;
/** In more namespaces than this, one list of the whole cluster is cheaper. */
const MANY_NAMESPACES = 4;

/**
 * Looks once whether objects exist that the agent has never applied: they may carry annotations to respect, or fields
 * to take over. Lists by kind, so a first sync costs a handful of requests and not one an object.
 */
export async function survey(refs: Surveyed, ports: SurveyPorts, signal: AbortSignal): Promise<Survey> {
  const found = new Map<ObjectId, SeenObject>();
  const unknown = new Set<ObjectId>();
  const groups = new Map<string, Surveyed[number][]>();
  for (const item of refs) {
    const group = groups.get(groupKind(item.ref));
    if (group === undefined) groups.set(groupKind(item.ref), [item]);
    else group.push(item);
  }
  const work = [...groups.values()].map(async (items) => {
    const wanted = new Set(items.map((item) => item.id));
    const keep = (id: ObjectId, object: KubeObject): void => {
      if (wanted.has(id)) found.set(id, ports.seenOf(object.metadata));
    };
    try {
      await (items.length <= FEW
        ? askEach(items, ports.cluster, signal, keep)
        : listAll(items, ports.cluster, signal, keep));
    } catch (error) {
      if (asFault(error).code !== 'kind-unknown') for (const item of items) unknown.add(item.id);
    }
  });
  await Promise.all(work);
  return { found, unknown };
}

type Keep = (id: ObjectId, object: KubeObject) => void;

async function askEach(items: Surveyed, cluster: Cluster, signal: AbortSignal, keep: Keep): Promise<void> {
  for (const { id, ref } of items) {
    const object = await cluster.read(ref, { metadataOnly: true, signal });
    if (object !== undefined) keep(id, object);
  }
}

async function listAll(items: Surveyed, cluster: Cluster, signal: AbortSignal, keep: Keep): Promise<void> {
  const first = items[0];
  if (first === undefined) return;
  const gvk: Gvk = { group: first.ref.group, version: first.ref.version, kind: first.ref.kind };
  const namespaces = [...new Set(items.map((item) => item.ref.namespace))].sort(byCodeUnit);
  const each = (object: KubeObject): void => {
    const namespace = object.metadata['namespace'];
    keep(
      objectId({ ...gvk, namespace: typeof namespace === 'string' ? namespace : '', name: object.metadata.name }),
      object,
    );
  };
  if (namespaces.length > MANY_NAMESPACES || namespaces.includes('')) {
    const denied = await cluster.list(gvk, { metadataOnly: true, signal }, each).catch((error: unknown) => {
      if (asFault(error).code === 'cluster-denied' && !namespaces.includes('')) return true;
      throw error;
    });
    if (denied !== true) return;
  }
  // Who may not look at the whole cluster looks where its objects are.
  for (const namespace of namespaces) await cluster.list(gvk, { metadataOnly: true, signal, namespace }, each);
}
