import {
  type Fault,
  fromJson,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  refText,
  type Step,
} from '../model/index.ts';
import { despiteConflicts } from './conflict.ts';
import { healObject } from './heal.ts';
import { type ApplyPorts, FIELD_MANAGER } from './ports.ts';

type ApplyStep = Extract<Step, { do: 'apply' }>;

const desiredOf = (json: Uint8Array): JsonObject =>
  fromJson(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8')) as JsonObject;

/** The object to PUT before the same apply goes through; undefined where the refusal is not about drift. */
async function repaired(
  step: ApplyStep,
  json: Uint8Array,
  fault: Fault,
  ports: ApplyPorts,
): Promise<KubeObject | undefined> {
  const refusal = fault.cause as Json | undefined;
  if (!isObject(refusal) || refusal['kind'] !== 'Status') return undefined;
  const live = await ports.cluster.read(step.ref);
  return live === undefined ? undefined : healObject(desiredOf(json), live, refusal);
}

/** Whether what the API server refuses comes from drift of the live object and can be undone. */
export async function healable(step: ApplyStep, fault: Fault, ports: ApplyPorts): Promise<boolean> {
  const json = await ports.body(step.digest);
  // Proven by a dry run: a refusal of the desired state itself must not touch the live object.
  return putBack(step, json, fault, { ports, dryRun: true }).catch(() => false);
}

/** Takes out of the live object what makes server-side apply fail for good. False when there is nothing to take out. */
export async function healObjectOnServer(
  step: ApplyStep,
  json: Uint8Array,
  fault: Fault,
  ports: ApplyPorts,
): Promise<boolean> {
  const done = await putBack(step, json, fault, { ports, dryRun: false });
  if (done)
    ports.log.info('drift taken out that apply refuses to undo', { object: refText(step.ref), refusal: fault.message });
  return done;
}

function putBack(
  step: ApplyStep,
  json: Uint8Array,
  fault: Fault,
  { ports, dryRun }: { readonly ports: ApplyPorts; readonly dryRun: boolean },
): Promise<boolean> {
  return despiteConflicts(ports.clock, async () => {
    const object = await repaired(step, json, fault, ports);
    if (object === undefined) return false;
    await ports.cluster.replace(step.ref, object, { manager: FIELD_MANAGER, dryRun });
    return true;
  });
}
