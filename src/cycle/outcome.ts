import { summarize } from '../health/index.ts';
import {
  FAULTS,
  type FaultCode,
  type Health,
  idText,
  isBad,
  type ObjectId,
  type Receipt,
  type Refusal,
  refText,
} from '../model/index.ts';

/** Why a run did not reach what it wanted. */
export interface Trouble {
  readonly code: FaultCode;
  readonly reason: string;
  readonly message: string;
}

/** At most so many objects are named in a message; the status document has more. */
const NAMED = 5;

/** One fault for all receipts of a run: the roots are named with their reason, then what hangs on them. */
export function troubleOf(receipts: readonly Receipt[]): Trouble | undefined {
  const failed = receipts.filter(isBad);
  if (failed.length === 0) return undefined;
  const roots = failed.filter((receipt) => receipt.fault !== 'apply-held');
  const held = failed.filter((receipt) => receipt.fault === 'apply-held');
  const applies = roots.filter((receipt) => receipt.fault !== 'prune-failed');
  const code: FaultCode = (applies[0] ?? roots[0] ?? held[0])?.fault ?? 'apply-refused';
  const lines = roots.slice(0, NAMED).map(lineOf);
  if (roots.length > NAMED) lines.push(`and ${roots.length - NAMED} more`);
  if (held.length > 0) {
    const names = held.slice(0, NAMED).map((receipt) => refText(receipt.ref));
    const more = held.length > NAMED ? ` and ${held.length - NAMED} more` : '';
    lines.push(`kept as they were, for they hang on these: ${names.join(', ')}${more}`);
  }
  return { code, reason: FAULTS[code].reason, message: `${code === 'prune-failed' ? PRUNE : ''}${lines.join('; ')}` };
}

/** Flux's words before what could not be pruned. */
const PRUNE = 'delete failed, errors: ';

/** A refused object in Flux's words, which alerts are filtered by: `Kind/namespace/name dry-run failed (Invalid): ...`. */
function lineOf({ ref, message, fault, refusal }: Receipt): string {
  const how = refusal === undefined ? '' : outcomeOf(refusal, fault);
  return how === '' || refusal === undefined
    ? `${refText(ref)}: ${message}`
    : `${refText(ref)} ${how}: ${refusal.said}`;
}

/** '' where Flux has no words of its own. */
function outcomeOf({ asked, reason }: Refusal, fault: FaultCode | undefined): string {
  switch (asked) {
    case 'place':
      return 'namespace not specified';
    case 'kind':
      return 'dry-run failed';
    case 'delete':
      return fault === 'prune-failed' ? 'delete failed' : '';
    case 'apply':
    case 'dry-run':
      if (reason === 'NotFound') return 'not found';
      return `dry-run failed${reason === '' ? '' : ` (${reason})`}`;
    case 'other':
      return '';
  }
}

/** Objects that a run did something to, for events and logs: `Kind/namespace/name created`. */
export function changesOf(receipts: readonly Receipt[]): readonly string[] {
  const done = receipts.filter(
    (r) => r.did === 'created' || r.did === 'configured' || r.did === 'replaced' || r.did === 'deleted',
  );
  return done.map((receipt) => `${refText(receipt.ref)} ${receipt.did}`);
}

/** Progress of a health check. */
export type HealthVerdict =
  | { readonly state: 'healthy' }
  | { readonly state: 'waiting'; readonly message: string }
  | { readonly state: 'failed'; readonly message: string };

const UNKNOWN: Health = { status: 'Unknown', message: 'is not seen yet' };

/** Sums up the health of these objects: failed as soon as one is (or the time is over), healthy when all are Current. */
export function verdictOf(
  ids: Iterable<ObjectId>,
  health: (id: ObjectId) => Health | undefined,
  late = false,
): HealthVerdict {
  const verdicts = new Map([...ids].map((id) => [idText(id), health(id) ?? UNKNOWN]));
  const { status, message } = summarize(verdicts, late);
  if (status === 'Current') return { state: 'healthy' };
  return { state: status === 'Failed' || late ? 'failed' : 'waiting', message };
}
