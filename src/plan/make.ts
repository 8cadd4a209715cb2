import {
  type AppliedFact,
  type ApplyReason,
  byApplyOrder,
  type Digest,
  driftOf,
  type FaultCode,
  groupKind,
  type IgnoredFields,
  type InventoryEntry,
  idText,
  ignoredKey,
  isGround,
  type LiveView,
  type ObjectId,
  type ObjectRef,
  type Plan,
  parseObjectId,
  type RenderedObject,
  type RenderedSet,
  type SeenObject,
  type Stage,
  type Step,
  stageOf,
  type VersionedRef,
} from '../model/index.ts';
import { goingGround } from './ground.ts';

export interface PlanInput {
  /** `namespace/name` of the Kustomization. */
  readonly owner: string;
  readonly desired: RenderedSet;
  /** What an earlier plan may have left in the cluster. */
  readonly inventory: readonly InventoryEntry[];
  readonly live: LiveView;
  /** Delete what left the render. Without it, such objects are let go of. */
  readonly prune: boolean;
  /** `spec.force`: replace what cannot be changed in place. */
  readonly force: boolean;
  /** When set, only these objects are looked at (drift that a watch showed): the plan speaks of no others, and prunes nothing. */
  readonly only: ReadonlySet<ObjectId> | undefined;
  /** Apply also what nothing is known against: a full check. */
  readonly check: boolean;
  /** Kinds (`group/kind`) that no watch covers: they are checked as well. */
  readonly blind?: ReadonlySet<string>;
  /** Whether the body of something applied earlier is still on the disk. */
  readonly stored?: (digest: Digest) => boolean;
  /** Another revision is running: ask the API server about every change before making the first. */
  readonly probe: boolean;
  /** Objects that another writer keeps undoing, with what to say of it: their correction waits for a while. */
  readonly rivals: ReadonlyMap<ObjectId, string>;
  /** Fields of objects that are left to others. */
  readonly ignore?: (ref: VersionedRef) => readonly IgnoredFields[];
  /** Whether another Kustomization (`namespace/name`) declares this object, too. */
  readonly declares?: (owner: string, id: ObjectId) => boolean;
  /** How long a stage of definitions or classes may take to become ready. */
  readonly stageTimeoutMs: number;
}

type ApplyStep = Extract<Step, { do: 'apply' }>;

/** What is to be done with one desired object. */
function stepFor(object: RenderedObject, input: PlanInput): Step {
  const { id, ref, settings } = object;
  const seen = input.live.seen.get(id);
  const skip = (why: string): Step => ({ do: 'skip', id, ref, why });
  if (!settings.reconcile) return skip('reconcile: disabled');
  if (settings.ssa === 'Ignore') return skip('ssa: Ignore');
  if (seen !== undefined && !seen.settings.reconcile) return skip('reconcile: disabled in the cluster');
  if (seen?.settings.ignore === true) return skip('ssa: Ignore in the cluster');
  if (seen?.deleting === true && isAsApplied(object, input))
    return skip('is being deleted; applied again once it is gone');
  if (settings.ssa === 'IfNotPresent' && seen !== undefined) return skip('ssa: IfNotPresent, and it exists');
  const rules = input.ignore?.(ref) ?? [];
  const reason = whyApply(object, rules, input);
  if (reason === undefined) return skip('unchanged');
  const held = whyHeld(object, reason, input);
  if (held !== undefined) return { do: 'hold', id, ref, cause: '', ...held };
  const fact = input.live.facts.get(id);
  return {
    do: 'apply',
    id,
    ref,
    digest: reason.digest,
    why: reason.why,
    detail: reason.detail,
    ssa: settings.ssa,
    force: input.force || settings.force || seen?.settings.force === true,
    probe: false,
    ...(reason.why === 'unknown' && isAdopted(seen, input) ? { adopt: true } : {}),
    // The list that showed it may be half a minute old.
    ...(reason.why === 'unknown' && seen !== undefined && seen.resourceVersion !== ''
      ? { version: seen.resourceVersion }
      : {}),
    ...(reason.why === 'check' && fact !== undefined ? { mark: fact.mark } : {}),
    ...(rules.length === 0 ? {} : { ignore: rules }),
  };
}

/** What stands in the way of an apply, by what is known of the cluster. */
function whyHeld(
  object: RenderedObject,
  { why: reason }: Reason,
  input: PlanInput,
): { readonly why: string; readonly fault: FaultCode } | undefined {
  const other = takenBy(object, input);
  if (other !== '') return { why: `Kustomization ${other} declares it, too, and has it now`, fault: 'owned-by-other' };
  // What is new reaches one that is there: a finalizer that holds it may go.
  const reached = input.live.seen.has(object.id) && reason !== 'drift';
  const ground = reached ? undefined : goingGround(object, input.live);
  if (ground !== undefined) return { why: `waits for ${idText(ground)}, which is being deleted`, fault: 'apply-waits' };
  const rival = reason === 'drift' || reason === 'missing' ? input.rivals.get(object.id) : undefined;
  return rival === undefined ? undefined : { why: rival, fault: 'apply-conflict' };
}

