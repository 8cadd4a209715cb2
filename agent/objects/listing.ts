import type { Clock, WatchEvent } from '../../src/ports/index.ts';
import type { Loop } from '../loop/index.ts';
import { FLUX_KINDS } from './kinds.ts';

export interface ListingPorts {
  readonly clock: Clock;
  readonly loop: Pick<Loop, 'listing' | 'listed'>;
  /** Those that are watched; `''` for all. */
  readonly namespaces: readonly string[];
}

/** Longest that a first list is waited for, milliseconds: its kind may not be served at all. */
const LIST_MS = 10_000;

/**
 * Tells the loop which kinds are being listed, until each of them is, may not be, or takes too long: lists of several
 * kinds come in any order, and a source whose list is on its way is not missing. The answer takes the events of watches.
 */
export function firstLists(
  { clock, loop, namespaces }: ListingPorts,
  signal: AbortSignal,
): (kind: string, namespace: string, event: WatchEvent) => void {
  const open = new Map(FLUX_KINDS.map(({ kind }) => [kind, new Set(namespaces)]));
  for (const kind of open.keys()) loop.listing(kind);
  const end = (kind: string): void => {
    if (open.delete(kind)) loop.listed(kind);
  };
  const cancel = clock.after(LIST_MS, () => {
    for (const kind of [...open.keys()]) end(kind);
  });
  signal.addEventListener('abort', cancel, { once: true });
  return (kind, namespace, event) => {
    if (signal.aborted || (event.type !== 'synced' && (event.type !== 'lost' || event.code !== 'cluster-denied')))
      return;
    const left = open.get(kind);
    left?.delete(namespace);
    if (left?.size === 0) end(kind);
  };
}
