import { Fault, type FaultCode } from '../../src/model/index.ts';
import type { Job } from './protocol.ts';

/** The process was ended because its job took longer than it may. */
export const LATE = 'late';

/** A file that took too much time or memory is not tried again before. */
const AGAIN_MS = 10 * 60_000;

/** What an end for want of memory means for each job. */
const TOO_LARGE: Readonly<Record<Job['kind'], FaultCode>> = {
  fetch: 'source-bounds',
  bundle: 'source-bounds',
  unwrap: 'source-bounds',
  unlock: 'source-bounds',
  verify: 'source-bounds',
  render: 'build-failed',
  archive: 'cache-io',
};

/** Who ended early did so by its job: the content is to blame, unless the program itself gave up. */
export function endedFault(
  job: Job,
  end: string,
  bounds: { readonly timeoutMs: number; readonly memoryMib: number },
): Fault {
  if (end === LATE && job.kind === 'archive')
    return new Fault('cache-io', `the archive took longer than limits.artifactMs = ${bounds.timeoutMs}`);
  const isFile = job.kind === 'bundle' || job.kind === 'unwrap';
  if (end === LATE && isFile)
    return new Fault('wire-timeout', `the file took longer than limits.bundleMs = ${bounds.timeoutMs}`, {
      retryAfterMs: AGAIN_MS,
    });
  if (end === LATE && job.kind === 'unlock')
    return new Fault('wire-timeout', `the SSH key was not decrypted within ${bounds.timeoutMs} ms`);
  if (end === LATE)
    return job.kind !== 'render'
      ? new Fault('wire-timeout', `the ${job.kind} took longer than ${bounds.timeoutMs} ms (spec.timeout)`)
      : new Fault('build-failed', `the render took longer than limits.renderMs = ${bounds.timeoutMs}`);
  if (/SIG(ABRT|TRAP|ILL|KILL)|code 13[1-9]/.test(end))
    return new Fault(
      TOO_LARGE[job.kind],
      `the ${job.kind} needs more memory than limits.workerMemoryMib = ${bounds.memoryMib}, or than the machine has (${end})`,
      // Another file cannot be made of a stick: it is tried again when there may be more.
      { retryAfterMs: isFile ? AGAIN_MS : undefined },
    );
  return new Fault('internal', `the worker ended before its ${job.kind} was done (${end})`);
}