/** Nothing new is wanted of it. What is new reaches one that is being deleted, too: a finalizer that holds it may go. */
function isAsApplied({ id, digest }: RenderedObject, { live, only }: PlanInput): boolean {
  return only !== undefined || live.facts.get(id)?.digest === digest;
}

/** Applied for this Kustomization already, by Flux or by an agent whose disk is lost. */
function isAdopted(seen: SeenObject | undefined, { owner }: PlanInput): boolean {
  return seen !== undefined && seen.owner === owner && seen.mark !== '' && seen.takeover.length === 0;
}

/** Whoever comes later takes an object over, as in Flux; the one that had it before does not take it back. */
function takenBy({ id }: RenderedObject, input: PlanInput): string {
  const owner = input.live.seen.get(id)?.owner ?? '';
  const taken = owner !== '' && owner !== input.owner && input.live.facts.has(id);
  return taken && input.declares?.(owner, id) === true ? owner : '';
}

interface Reason {
  readonly why: ApplyReason;
  readonly detail: string;
  /** What is applied: the desired state, or for a correction alone what was applied last. */
  readonly digest: Digest;
}

function whyApply(object: RenderedObject, rules: readonly IgnoredFields[], input: PlanInput): Reason | undefined {
  const fact = input.live.facts.get(object.id);
  const seen = input.live.seen.get(object.id);
  const gone = seen === undefined && input.live.absent(object.id);
  const { digest } = object;
  if (fact === undefined) return { why: gone ? 'new' : 'unknown', detail: '', digest };
  // A correction brings nothing new: what was refused, or is held, keeps the state it had.
  const old =
    input.only !== undefined && object.settings.ssa !== 'IfNotPresent' && input.stored?.(fact.digest) === true;
  const keeps = old ? fact.digest : digest;
  if (gone) return { why: 'missing', detail: 'was deleted', digest: keeps };
  if (keeps !== fact.digest) return { why: 'changed', detail: '', digest };
  // What was left to others by a rule is declared again without it.
  if (fact.ignored !== undefined && fact.ignored !== ignoredKey(rules))
    return { why: 'changed', detail: 'spec.ignore is another', digest: keeps };
  const drift = seen === undefined ? '' : driftFrom(fact, seen, object, input);
  if (drift !== '') return { why: 'drift', detail: drift, digest: keeps };
  const checks = input.check || (input.only === undefined && input.blind?.has(groupKind(object.ref)) === true);
  return checks ? { why: 'check', detail: '', digest } : undefined;
}

/** Managers of one name, within one second, leave the same mark: the owner labels tell Kustomizations apart. */
function driftFrom(fact: AppliedFact, seen: SeenObject, object: RenderedObject, input: PlanInput): string {
  const drift = driftOf(fact, seen, object.settings.ssa === 'Merge');
  return drift === '' && seen.owner !== input.owner ? `its labels name ${seen.owner || 'no owner'}` : drift;
}

/** Objects that cannot be asked about before something else of the plan exists. */
function unprovable(desired: RenderedSet, steps: ReadonlyMap<ObjectId, Step>): ReadonlySet<ObjectId> {
  const missing = new Set<ObjectId>();
  for (const object of desired.objects) {
    const step = steps.get(object.id);
    const fresh = step?.do === 'apply' && (step.why === 'new' || step.why === 'missing' || step.why === 'unknown');
    if (fresh && isGround(object.ref)) missing.add(object.id);
    // A changed CRD may allow what the running one does not.
    else if (step?.do === 'apply' && object.ref.kind === 'CustomResourceDefinition') missing.add(object.id);
  }
  const blocked = new Set<ObjectId>();
  for (const object of desired.objects) if (object.needs.some((need) => missing.has(need))) blocked.add(object.id);
  return blocked;
}

function withProbe(step: Step, blocked: ReadonlySet<ObjectId>): Step {
  const asks = step.do === 'apply' && (step.why === 'changed' || step.why === 'new' || step.why === 'unknown');
  return asks && !blocked.has(step.id) ? { ...step, probe: true } : step;
}

const isGone = (id: ObjectId, input: PlanInput): boolean => !input.live.seen.has(id) && input.live.absent(id);

/**
 * Whether an id means a wanted object all the same: a namespace that is written into an object of a kind without one is
 * in its id here and there, and in Flux's inventory never. No kind has objects with a namespace and others without.
 */
