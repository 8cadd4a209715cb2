import {
  groupKind,
  gvkText,
  type ObjectId,
  objectId,
  type RenderedObject,
  type RenderedSet,
  type VersionedRef,
} from '../../src/model/index.ts';
import type { Cluster } from '../../src/ports/index.ts';

/** How a cluster serves the kinds that were asked for. */
export interface Scopes {
  /** `apiVersion/Kind` that is served; how does not change while its definition stays. */
  readonly known: ReadonlySet<string>;
  /** `group/Kind` that it serves without namespaces. */
  readonly bare: ReadonlySet<string>;
}

export const NO_SCOPES: Scopes = { known: new Set(), bare: new Set() };

/**
 * Looks up the kinds of a set whose objects name a namespace; the very same value where nothing is learned. What the API
 * server does not serve yet, or does not tell, is looked up the next time.
 */
export async function learnScopes(
  before: Scopes,
  set: RenderedSet,
  cluster: Pick<Cluster, 'surface'>,
  signal: AbortSignal,
): Promise<Scopes> {
  const asked = new Map<string, VersionedRef>();
  for (const { ref } of set.objects)
    if (ref.namespace !== '' && !before.known.has(gvkText(ref))) asked.set(gvkText(ref), ref);
  if (asked.size === 0) return before;
  const surface = await cluster.surface({ signal }).catch(() => undefined);
  const found = [...asked].flatMap(([key, ref]) => {
    const resource = surface?.find(ref);
    return resource === undefined ? [] : [{ key, kind: groupKind(ref), namespaced: resource.namespaced }];
  });
  if (found.length === 0) return before;
  const bare = found.flatMap(({ kind, namespaced }) => (namespaced ? [] : [kind]));
  return {
    known: new Set([...before.known, ...found.map(({ key }) => key)]),
    // The very same set while nothing is added: who keeps what follows from it need not work it out again.
    bare: bare.every((kind) => before.bare.has(kind)) ? before.bare : new Set([...before.bare, ...bare]),
  };
}

/**
 * The set as this cluster has it: an object of a kind without namespaces has none in its id, whatever is written into
 * it, as in Flux's inventory and as watches show it. Of two that become one the second stays as it is written.
 */
export function inScopes(set: RenderedSet, { bare }: Scopes): RenderedSet {
  if (bare.size === 0) return set;
  const taken = new Set<ObjectId>(set.objects.map(({ id }) => id));
  const ids = new Map<ObjectId, ObjectId>();
  for (const { id, ref } of set.objects) {
    if (ref.namespace === '' || !bare.has(groupKind(ref))) continue;
    const plain = objectId({ ...ref, namespace: '' });
    if (taken.has(plain)) continue;
    taken.add(plain);
    ids.set(id, plain);
  }
  if (ids.size === 0) return set;
  const needs = (object: RenderedObject): readonly ObjectId[] => object.needs.map((need) => ids.get(need) ?? need);
  return {
    ...set,
    objects: set.objects.map((object) => {
      const id = ids.get(object.id);
      const ref = id === undefined ? object.ref : { ...object.ref, namespace: '' };
      return { ...object, id: id ?? object.id, ref, needs: needs(object) };
    }),
  };
}
