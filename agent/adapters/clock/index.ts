import type { Cancel, Clock } from '../../../src/ports/index.ts';

/** Node's timers take at most this; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs once after any time, in as many timers as it takes. */
function timer(ms: number, call: () => void, keepAlive: boolean): Cancel {
  let handle: NodeJS.Timeout;
  const arm = (left: number): void => {
    const part = Math.min(Math.max(left, 0), MAX_TIMER_MS);
    handle = setTimeout(() => (left > part ? arm(left - part) : call()), part);
    if (!keepAlive) handle.unref();
  };
  arm(ms);
  return () => clearTimeout(handle);
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const abort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = timer(
      ms,
      () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
      true,
    );
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The machine's clocks. `sleep` keeps the process alive, `after` does not. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => {
      const [seconds, nanos] = process.hrtime();
      return seconds * 1000 + nanos / 1e6;
    },
    sleep,
    after: (ms, call) => timer(ms, call, false),
  };
}
