import { type FluxObject, parseFluxObjects } from '../../src/flux/index.ts';
import { type Condition, FAULTS, type FaultCode, type JsonObject, type KubeObject } from '../../src/model/index.ts';
import { stalledStatus } from '../../src/report/index.ts';

/** Why an object of the cluster is not taken. */
export interface Refusal {
  readonly code: FaultCode;
  readonly message: string;
  readonly generation: number;
  /** RFC 3339. */
  readonly at: string;
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

/** The status of an object that is not taken. */
export function refusedStatus({ code, message, generation, at }: Refusal): JsonObject {
  const { reason } = FAULTS[code];
  const one = (type: string, status: Condition['status']): Condition => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: at,
    observedGeneration: generation,
  });
  return stalledStatus(generation, [one('Stalled', 'True'), one('Ready', 'False')]);
}
