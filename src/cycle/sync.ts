import { type ApplyPorts, probePlan, runPlan } from '../apply/index.ts';
import {
  type Digest,
  Fault,
  type IgnoredFields,
  type InventoryEntry,
  type LiveView,
  type ObjectId,
  type Plan,
  type Probe,
  type Receipt,
  type RenderedObject,
  type RenderedSet,
  type VersionedRef,
} from '../model/index.ts';
import { type Survey, type Surveyed, survey } from '../observe/index.ts';
import { makePlan, settlePlan, wholeOrNothing } from '../plan/index.ts';
import { guardPrune, isAllowed, type PruneGuard, takesOthers, type Verdict } from '../policy/index.ts';
import { countAlong } from './along.ts';
import { withoutKept } from './kept.ts';

/** What one Kustomization wants and what is known, for one run. */
export interface SyncInput {
  readonly owner: string;
  readonly revision: string;
  readonly desired: RenderedSet;
  readonly inventory: readonly InventoryEntry[];
  readonly live: LiveView;
  readonly prune: boolean;
  readonly force: boolean;
  readonly check: boolean;
  readonly blind?: ReadonlySet<string>;
  readonly stored?: (digest: Digest) => boolean;
  readonly declares?: (owner: string, id: ObjectId) => boolean;
  readonly ignore?: (ref: VersionedRef) => readonly IgnoredFields[];
  /** An older state of this Kustomization is running in the cluster. */
  readonly installed: boolean;
  readonly only: ReadonlySet<ObjectId> | undefined;
  /** Rights are asked for first, and a revision that may not be applied whole changes nothing. */
  readonly whole: boolean;
  readonly rivals: ReadonlyMap<ObjectId, string>;
  readonly guard: PruneGuard;
  /** The revision that may prune without the guard, by annotation; '' without. */
  readonly allowedPrune: string;
  readonly stageTimeoutMs: number;
  readonly width: number;
}

export interface SyncPorts extends ApplyPorts {
  /**
   * Makes the inventory durable, and with it that this revision was chosen: called once the plan may go, before the first
   * change, and again when the inventory shrank.
   */
  readonly writeInventory: (entries: readonly InventoryEntry[]) => Promise<void>;
  readonly seenOf: Parameters<typeof survey>[1]['seenOf'];
  /** Looks for objects that nobody knows anything about; one after another by `survey` when not given. */
  readonly survey?: (refs: Surveyed, signal: AbortSignal) => Promise<Survey>;
}

export interface SyncResult {
  readonly plan: Plan;
  readonly receipts: readonly Receipt[];
  readonly inventory: readonly InventoryEntry[];
}

/** The plan of a run, settled with the API server's answers; changes nothing. Throws `prune-guard` when it is held. */
export async function decide(input: SyncInput, ports: SyncPorts, signal: AbortSignal): Promise<Plan> {
  const live = input.installed ? input.live : await surveyed(input, ports, signal);
  const plan = makePlan({ ...input, live, probe: (input.installed || input.whole) && input.only === undefined });
  await guarded(plan, input, ports, signal);
  const options = { owner: input.owner, desired: input.desired, width: input.width, signal };
  const answers = await probePlan(plan, ports, options);
  if (!input.whole) return settlePlan(plan, answers, input.desired);
  // At a first apply one object may need another that is not there yet: only what is denied counts before it is tried.
  const settled = settlePlan(plan, input.installed ? answers : denials(answers), input.desired);
  return wholeOrNothing(settled);
}

function denials(answers: ReadonlyMap<ObjectId, Probe>): ReadonlyMap<ObjectId, Probe> {
  return new Map([...answers].filter(([, answer]) => !answer.ok && answer.fault.code === 'cluster-denied'));
}

/** Decides and does. One object that fails stops only what hangs on it; the receipts tell. */
export async function sync(input: SyncInput, ports: SyncPorts, signal: AbortSignal): Promise<SyncResult> {
  const plan = await decide(input, ports, signal);
  await ports.writeInventory(sameInventory(plan.inventory, input.inventory) ? input.inventory : plan.inventory);
  const options = { owner: input.owner, desired: input.desired, width: input.width, signal };
  const idle = plan.stages.every((stage) => stage.steps.every((step) => step.do === 'skip'));
  const receipts = idle ? [] : await runPlan(plan, ports, options);
  const inventory = afterwards(plan, receipts, input);
  if (inventory.length !== plan.inventory.length) await ports.writeInventory(inventory);
  return { plan, receipts, inventory };
}

