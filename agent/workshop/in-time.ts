import { Fault, type Limits } from '../../src/model/index.ts';

/** A timer that is set to more fires at once (24.8 days). */
const MOST_MS = 2 ** 31 - 1;

/** Milliseconds that the content of one source may take; not the source's own timeout, which is for its server. */
export const bundleTime = ({ bundleMs }: Pick<Limits, 'bundleMs'>): number => Math.min(bundleMs, MOST_MS);

/**
 * Calls a job off when it is late, and does not wait for it then: a read of a broken medium may never come back. Fault
 * `wire-timeout`; the signal's reason when it aborts.
 */
export async function inTime<T>(
  job: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const end = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    end.signal.addEventListener('abort', () => reject(end.signal.reason), { once: true });
  });
  const stop = (): void => end.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const late = new Fault('wire-timeout', `the file took longer than limits.bundleMs = ${timeoutMs}`);
  const timer = setTimeout(() => end.abort(late), timeoutMs);
  try {
    return await Promise.race([ended, job(end.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
