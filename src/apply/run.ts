import {
  asFault,
  type FaultCode,
  type Health,
  idText,
  isBad,
  isReplaceable,
  type ObjectId,
  type Plan,
  type Receipt,
  type Stage,
  type Step,
} from '../model/index.ts';
import { goneGround } from './ground.ts';
import { applyOne } from './one.ts';
import { inOrder } from './pool.ts';
import type { ApplyOptions, ApplyPorts, Ledger } from './ports.ts';
import { pruneOne } from './prune.ts';
import { awaitReady } from './ready.ts';
import { replaceOne } from './replace.ts';

type Doing = Exclude<Step, { do: 'wait' }>;
type ApplyStep = Extract<Step, { do: 'apply' }>;

/** Failures to reach the API server, one after another, after which the rest of a run is not tried. */
const GIVE_UP_AFTER = 5;

/** How long objects of a changed definition are tried again, and how often. */
const IN_FORCE_MS = 3_000;
const IN_FORCE_POLL_MS = 150;

interface Run {
  readonly ports: ApplyPorts;
  readonly options: ApplyOptions;
  readonly needs: ReadonlyMap<ObjectId, readonly ObjectId[]>;
  readonly receipts: Map<ObjectId, Receipt>;
  /** Health as the answer to each apply showed it. */
  readonly verdicts: Map<ObjectId, Health>;
  /** Whether what others live in, or are defined by, is on its way out; looked at when it matters. */
  readonly going: Map<ObjectId, Promise<boolean>>;
  unreachable: number;
}

/**
 * Carries a plan out. One object that fails stops only what hangs on it. Receipts come in the plan's order, one for
 * every object of it. Throws only the signal's reason, when that aborts.
 */
export async function runPlan(plan: Plan, ports: ApplyPorts, options: ApplyOptions): Promise<readonly Receipt[]> {
  const needs = needsOf(plan, options);
  const verdicts = new Map<ObjectId, Health>();
  const ledger: Ledger = {
    applied: (id, fact, seen, health) => {
      if (health !== undefined) verdicts.set(id, health);
      ports.ledger.applied(id, fact, seen, health);
    },
    gone: (id) => ports.ledger.gone(id),
  };
  const started = { receipts: new Map(), going: new Map(), unreachable: 0 };
  const run: Run = { ports: { ...ports, ledger }, options, needs, verdicts, ...started };
  for (const stage of plan.stages) {
    if (stage.name === 'prune' && [...run.receipts.values()].some(isMissing)) leaveUnpruned(stage, run);
    else await runStage(stage, run);
  }
  return [...run.receipts.values()];
}

/** What each object that is worked on hangs on. */
function needsOf(plan: Plan, { desired }: ApplyOptions): ReadonlyMap<ObjectId, readonly ObjectId[]> {
  const worked = new Set(
    plan.stages.flatMap((stage) =>
      stage.steps.flatMap((step) => (step.do === 'wait' || step.do === 'skip' ? [] : step.id)),
    ),
  );
  const needs = new Map<ObjectId, readonly ObjectId[]>();
  for (const { id, needs: these } of desired.objects) if (worked.has(id)) needs.set(id, these);
  return needs;
}

/** Trouble about who writes an object: the object itself is there. */
const OTHER_WRITERS: ReadonlySet<string> = new Set(['apply-conflict', 'owned-by-other']);

const isMissing = (receipt: Receipt): boolean => isBad(receipt) && !OTHER_WRITERS.has(receipt.fault ?? '');

/**
 * What is held keeps its old state, and may need what left the render: a ConfigMap with a hash in its name, say. And what
 * left it may be there in place of what was refused under a new name.
 */
function leaveUnpruned(stage: Stage, run: Run): void {
  const message = 'left until everything of the revision is applied';
  for (const step of stage.steps)
    if (step.do === 'delete')
      run.receipts.set(step.id, { id: step.id, ref: step.ref, did: 'held', message, fault: 'apply-held' });
}

async function runStage(stage: Stage, run: Run): Promise<void> {
  const all = stage.steps.filter((step): step is Doing => step.do !== 'wait');
  const isPrune = stage.name === 'prune';
  for (const step of all)
    run.receipts.set(step.id, {
      id: step.id,
      ref: step.ref,
      did: 'skipped',
      message: step.do === 'skip' ? step.why : '',
    });
  const doing = all.filter((step) => step.do !== 'skip');
  await inOrder(doing, isPrune ? 1 : run.options.width, {
    id: (step) => step.id,
    after: (step) => (isPrune ? [] : COMES_LAST.has(step.ref.kind) ? others(doing) : (run.needs.get(step.id) ?? [])),
    run: async (step) => {
      const receipt = await carryOut(step, run);
      run.unreachable =
        receipt.fault === 'cluster-unreachable'
          ? run.unreachable + 1
          : receipt.fault === undefined && touches(step)
            ? 0
            : run.unreachable;
      run.receipts.set(step.id, receipt);
    },
  });
  // Who was told to stop has failed at nothing: what is done is in the ledger, the rest is done by the next run.
  run.options.signal.throwIfAborted();
  for (const step of stage.steps) if (step.do === 'wait') await awaitReady(step, run.ports, run.options, run);
}

