import { idText, type ObjectId, type Plan, type Step } from '../model/index.ts';

/**
 * The plan again for somebody whose rights are limited: where anything of it is denied, nothing new is applied, so that a
 * tenant's revision never goes halfway into a cluster. What was applied before is corrected all the same.
 */
export function wholeOrNothing(plan: Plan): Plan {
  const denied = plan.stages.flatMap((stage) => stage.steps).find(isDenied);
  if (denied === undefined || denied.do !== 'hold') return plan;
  const stages = plan.stages.map((stage) => ({ ...stage, steps: stage.steps.map((step) => held(step, denied.id)) }));
  return { ...plan, stages };
}

const isDenied = (step: Step): boolean => step.do === 'hold' && step.fault === 'cluster-denied';

function held(step: Step, cause: ObjectId): Step {
  if (step.do !== 'apply' && step.do !== 'replace') return step;
  if (step.do === 'apply' && (step.why === 'drift' || step.why === 'missing' || step.why === 'check')) return step;
  return {
    do: 'hold',
    id: step.id,
    ref: step.ref,
    why: `waits until the account may do the whole revision, ${idText(cause)} too`,
    cause,
  };
}