/** What nobody knows anything about is looked up before a first apply: it may belong to somebody. */
async function surveyed(input: SyncInput, ports: SyncPorts, signal: AbortSignal): Promise<LiveView> {
  const { live } = input;
  const open = input.desired.objects.filter(
    (o) => (input.only?.has(o.id) ?? true) && !live.facts.has(o.id) && !live.seen.has(o.id),
  );
  if (open.length === 0) return live;
  const asked = new Set(open.map((object) => object.id));
  const found = await lookFor(open, ports, signal);
  return {
    facts: live.facts,
    seen: found.found.size === 0 ? live.seen : new Map([...live.seen, ...found.found]),
    absent: (id) => (asked.has(id) ? !found.found.has(id) && !found.unknown.has(id) : live.absent(id)),
  };
}

const NOTHING: Survey = { found: new Map(), unknown: new Set() };

/** What is to be made only where nothing is must be known as it is now: a list that others share may be older. */
async function lookFor(open: readonly RenderedObject[], ports: SyncPorts, signal: AbortSignal): Promise<Survey> {
  if (ports.survey === undefined) return survey(open, ports, signal);
  const isOnce = ({ settings }: RenderedObject): boolean => settings.ssa === 'IfNotPresent';
  const [once, others] = [open.filter(isOnce), open.filter((object) => !isOnce(object))];
  const [a, b] = await Promise.all([
    survey(once, ports, signal),
    others.length === 0 ? NOTHING : ports.survey(others, signal),
  ]);
  return { found: new Map([...a.found, ...b.found]), unknown: new Set([...a.unknown, ...b.unknown]) };
}

async function guarded(plan: Plan, input: SyncInput, ports: SyncPorts, signal: AbortSignal): Promise<void> {
  if (isAllowed(input.allowedPrune, input.revision)) return;
  const judge = async (judged: Plan): Promise<Verdict> => {
    const grounds = judged.stages
      .flatMap((stage) => stage.steps)
      .filter((step) => step.do === 'delete' && takesOthers(step.ref));
    const takesAlong = grounds.length === 0 ? new Map<string, number>() : await countAlong(grounds, ports, signal);
    const { guard, revision, allowedPrune: allowed } = input;
    return guardPrune({ plan: judged, before: input.inventory.length, guard, revision, allowed, takesAlong });
  };
  if ((await judge(plan)).go) return;
  const verdict = await judge(await withoutKept(plan, input.owner, ports, signal));
  if (!verdict.go) throw new Fault('prune-guard', verdict.message);
}

function sameInventory(a: readonly InventoryEntry[], b: readonly InventoryEntry[]): boolean {
  return a === b || (a.length === b.length && a.every((entry, i) => entry.id === b[i]?.id && entry.v === b[i]?.v));
}

/**
 * The inventory after a run: without what is gone or let go of, and without what the API server refused to make. What
 * failed in another way may have been made all the same.
 */
function afterwards(plan: Plan, receipts: readonly Receipt[], input: SyncInput): readonly InventoryEntry[] {
  if (!receipts.some((r) => LEFT.has(r.did) || REFUSED.has(r.did))) return plan.inventory;
  const before = new Set(input.inventory.map((entry) => entry.id));
  const made = (id: ObjectId): boolean => before.has(id) || input.live.facts.has(id);
  const gone = new Set(receipts.filter((r) => LEFT.has(r.did) || (REFUSED.has(r.did) && !made(r.id))).map((r) => r.id));
  const left = plan.inventory.filter((entry) => !gone.has(entry.id));
  return left.length === plan.inventory.length ? plan.inventory : left;
}

const LEFT: ReadonlySet<Receipt['did']> = new Set(['deleted', 'absent', 'kept']);
const REFUSED: ReadonlySet<Receipt['did']> = new Set(['refused', 'held']);
