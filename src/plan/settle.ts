import {
  idText,
  isReplaceable,
  type ObjectId,
  type Plan,
  type Probe,
  type RenderedSet,
  type Step,
} from '../model/index.ts';

/**
 * The plan again, knowing what the API server says to each change: what it refuses, and what hangs on that, is held and
 * keeps its old state; what cannot be changed in place is replaced where that is allowed; all else goes on.
 */
export function settlePlan(plan: Plan, probes: ReadonlyMap<ObjectId, Probe>, desired: RenderedSet): Plan {
  if (probes.size === 0) return plan;
  const first = plan.stages.map((stage) => ({ ...stage, steps: stage.steps.map((step) => answered(step, probes)) }));
  const held = new Set<ObjectId>();
  for (const stage of first)
    for (const step of stage.steps) if (step.do === 'hold' && step.cause === '') held.add(step.id);
  const causes = hangingOn(desired, held);
  const stages = first.map((stage) => ({ ...stage, steps: stage.steps.map((step) => hangs(step, causes)) }));
  return { ...plan, stages };
}

function answered(step: Step, probes: ReadonlyMap<ObjectId, Probe>): Step {
  const probe = step.do === 'apply' ? probes.get(step.id) : undefined;
  if (step.do !== 'apply' || probe === undefined) return step;
  const { id, ref, digest } = step;
  if (probe.ok) return probe.leave === '' ? step : { do: 'skip', id, ref, why: probe.leave };
  if (step.force && isReplaceable(probe.fault)) return { do: 'replace', id, ref, digest, why: probe.fault.message };
  const { message: why, code: fault, refusal } = probe.fault;
  return { do: 'hold', id, ref, why, cause: '', fault, refusal };
}

/** For every object that hangs on a held one, directly or through others: the one it hangs on in the end. */
export function hangingOn(desired: RenderedSet, held: ReadonlySet<ObjectId>): ReadonlyMap<ObjectId, ObjectId> {
  const causes = new Map<ObjectId, ObjectId>();
  if (held.size === 0) return causes;
  const dependants = new Map<ObjectId, ObjectId[]>();
  for (const object of desired.objects) {
    for (const need of object.needs) dependants.set(need, [...(dependants.get(need) ?? []), object.id]);
  }
  const open = [...held].map((id) => ({ id, cause: id }));
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    for (const id of dependants.get(next.id) ?? []) {
      if (held.has(id) || causes.has(id)) continue;
      causes.set(id, next.cause);
      open.push({ id, cause: next.cause });
    }
  }
  return causes;
}

function hangs(step: Step, causes: ReadonlyMap<ObjectId, ObjectId>): Step {
  if (step.do !== 'apply' && step.do !== 'replace') return step;
  const cause = causes.get(step.id);
  // Drift of a running object is healed all the same: its new state is what was applied before.
  if (
    cause === undefined ||
    (step.do === 'apply' && (step.why === 'drift' || step.why === 'missing' || step.why === 'check'))
  )
    return step;
  return { do: 'hold', id: step.id, ref: step.ref, why: `hangs on ${idText(cause)}`, cause };
}
