import { asFault, FAULTS, type Fault, type FaultCode, type NotConverged } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { rfc3339 } from './time.ts';

/** The fault that stands in the way now, and how long it has. */
export interface Standing {
  readonly code: FaultCode;
  readonly reason: string;
  readonly message: string;
  readonly since: number;
  /** Attempts in a row that ended with it or another fault. */
  readonly failures: number;
  readonly retryAfterMs: number | undefined;
  /** The revision that it was told of last, where somebody was told. */
  readonly toldOf?: string;
}

/** Lines for the same fault: the first, then only when the count reaches a power of two. */
const worthALine = (count: number): boolean => (count & (count - 1)) === 0;

/** A message without times that differ from attempt to attempt. */
const plain = (message: string): string => message.replace(/\b(\d+(\.\d+)?(ms|s|m|h))+\b/g, '*');

/** Takes a fault down. The same one is logged once and then counted. */
export function standing(
  before: Standing | undefined,
  error: unknown,
  options: { readonly now: number; readonly log: Log },
): Standing {
  const fault: Fault = asFault(error);
  const same = before !== undefined && before.code === fault.code && plain(before.message) === plain(fault.message);
  const failures = (before?.failures ?? 0) + 1;
  if (!same) options.log.warn('not converged', { code: fault.code, reason: fault.reason, error: fault.message });
  else if (worthALine(failures)) options.log.warn('still not converged', { code: fault.code, failures });
  if (fault.code === 'internal') options.log.error('bug', { error: fault.stack ?? fault.message });
  return {
    code: fault.code,
    reason: fault.reason,
    message: fault.message,
    since: same ? before.since : options.now,
    failures,
    retryAfterMs: fault.retryAfterMs,
  };
}

/** What a report says of a standing fault. */
export function notConverged(one: Standing): NotConverged {
  return {
    code: one.code,
    reason: one.reason,
    message: one.message,
    help: FAULTS[one.code].help,
    since: rfc3339(one.since),
  };
}
