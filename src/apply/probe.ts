import { asFault, type Fault, type ObjectId, type Plan, type Probe, type Step } from '../model/index.ts';
import { healable } from './correct.ts';
import { seenOf } from './managed-fields.ts';
import { inOrder } from './pool.ts';
import type { ApplyOptions, ApplyPorts } from './ports.ts';
import { send } from './send.ts';

type ApplyStep = Extract<Step, { do: 'apply' }>;

/** Asks the API server about every step that wants it, by dry runs: nothing changes. Answers by object. */
export async function probePlan(
  plan: Plan,
  ports: ApplyPorts,
  options: ApplyOptions,
): Promise<ReadonlyMap<ObjectId, Probe>> {
  const asked = plan.stages
    .flatMap((stage) => stage.steps)
    .filter((step): step is ApplyStep => step.do === 'apply' && step.probe);
  const answers = new Map<ObjectId, Probe>();
  await inOrder(asked, options.width, {
    id: (step) => step.id,
    after: () => [],
    run: async (step) => {
      answers.set(step.id, await probe(step, ports, options));
    },
  });
  return answers;
}

async function probe(step: ApplyStep, ports: ApplyPorts, options: ApplyOptions): Promise<Probe> {
  try {
    const json = await ports.body(step.digest);
    const answer = await send(step, json, ports, { dryRun: true, signal: options.signal });
    const seen = seenOf(answer.object.metadata);
    if (!seen.settings.reconcile) return { ok: true, leave: 'reconcile: disabled in the cluster' };
    if (!answer.created && step.ssa === 'IfNotPresent') return { ok: true, leave: 'ssa: IfNotPresent, and it exists' };
    return { ok: true, leave: '' };
  } catch (error) {
    return afterRefusal(step, asFault(error), ports);
  }
}

async function afterRefusal(step: ApplyStep, fault: Fault, ports: ApplyPorts): Promise<Probe> {
  if (fault.code === 'apply-refused' && step.why !== 'new' && (await healable(step, fault, ports)))
    return { ok: true, leave: '' };
  return { ok: false, fault };
}
