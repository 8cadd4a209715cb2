import { REQUESTED } from '../../../src/flux/index.ts';
import { at, Fault, type KubeObject, refText, textAt } from '../../../src/model/index.ts';
import { conditionAt, isCurrent, revisionOf } from '../../../src/report/objects/index.ts';
import { systemClock } from '../../adapters/clock/index.ts';
import type { CliIo } from '../io.ts';
import type { Reach } from './flags.ts';
import { type FluxKind, KUSTOMIZATION } from './kinds.ts';
import { mustRead } from './objects.ts';

/** The name under which these commands write. Flux's takes over nothing that is written so. */
export const MANAGER = 'holdfast';
/** How long `reconcile` and `resume` wait when nothing else is said, as with Flux. */
export const WAIT = '5m';

const POLL_MS = 250;

/** An object of the Flux API by name. */
export interface Named {
  readonly kind: FluxKind;
  readonly name: string;
  readonly namespace: string;
}

const refOf = ({ kind, name, namespace }: Named) => ({
  group: kind.group,
  version: kind.version,
  kind: kind.kind,
  namespace,
  name,
});

/** Changes fields of an object, and answers what it is then. */
export function change(one: Named, body: object, { cluster, signal }: Reach): Promise<KubeObject> {
  return cluster.patch(refOf(one), body, { manager: MANAGER, signal });
}

/** Asks for a run by annotation, waits until it is over, and says how it went. Answers the exit code. */
export async function reconcileOne(one: Named, reach: Reach, io: CliIo): Promise<number> {
  const { kind, name, namespace } = one;
  const object = await mustRead(kind, name, namespace, reach);
  if (at(object, 'spec', 'suspend') === true) {
    io.stderr(`✗ ${kind.kind} ${namespace}/${name} is suspended\n`);
    return 1;
  }
  io.stderr(`► annotating ${kind.kind} ${name} in ${namespace} namespace\n`);
  const before = textAt(object, 'status', 'lastHandledReconcileAt') ?? '';
  const token = new Date(systemClock().now()).toISOString();
  await change(one, { metadata: { annotations: { [REQUESTED]: token } } }, reach);
  io.stderr(`✔ ${kind.kind} annotated\n`);
  return settled(one, (now) => isHandled(now, token, before), reach, io);
}

/** A later request than ours is as good. */
function isHandled(object: KubeObject, token: string, before: string): boolean {
  const handled = textAt(object, 'status', 'lastHandledReconcileAt') ?? '';
  const asked = textAt(object.metadata, 'annotations', REQUESTED) ?? '';
  return handled === token || (asked !== token && handled !== before);
}

/** Waits until an object is looked at and ready, or not; says which. Answers the exit code. */
export async function settled(
  one: Named,
  isHandled: (object: KubeObject) => boolean,
  reach: Reach,
  io: CliIo,
): Promise<number> {
  const { kind, name, namespace } = one;
  io.stderr(`◎ waiting for ${kind.kind} reconciliation\n`);
  const clock = systemClock();
  let last: KubeObject | undefined;
  try {
    for (;;) {
      last = await mustRead(kind, name, namespace, reach);
      const end = isHandled(last) ? outcome(last) : undefined;
      if (end === 'ready') {
        io.stderr(`✔ ${kind === KUSTOMIZATION ? 'applied' : 'fetched'} revision ${revisionOf(last)}\n`);
        return 0;
      }
      if (end !== undefined) {
        io.stderr(`✗ ${kind.kind} reconciliation failed: ${end}\n`);
        return 1;
      }
      await clock.sleep(POLL_MS, reach.signal);
    }
  } catch (error) {
    if (!reach.signal.aborted || last === undefined || error instanceof Fault) throw error;
    const state = isHandled(last) ? (textAt(conditionAt(last, 'Ready'), 'message') ?? '') : NOBODY;
    const where = refText(refOf(one));
    throw new Fault('health-failed', `${where} did not become ready within ${reach.timeout || 'the time'}: ${state}`);
  }
}

const NOBODY =
  'no agent has taken the request. Does one run, and does it take objects of this namespace (objects.cluster of its configuration)?';

/** `ready`, or why it is not; undefined while it is being worked on. */
function outcome(object: KubeObject): string | undefined {
  const ready = conditionAt(object, 'Ready');
  const stalled = conditionAt(object, 'Stalled');
  if (!isCurrent(object)) return undefined;
  if (textAt(stalled, 'status') === 'True') return textAt(stalled, 'message') ?? 'it is stalled';
  const status = textAt(ready, 'status');
  if (status === 'False') return textAt(ready, 'message') ?? 'it is not ready';
  const busy = textAt(conditionAt(object, 'Reconciling'), 'status') === 'True';
  return status === 'True' && !busy ? 'ready' : undefined;
}
