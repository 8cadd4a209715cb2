import {
  Fault,
  isFluxItself,
  isObject,
  type ObjectMeta,
  type Receipt,
  refText,
  type Step,
  textAt,
  type VersionedRef,
} from '../model/index.ts';
import { seenOf } from './managed-fields.ts';
import type { ApplyOptions, ApplyPorts } from './ports.ts';

type DeleteStep = Extract<Step, { do: 'delete' }>;

/** Why a live object that left the render is kept nevertheless; '' when it may be deleted. */
export function keepReason(ref: VersionedRef, meta: ObjectMeta, owner: string): string {
  const seen = seenOf(meta);
  if (seen.owner !== owner)
    return seen.owner === '' ? 'it no longer carries the owner labels' : `it is owned by ${seen.owner} now`;
  if (!seen.settings.prune) return 'prune: disabled';
  if (!seen.settings.reconcile) return 'reconcile: disabled';
  if (seen.settings.ignore) return 'ssa: Ignore';
  // It is left out of every render, so that an inventory that Flux has left names it.
  const { labels } = meta;
  if (isObject(labels) && isFluxItself(labels)) return 'it is part of Flux itself';
  if (ref.kind === 'CustomResourceDefinition' && ref.name.endsWith('.toolkit.fluxcd.io'))
    return 'it defines objects of the Flux API, which would go with it';
  return '';
}

/** Deletes one object if its live labels and annotations allow it; the uid guards against a namesake made meanwhile. */
export async function pruneOne(step: DeleteStep, ports: ApplyPorts, options: ApplyOptions): Promise<Receipt> {
  const { id, ref } = step;
  try {
    const live = await ports.cluster.read(ref, { metadataOnly: true, signal: options.signal });
    const keep = live === undefined ? '' : keepReason(ref, live.metadata, options.owner);
    if (keep !== '') {
      ports.ledger.gone(id);
      return { id, ref, did: 'kept', message: keep };
    }
    const removed =
      live !== undefined &&
      (await ports.cluster.remove(ref, {
        uid: textAt(live.metadata, 'uid') ?? '',
        propagation: 'Background',
        signal: options.signal,
      }));
    ports.ledger.gone(id);
    if (removed) ports.log.info('object pruned', { object: refText(ref) });
    return { id, ref, did: removed ? 'deleted' : 'absent', message: '' };
  } catch (error) {
    // The kind itself is gone, and its objects with it.
    if (error instanceof Fault && error.code === 'kind-unknown') {
      ports.ledger.gone(id);
      return { id, ref, did: 'absent', message: '' };
    }
    const fault = error instanceof Fault ? error : new Fault('prune-failed', String(error));
    return {
      id,
      ref,
      did: 'failed',
      message: fault.message,
      fault: fault.code === 'cluster-unreachable' ? fault.code : 'prune-failed',
      refusal: fault.refusal,
    };
  }
}
