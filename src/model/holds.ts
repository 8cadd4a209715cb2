import type { Fault, FaultCode } from './fault.ts';

/** What is wrong with a file itself, or with the content in it, for as long as it is this file. */
const FINAL: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'bundle-unreadable',
  'bundle-older',
  'bundle-elsewhere',
  'bundle-unproven',
  'source-bounds',
  'source-corrupt',
  'source-empty',
  'source-not-found',
  'source-ref-missing',
  'source-refused',
  'signature-invalid',
]);

/**
 * Whether a brought file that was not taken for this is kept and tried again: the fault may pass by itself (the disk, the
 * API server, a lack of time or memory), or when somebody mends the site. All others are for good.
 */
export function holds({ code, retryAfterMs }: Pick<Fault, 'code' | 'retryAfterMs'>): boolean {
  return retryAfterMs !== undefined || !FINAL.has(code);
}
