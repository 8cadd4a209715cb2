import { asFault, Fault, fromJson, type KubeObject, type Receipt, refText, type Step } from '../model/index.ts';
import { record } from './one.ts';
import { type ApplyOptions, type ApplyPorts, FIELD_MANAGER } from './ports.ts';
import { send } from './send.ts';

type ReplaceStep = Extract<Step, { do: 'replace' }>;

const GONE_TIMEOUT_MS = 60_000;
const GONE_POLL_MS = 200;
/** Refusals of a twin that the object itself would not meet: it takes these over from its predecessor. */
const ONLY_A_TWIN = /already allocated|already exists|is already in use/i;

/**
 * Replaces an object that cannot be changed in place. The new one is proven first, by a dry-run creation under another
 * name, so that nothing is deleted for something that the API server would refuse.
 */
export async function replaceOne(step: ReplaceStep, ports: ApplyPorts, options: ApplyOptions): Promise<Receipt> {
  const json = await ports.body(step.digest);
  await prove(step, json, ports, options.signal);
  const live = await ports.cluster.read(step.ref, { metadataOnly: true, signal: options.signal });
  const uid = live?.metadata['uid'];
  if (live !== undefined) {
    await ports.cluster.remove(step.ref, {
      propagation: 'Background',
      signal: options.signal,
      ...(typeof uid === 'string' ? { uid } : {}),
    });
    await untilGone(step, uid, ports, options.signal);
  }
  const answer = await send(step, json, ports, options);
  record(step, answer, ports);
  ports.log.info('object replaced', { object: refText(step.ref), why: step.why });
  return { id: step.id, ref: step.ref, did: 'replaced', message: step.why };
}

/** Under which name an object's successor is tried. */
export const probeName = (name: string): string => `${name.slice(0, 40)}-holdfast-probe`;

async function prove(step: ReplaceStep, json: Uint8Array, ports: ApplyPorts, signal: AbortSignal): Promise<void> {
  const object = fromJson(Buffer.from(json).toString('utf8')) as KubeObject;
  const name = probeName(step.ref.name);
  const twin: KubeObject = { ...object, metadata: { ...object.metadata, name } };
  try {
    await ports.cluster.create({ ...step.ref, name }, twin, { manager: FIELD_MANAGER, dryRun: true, signal });
  } catch (error) {
    const fault = asFault(error);
    if (ONLY_A_TWIN.test(fault.refusal?.said ?? '')) return;
    throw new Fault(
      fault.code,
      `not replaced, for the API server would refuse the new ${refText(step.ref)}: ${fault.message}`,
      { cause: fault },
    );
  }
}

async function untilGone(step: ReplaceStep, uid: unknown, ports: ApplyPorts, signal: AbortSignal): Promise<void> {
  const end = ports.clock.monotonic() + GONE_TIMEOUT_MS;
  for (;;) {
    const live = await ports.cluster.read(step.ref, { metadataOnly: true, signal });
    if (live === undefined || live.metadata['uid'] !== uid) return;
    if (ports.clock.monotonic() > end)
      throw new Fault(
        'apply-immutable',
        `${refText(step.ref)} was deleted to be replaced and is still terminating: look at its finalizers`,
      );
    await ports.clock.sleep(GONE_POLL_MS, signal);
  }
}
