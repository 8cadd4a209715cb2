import type { SyncInput } from '../../src/cycle/index.ts';
import {
  type AppliedFact,
  type InventoryEntry,
  type LiveView,
  type ObjectId,
  objectId,
  type RenderedObject,
  type RenderedSet,
  type SeenObject,
  sha256,
} from '../../src/model/index.ts';
import type { PlanInput } from '../../src/plan/index.ts';

/** A rendered ConfigMap (or another kind) whose content is told by a word. */
export function rendered(
  name: string,
  content: string,
  more: Partial<RenderedObject> & { kind?: string; group?: string; namespace?: string } = {},
): RenderedObject {
  const { kind = 'ConfigMap', group = '', namespace = 'app', ...rest } = more;
  const ref = { group, version: 'v1', kind, namespace, name };
  return {
    id: objectId(ref),
    ref,
    digest: sha256(content),
    size: content.length,
    origin: `${name}.yaml`,
    settings: { reconcile: true, ssa: 'Override', force: false, prune: true },
    needs: [],
    ...rest,
  };
}

export const setOf = (...objects: readonly RenderedObject[]): RenderedSet => ({ objects });

export function seenAs(uid: string, mark: string, more: Partial<SeenObject> = {}): SeenObject {
  const settings = { reconcile: true, prune: true, ignore: false, force: false };
  return {
    uid,
    resourceVersion: '1',
    mark,
    takeover: [],
    lastOther: '',
    owner: 'flux-system/app',
    deleting: false,
    settings,
    ...more,
  };
}

/** Everything as it was after an apply of these objects. */
export function settled(...objects: readonly RenderedObject[]): {
  facts: Map<ObjectId, AppliedFact>;
  seen: Map<ObjectId, SeenObject>;
} {
  const facts = new Map<ObjectId, AppliedFact>();
  const seen = new Map<ObjectId, SeenObject>();
  for (const object of objects) {
    facts.set(object.id, { uid: `uid-${object.id}`, digest: object.digest, mark: 'm1' });
    seen.set(object.id, seenAs(`uid-${object.id}`, 'm1'));
  }
  return { facts, seen };
}

export function viewOf(known: { facts: Map<ObjectId, AppliedFact>; seen: Map<ObjectId, SeenObject> }): LiveView {
  return { ...known, absent: (id) => !known.seen.has(id) };
}

export const inventoryOf = (...objects: readonly RenderedObject[]): InventoryEntry[] =>
  objects.map((object) => ({ id: object.id, v: object.ref.version }));

export function planInput(desired: RenderedSet, more: Partial<PlanInput> = {}): PlanInput {
  return {
    owner: 'flux-system/app',
    desired,
    inventory: [],
    live: viewOf({ facts: new Map(), seen: new Map() }),
    prune: true,
    force: false,
    only: undefined,
    check: false,
    probe: false,
    rivals: new Map(),
    stageTimeoutMs: 1000,
    ...more,
  };
}

/** A first sync of these objects: nothing is known of the cluster yet. */
export function firstSync(...objects: readonly RenderedObject[]): SyncInput {
  return {
    owner: 'flux-system/app',
    revision: 'r',
    desired: setOf(...objects),
    inventory: [],
    live: { facts: new Map(), seen: new Map<ObjectId, SeenObject>(), absent: () => false },
    prune: true,
    force: false,
    check: false,
    installed: false,
    only: undefined,
    whole: false,
    rivals: new Map(),
    guard: { share: 1, minimum: 10 },
    allowedPrune: '',
    stageTimeoutMs: 0,
    width: 1,
  };
}
