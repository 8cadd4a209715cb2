import { BUILT_IN } from '../health/index.ts';
import { asFault, type Fault, type Receipt, refText, type Step } from '../model/index.ts';
import { foundAsWanted } from './adopt.ts';
import { despiteConflicts } from './conflict.ts';
import { healObjectOnServer } from './correct.ts';
import { atVersion, type Left, leftAlone } from './left.ts';
import { seenOf, takeoverPatch } from './managed-fields.ts';
import { type Answer, type ApplyOptions, type ApplyPorts, FIELD_MANAGER } from './ports.ts';
import { send } from './send.ts';
import { leaveToOthers } from './yield.ts';

type ApplyStep = Extract<Step, { do: 'apply' }>;

/** Applies one object, takes over fields as Flux does, and writes down what is true afterwards. Throws Faults. */
export async function applyOne(step: ApplyStep, ports: ApplyPorts, options: ApplyOptions): Promise<Receipt> {
  // Both look whether anything would change; that one does not know of fields that are left to others.
  const yielded = step.ignore === undefined ? undefined : await leaveToOthers(step, step.ignore, ports, options);
  const json = yielded?.json ?? (await ports.body(step.digest));
  const adopts = step.adopt === true && step.ignore === undefined;
  const found = adopts ? await foundAsWanted(step, json, ports, options) : yielded?.settled;
  if (found !== undefined && 'left' in found) return leave(step, found);
  if (found !== undefined) {
    record(step, found, ports, yielded?.ignored);
    return { id: step.id, ref: step.ref, did: 'unchanged', message: '' };
  }
  const first = await applyAsSeen(adopts ? { ...step, version: undefined } : step, json, ports, options);
  if ('left' in first) return leave(step, first);
  const answer = step.ssa === 'Merge' ? first : await takeOver(step, json, first, ports, options);
  record(step, answer, ports, yielded?.ignored);
  const kept = step.mark !== undefined && seenOf(answer.object.metadata).mark === step.mark;
  const did = answer.created ? 'created' : kept ? 'unchanged' : 'configured';
  ports.log.debug('object applied', { object: refText(step.ref), did, why: step.why, detail: step.detail });
  return { id: step.id, ref: step.ref, did, message: step.detail };
}

const leave = ({ id, ref }: ApplyStep, { left }: Left): Receipt => ({ id, ref, did: 'skipped', message: left });

/**
 * An object that was seen before it was ours is applied as it was seen. One that was written to since then, by a controller
 * as a rule, is looked at again: somebody may have asked to leave it alone.
 */
async function applyAsSeen(
  { version, ...step }: Omit<ApplyStep, 'version'> & { readonly version?: string | undefined },
  json: Uint8Array,
  ports: ApplyPorts,
  options: ApplyOptions,
): Promise<Answer | Left> {
  if (version === undefined) return applyOrHeal(step, json, ports, options);
  try {
    return await applyOrHeal(step, atVersion(json, version), ports, options);
  } catch (error) {
    if (asFault(error).code !== 'apply-conflict') throw error;
    const live = await ports.cluster.read(step.ref, { metadataOnly: true, signal: options.signal });
    const left = live === undefined ? undefined : leftAlone(live.metadata);
    return left ?? applyOrHeal(step, json, ports, options);
  }
}

async function applyOrHeal(
  step: ApplyStep,
  json: Uint8Array,
  ports: ApplyPorts,
  options: ApplyOptions,
): Promise<Answer> {
  try {
    return await send(step, json, ports, options);
  } catch (error) {
    const fault: Fault = asFault(error);
    if (fault.code !== 'apply-refused' || step.why === 'new') throw fault;
    if (!(await healObjectOnServer(step, json, fault, ports))) throw fault;
    return send(step, json, ports, options);
  }
}

async function takeOver(
  step: ApplyStep,
  json: Uint8Array,
  answer: Answer,
  ports: ApplyPorts,
  options: ApplyOptions,
): Promise<Answer> {
  if (takeoverPatch(answer.object).length === 0) return answer;
  let last = answer;
  await despiteConflicts(ports.clock, async () => {
    const patch = takeoverPatch(last.object);
    if (patch.length > 0)
      await ports.cluster
        .patch(step.ref, patch, { manager: FIELD_MANAGER, signal: options.signal })
        .catch(async (error) => {
          // The patch names the version it was made for: a newer one is asked for before the next attempt.
          last = await send(step, json, ports, options);
          throw error;
        });
  });
  const again = await send(step, json, ports, options);
  return { ...again, created: answer.created };
}

/** Writes down what an apply left: the next plan, also after a restart, needs no request to know it. */
export function record(
  step: { readonly id: string; readonly ref: ApplyStep['ref']; readonly digest: ApplyStep['digest'] },
  answer: Answer,
  ports: ApplyPorts,
  ignored?: string,
): void {
  const meta = answer.object.metadata;
  const seen = seenOf(meta);
  const judge = ports.judge ?? BUILT_IN;
  const verdict = judge.hasHealth(step.ref) ? judge.health(answer.object) : undefined;
  const fact = {
    uid: seen.uid,
    digest: step.digest,
    mark: seen.mark,
    ...(ignored === undefined ? {} : { ignored }),
  };
  ports.ledger.applied(step.id, fact, seen, verdict);
}
