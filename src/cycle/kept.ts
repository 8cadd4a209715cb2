import { keepReason } from '../apply/index.ts';
import { asFault, type Plan, type Step } from '../model/index.ts';
import type { Cluster } from '../ports/index.ts';

/**
 * The plan without the deletions that live labels and annotations forbid: nobody has to allow what does not happen. Asks
 * for each object, so this is for a plan that would be held.
 */
export async function withoutKept(
  plan: Plan,
  owner: string,
  ports: { readonly cluster: Cluster },
  signal: AbortSignal,
): Promise<Plan> {
  const happens = async (step: Step): Promise<boolean> => {
    if (step.do !== 'delete') return true;
    const live = await ports.cluster.read(step.ref, { metadataOnly: true, signal }).catch((error: unknown) => {
      if (asFault(error).code === 'kind-unknown') return undefined;
      throw error;
    });
    return live !== undefined && keepReason(step.ref, live.metadata, owner) === '';
  };
  const stages: Plan['stages'][number][] = [];
  for (const stage of plan.stages) {
    const steps: Step[] = [];
    for (const step of stage.steps) if (await happens(step)) steps.push(step);
    stages.push({ ...stage, steps });
  }
  return { ...plan, stages };
}