function otherIds(desired: RenderedSet): (id: ObjectId) => boolean {
  const key = (ref: ObjectRef): string => `${ref.group}/${ref.kind}/${ref.name}`;
  const [bare, spaced] = [new Set<string>(), new Set<string>()];
  for (const { ref } of desired.objects) (ref.namespace === '' ? bare : spaced).add(key(ref));
  return (id) => {
    const ref = parseObjectId(id);
    if (ref === undefined) return false;
    if (ref.namespace === '') return spaced.has(key(ref));
    return bare.has(key(ref));
  };
}

function pruneSteps(input: PlanInput, wanted: ReadonlySet<ObjectId>, isWanted: (id: ObjectId) => boolean): Step[] {
  const stale: Extract<Step, { do: 'delete' }>[] = [];
  for (const entry of input.inventory) {
    const ref = wanted.has(entry.id) || isWanted(entry.id) ? undefined : parseObjectId(entry.id);
    if (ref === undefined) continue;
    const versioned: VersionedRef = { ...ref, version: entry.v };
    if (isGone(entry.id, input)) continue;
    stale.push({ do: 'delete', id: entry.id, ref: versioned, why: 'no longer declared' });
  }
  return stale.sort((a, b) => byApplyOrder(b.ref, a.ref));
}

function stageWait(steps: readonly Step[], timeoutMs: number): Step[] {
  const ids = steps.filter((s): s is ApplyStep => s.do === 'apply' && s.why !== 'check').map((s) => s.id);
  return ids.length === 0 ? [] : [{ do: 'wait', ids, timeoutMs }];
}

/**
 * Decides what to do, from what is wanted, what was left behind earlier and what is known of the cluster. Pure: the
 * same input gives the same plan. It never deletes what is not in the inventory, and nothing when `prune` is off.
 */
export function makePlan(input: PlanInput): Plan {
  const { only } = input;
  const looked =
    only === undefined ? input.desired.objects : input.desired.objects.filter((object) => only.has(object.id));
  const steps = new Map<ObjectId, Step>(looked.map((o) => [o.id, stepFor(o, input)]));
  const blocked = input.probe ? unprovable(input.desired, steps) : new Set<ObjectId>();
  const staged: Record<'definitions' | 'classes' | 'main', Step[]> = { definitions: [], classes: [], main: [] };
  const ordered = [...looked].sort((a, b) => byApplyOrder(a.ref, b.ref));
  for (const object of ordered) {
    const step = steps.get(object.id);
    if (step !== undefined) staged[stageOf(object.ref)].push(input.probe ? withProbe(step, blocked) : step);
  }
  const isWanted = otherIds(input.desired);
  const prune = input.prune && only === undefined ? pruneSteps(input, new Set(steps.keys()), isWanted) : [];
  const stages: Stage[] = [
    { name: 'definitions', steps: [...staged.definitions, ...stageWait(staged.definitions, input.stageTimeoutMs)] },
    { name: 'classes', steps: [...staged.classes, ...stageWait(staged.classes, input.stageTimeoutMs)] },
    { name: 'main', steps: staged.main },
    { name: 'prune', steps: prune },
  ];
  const inventory =
    only === undefined ? inventoryFor(input, ordered, isWanted) : withApplied(input.inventory, ordered, steps);
  return { stages: stages.filter((stage) => stage.steps.length > 0), inventory };
}

/** A correction's inventory: that of before, and what is applied though it is not in there. What was refused before stays out. */
function withApplied(
  before: readonly InventoryEntry[],
  ordered: readonly RenderedObject[],
  steps: ReadonlyMap<ObjectId, Step>,
): readonly InventoryEntry[] {
  const fresh = new Set(ordered.filter(({ id }) => steps.get(id)?.do === 'apply').map((object) => object.id));
  for (const entry of before) fresh.delete(entry.id);
  if (fresh.size === 0) return before;
  const entries = ordered.flatMap(({ id, ref }) => (fresh.has(id) ? [{ id, v: ref.version }] : []));
  return [...before, ...entries];
}

/** Everything that may be in the cluster while and after this plan runs: the wanted objects, then what is to be deleted. */
function inventoryFor(
  input: PlanInput,
  ordered: readonly RenderedObject[],
  isWanted: (id: ObjectId) => boolean,
): InventoryEntry[] {
  const entries = ordered.map((object) => ({ id: object.id, v: object.ref.version }));
  const wanted = new Set(entries.map((entry) => entry.id));
  const stays = (entry: InventoryEntry): boolean => input.prune && !isGone(entry.id, input);
  const left = input.inventory.filter((entry) => !wanted.has(entry.id) && !isWanted(entry.id) && stays(entry));
  return [...entries, ...left];
}
