import type { Clock, Cluster, WatchEvent } from '../../src/ports/index.ts';
import type { Loop } from '../loop/index.ts';
import { FLUX_KINDS } from './kinds.ts';

export interface ListingPorts {
  readonly clock: Clock;
  readonly cluster: Pick<Cluster, 'surface'>;
  readonly loop: Pick<Loop, 'listing' | 'listed' | 'knows'>;
  /** Those that are watched; `''` for all. */
  readonly namespaces: readonly string[];
}

/** Longest that a first list is waited for, milliseconds: its kind may not be served at all. */
const LIST_MS = 10_000;

/**
 * Tells the loop which kinds are being listed, until each of them is, may not be, or takes too long: lists of several
 * kinds come in any order, and a source whose list is on its way is not missing. To have waited long enough is not to know:
 * a kind is known once all its lists came, or the API server says that it has none such. The answer takes the events of
 * watches.
 */
export function firstLists(
  { clock, cluster, loop, namespaces }: ListingPorts,
  signal: AbortSignal,
): (kind: string, namespace: string, event: WatchEvent) => void {
  const awaited = new Map(FLUX_KINDS.map(({ kind }) => [kind, new Set(namespaces)]));
  const missing = new Map(FLUX_KINDS.map(({ kind }) => [kind, new Set(namespaces)]));
  for (const kind of awaited.keys()) loop.listing(kind);
  const end = (kind: string): void => {
    if (awaited.delete(kind)) loop.listed(kind);
  };
  const lateOnes = async (): Promise<void> => {
    for (const kind of [...awaited.keys()]) end(kind);
    const surface = await cluster.surface({ fresh: true, signal });
    if (signal.aborted) return;
    for (const kind of FLUX_KINDS)
      if (surface.find(kind) === undefined && missing.get(kind.kind)?.size === namespaces.length) {
        missing.get(kind.kind)?.clear();
        loop.knows(kind.kind, true);
      }
  };
  // What cannot be asked stays unknown.
  const cancel = clock.after(LIST_MS, () => void lateOnes().catch(() => undefined));
  signal.addEventListener('abort', cancel, { once: true });
  return (kind, namespace, event) => {
    if (signal.aborted) return;
    const left = missing.get(kind);
    const denied = event.type === 'lost' && event.code === 'cluster-denied';
    if (event.type === 'synced') left?.delete(namespace);
    else if (denied) left?.add(namespace);
    else return;
    loop.knows(kind, left?.size === 0);
    const waits = awaited.get(kind);
    waits?.delete(namespace);
    if (waits?.size === 0) end(kind);
  };
}
