import type { Fault } from './fault.ts';
import { isObject, type Json } from './json.ts';

/**
 * Whether a refused object may be made anew where `force` allows it: a field that cannot change in place, or, as Flux
 * has it, whatever the validation of the API server finds in the change (422, Invalid). Nothing is deleted before the
 * new object is proven.
 */
export function isReplaceable(fault: Fault): boolean {
  if (fault.code === 'apply-immutable') return true;
  const status = fault.cause as Json | undefined;
  return fault.code === 'apply-refused' && isObject(status) && status['reason'] === 'Invalid';
}
