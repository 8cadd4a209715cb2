import type { Fault } from '../../../src/model/index.ts';
import type { SshRequest } from '../../../src/ports/index.ts';
import { timeoutFault } from '../wire/faults.ts';

/** One attempt: what ends it, and why. */
export interface Attempt {
  readonly target: string;
  readonly signal: AbortSignal;
  /** Ends connection and command with this; the first counts. */
  fail(fault: Fault): void;
  /** The first thing that went wrong, in our words. */
  fault(): Fault | undefined;
  /** The time is not watched any more. */
  settle(): void;
}

/** Begins to count the time. It ends with the request's signal, too. */
export function beginAttempt(request: SshRequest): Attempt {
  const started = performance.now();
  const ended = new AbortController();
  const target = `${request.host}:${request.port}`;
  let first: Fault | undefined;
  const fail = (fault: Fault): void => {
    first ??= fault;
    ended.abort(first);
  };
  const timer = setTimeout(
    () => fail(timeoutFault(target, 'no end', Math.round(performance.now() - started))),
    request.totalMs,
  );
  timer.unref();
  const stop = (): void => ended.abort(request.signal?.reason);
  if (request.signal?.aborted === true) stop();
  request.signal?.addEventListener('abort', stop, { once: true });
  return {
    target,
    signal: ended.signal,
    fail,
    fault: () => first,
    settle() {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', stop);
    },
  };
}
