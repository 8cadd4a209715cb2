import { asFault, Fault, type VersionedRef } from '../../src/model/index.ts';
import { type KustomizationPorts, type KustomizationRun, placeOf } from './kustomization-state.ts';
import type { Place } from './place.ts';

/**
 * Whether the account that acts at a place is there; true where the agent may not know. Who is impersonated without being
 * there has no rights: at the deletion of a Kustomization its objects are then left, as in Flux.
 */
export async function accountExists(place: Place, signal: AbortSignal): Promise<boolean> {
  const [namespace = '', name = ''] = place.account.split('/');
  if (name === '') return true;
  const ref: VersionedRef = { group: '', version: 'v1', kind: 'ServiceAccount', namespace, name };
  try {
    return (await place.area.cluster.read(ref, { metadataOnly: true, signal })) !== undefined;
  } catch (error) {
    if (asFault(error).code === 'cluster-denied') return true;
    throw error;
  }
}

const DENIALS: ReadonlySet<string> = new Set(['cluster-denied', 'prune-failed']);

/** A denial says when the account that was denied is not there at all: then no rule helps. */
export async function explained(run: KustomizationRun, fault: Fault, ports: KustomizationPorts): Promise<Fault> {
  if (!DENIALS.has(fault.code) || run.place === undefined || run.place.account === '') return fault;
  const place = placeOf(run);
  if (await accountExists(place, ports.signal).catch(() => true)) return fault;
  return new Fault(fault.code, `ServiceAccount ${place.account} does not exist: create it; ${fault.message}`, {
    cause: fault,
    retryAfterMs: fault.retryAfterMs,
  });
}
