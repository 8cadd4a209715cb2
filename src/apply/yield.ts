import {
  asFault,
  fromJson,
  type IgnoredFields,
  ignoredKey,
  type JsonObject,
  type KubeObject,
  refText,
  type Step,
  toJson,
} from '../model/index.ts';
import { despiteConflicts } from './conflict.ts';
import { yieldFields } from './ignore.ts';
import { takeoverPatch } from './managed-fields.ts';
import { type Answer, type ApplyOptions, type ApplyPorts, FIELD_MANAGER } from './ports.ts';
import { send } from './send.ts';

type ApplyStep = Extract<Step, { do: 'apply' }>;

export interface Left {
  /** The live object, where it differs in fields that are left to others only: nothing is sent. */
  readonly settled?: Answer;
  /** Else what is to be sent. */
  readonly json: Uint8Array;
  /** The rules, where fields were left to others by them. */
  readonly ignored: string | undefined;
}

/**
 * Looks at a live object before a step applies it, and leaves the fields that rules name to whom has set them. An object that
 * is not there is made whole.
 */
export async function leaveToOthers(
  step: ApplyStep,
  rules: readonly IgnoredFields[],
  ports: ApplyPorts,
  options: ApplyOptions,
): Promise<Left> {
  const json = await ports.body(step.digest);
  const live = await ports.cluster.read(step.ref, { signal: options.signal });
  if (live === undefined) return { json, ignored: undefined };
  const taken = step.ssa === 'Merge' ? live : await takenOver(step, live, ports, options);
  const desired = fromJson(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8')) as JsonObject;
  const merged = await mergedWith(step, json, ports, options);
  const { drifted, object, left } = yieldFields(desired, taken, merged ?? (desired as KubeObject), rules);
  const ignored = left.length === 0 ? undefined : ignoredKey(rules);
  if (merged !== undefined && !drifted && taken === live) {
    ports.log.debug('fields left to others', { object: refText(step.ref), fields: left });
    return { settled: { object: live, created: false }, json, ignored };
  }
  return { json: left.length === 0 ? json : Buffer.from(toJson(object)), ignored };
}

/** What a forced apply would make of the live object; undefined where the API server refuses it. */
async function mergedWith(
  step: ApplyStep,
  json: Uint8Array,
  ports: ApplyPorts,
  { signal }: ApplyOptions,
): Promise<KubeObject | undefined> {
  try {
    return (await send(step, json, ports, { dryRun: true, whole: true, signal })).object;
  } catch (error) {
    const { code } = asFault(error);
    // A refusal is met again by the apply itself, which knows what to do about it.
    if (code === 'apply-refused' || code === 'apply-immutable') return undefined;
    throw error;
  }
}

/** Fields of kubectl become ours before anything is compared, as in Flux; the very same object where there are none. */
async function takenOver(
  step: ApplyStep,
  live: KubeObject,
  ports: ApplyPorts,
  { signal }: ApplyOptions,
): Promise<KubeObject> {
  let now: KubeObject | undefined = live;
  return despiteConflicts(ports.clock, async () => {
    const patch = takeoverPatch(now ?? live);
    if (patch.length === 0) return now ?? live;
    return ports.cluster.patch(step.ref, patch, { manager: FIELD_MANAGER, signal }).catch(async (error: unknown) => {
      now = await ports.cluster.read(step.ref, { signal });
      throw error;
    });
  });
}
