import { asFault, isObject, type Json, type KubeObject, type Step, textAt } from '../model/index.ts';
import { type Left, leftAlone } from './left.ts';
import type { Answer, ApplyOptions, ApplyPorts } from './ports.ts';
import { send } from './send.ts';

/** An object that is written to all the time is applied, as one that differs is. */
const MOST_LOOKS = 3;

/**
 * The live object, where an apply would change nothing but the bookkeeping of who set which field; or that it asks to be
 * left alone. Flux declares a few empty maps that are not written here; taking an object over is no reason to write it for
 * them.
 */
export async function foundAsWanted(
  step: Extract<Step, { do: 'apply' }>,
  json: Uint8Array,
  ports: ApplyPorts,
  { signal }: ApplyOptions,
): Promise<Answer | Left | undefined> {
  try {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const live = await ports.cluster.read(step.ref, { signal });
      if (live === undefined) return undefined;
      const left = leftAlone(live.metadata);
      if (left !== undefined) return left;
      const wanted = await send(step, json, ports, { dryRun: true, whole: true, signal });
      if (isSame(content(wanted.object), content(live))) return { object: live, created: false };
      if (versionOf(wanted.object) === versionOf(live)) return undefined;
      // Somebody wrote in between, a status for one: perhaps nothing else differs.
    }
    return undefined;
  } catch (error) {
    // Whatever is wrong is told by the apply itself.
    if (asFault(error).code === 'cluster-unreachable') throw error;
    return undefined;
  }
}

const versionOf = (object: KubeObject): string => textAt(object.metadata, 'resourceVersion') ?? '';

function content(object: KubeObject): Json {
  const { managedFields: _fields, resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata } as Json;
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((one, i) => isSame(one, b[i]));
  if (a === undefined || b === undefined || !isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}
