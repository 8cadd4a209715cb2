import { removeConditions, sameConditions, setCondition } from '../../src/flux/index.ts';
import type { Condition } from '../../src/model/index.ts';

/** A condition as a run wants it; the time is added where it changes. */
export type Wanted = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions with the wanted ones put in and the named ones taken out. The very same value comes back when nothing
 * but times would change, so that nothing is written for it. `now` in milliseconds since 1970.
 */
export function merge(
  before: readonly Condition[],
  wanted: readonly Wanted[],
  options: { readonly without: readonly string[]; readonly now: number; readonly generation: number },
): readonly Condition[] {
  let next = removeConditions(before, ...options.without);
  for (const one of wanted) next = setCondition(next, { ...one, observedGeneration: options.generation }, options.now);
  return sameConditions(before, next) ? before : next;
}

/** What a success looks like on any Flux object. */
export function succeeded(reason: string, message: string): readonly Wanted[] {
  return [{ type: 'Ready', status: 'True', reason, message }];
}

/** What a failure looks like: `retried` says what is tried again; without it, only a change of the object helps. */
export function failed(reason: string, message: string, retried: string | undefined): readonly Wanted[] {
  const second: Wanted =
    retried === undefined
      ? { type: 'Stalled', status: 'True', reason, message }
      : { type: 'Reconciling', status: 'True', reason: 'ProgressingWithRetry', message: retried };
  return [{ type: 'Ready', status: 'False', reason, message }, second];
}