/** A webhook that is served by something of the same stage must not stand in that one's way. */
const COMES_LAST: ReadonlySet<string> = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

const others = (steps: readonly Doing[]): readonly ObjectId[] =>
  steps.filter((step) => !COMES_LAST.has(step.ref.kind)).map((step) => step.id);

const touches = (step: Doing): boolean => step.do === 'apply' || step.do === 'replace' || step.do === 'delete';

async function carryOut(step: Doing, run: Run): Promise<Receipt> {
  const { id, ref } = step;
  if (step.do === 'skip') return { id, ref, did: 'skipped', message: step.why };
  if (step.do === 'hold')
    return {
      id,
      ref,
      did: 'held',
      message: step.why,
      fault: step.cause === '' ? (step.fault ?? 'apply-refused') : 'apply-held',
      refusal: step.refusal,
    };
  const stop = standsInTheWay(step, run);
  if (stop !== undefined) return { id, ref, did: 'held', message: stop.message, fault: stop.fault };
  try {
    if (step.do === 'delete') return await pruneOne(step, run.ports, run.options);
    if (step.do === 'replace') return await replaceOne(step, run.ports, run.options);
    return await applyOrReplace(step, run);
  } catch (error) {
    const { code: fault, message, refusal } = asFault(error);
    const ground = comesBack(step)
      ? await goneGround(fault, run.needs.get(id) ?? [], {
          cluster: run.ports.cluster,
          known: run.going,
          signal: run.options.signal,
        })
      : undefined;
    if (ground !== undefined) {
      const why = `waits for ${idText(ground)}, which is being deleted`;
      return { id, ref, did: 'held', message: why, fault: 'apply-waits' };
    }
    return { id, ref, did: REFUSALS.has(fault) ? 'refused' : 'failed', message, fault, refusal };
  }
}

/** It is made again as it was. */
const comesBack = (step: Doing): boolean => step.do === 'apply' && (step.why === 'drift' || step.why === 'missing');

const REFUSALS: ReadonlySet<FaultCode> = new Set([
  'apply-refused',
  'apply-immutable',
  'cluster-denied',
  'kind-unknown',
]);

/** What was not asked about beforehand (a first apply, a correction) may turn out to be immutable only now. */
async function applyOrReplace(step: ApplyStep, run: Run): Promise<Receipt> {
  const { id, ref, digest } = step;
  try {
    return await applyKnown(step, run);
  } catch (error) {
    const fault = asFault(error);
    if (!step.force || !isReplaceable(fault)) throw fault;
    return replaceOne({ do: 'replace', id, ref, digest, why: fault.message }, run.ports, run.options);
  }
}

/** A definition that this run changed is in force a moment after it was applied: until then its objects are tried again. */
async function applyKnown(step: ApplyStep, run: Run): Promise<Receipt> {
  const { clock } = run.ports;
  const fresh = (run.needs.get(step.id) ?? []).some((id) => {
    const receipt = run.receipts.get(id);
    return receipt?.ref.kind === 'CustomResourceDefinition' && receipt.did !== 'skipped';
  });
  for (const end = clock.monotonic() + (fresh ? IN_FORCE_MS : 0); ; ) {
    try {
      return await applyOne(step, run.ports, run.options);
    } catch (error) {
      const { code } = asFault(error);
      if ((code !== 'kind-unknown' && code !== 'apply-refused') || clock.monotonic() >= end) throw error;
      await clock.sleep(IN_FORCE_POLL_MS, run.options.signal);
    }
  }
}

function standsInTheWay(step: Doing, run: Run): { message: string; fault: FaultCode } | undefined {
  if (run.options.signal.aborted) return { message: 'the run was ended before this object', fault: 'health-canceled' };
  if (run.unreachable >= GIVE_UP_AFTER)
    return { message: 'the API server does not answer', fault: 'cluster-unreachable' };
  if (step.do === 'delete' || comesBack(step)) return undefined;
  for (const need of run.needs.get(step.id) ?? []) {
    const receipt = run.receipts.get(need);
    if (receipt !== undefined && isBad(receipt)) return { message: `hangs on ${idText(need)}`, fault: 'apply-held' };
  }
  return undefined;
}
