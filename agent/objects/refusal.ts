import { type FluxObject, parseFluxObjects, REQUESTED } from '../../src/flux/index.ts';
import {
  type Condition,
  FAULTS,
  type FaultCode,
  type JsonObject,
  type KubeObject,
  textAt,
} from '../../src/model/index.ts';
import { stalledStatus } from '../../src/report/index.ts';

/** Why an object of the cluster is not taken. */
export interface Refusal {
  readonly code: FaultCode;
  readonly message: string;
  readonly generation: number;
  /** RFC 3339, since when. */
  readonly at: string;
  /** `reconcile.fluxcd.io/requestedAt`; '' without. */
  readonly requestedAt: string;
}

/** What stands in the way now; since when it has, where it is the same as before. */
export function refusal(
  why: Pick<Refusal, 'code' | 'message' | 'generation' | 'at'>,
  object: KubeObject,
  before: Refusal | undefined,
): Refusal {
  const requestedAt = textAt(object.metadata, 'annotations', REQUESTED) ?? '';
  const same = before?.code === why.code && before.message === why.message;
  return { ...why, requestedAt, at: same ? before.at : why.at };
}

/** Reads an object of the cluster, or says why that cannot be done. */
export function readObject(
  object: KubeObject,
): { readonly flux: FluxObject } | { readonly code: FaultCode; readonly message: string } {
  const { objects, errors } = parseFluxObjects([{ value: object, file: 'cluster', line: 0 }], { strict: false });
  const [flux] = objects;
  if (flux !== undefined && errors.length === 0) return { flux };
  const messages = errors.map((one) => one.message.replace(/^cluster: \S+: /, '').replace(/^cluster: \S+ /, ''));
  return { code: errors[0]?.code ?? 'object-invalid', message: messages.join('; ') };
}

/** The status of an object that is not taken. Who asked for a run of it is answered. */
export function refusedStatus({ code, message, generation, at, requestedAt }: Refusal): JsonObject {
  const { reason } = FAULTS[code];
  const one = (type: string, status: Condition['status']): Condition => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: at,
    observedGeneration: generation,
  });
  const status = stalledStatus(generation, [one('Stalled', 'True'), one('Ready', 'False')]);
  return requestedAt === '' ? status : { ...status, lastHandledReconcileAt: requestedAt };
}
