import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds before it gives up; default 10,000. */
  readonly within?: number;
  /** Milliseconds between checks; default 25. */
  readonly every?: number;
  /** Said in the error. */
  readonly what?: string;
}

type Found<T> = Exclude<T, undefined | false | null>;

/**
 * Repeats a check until it gives anything but undefined, null or false, and gives that. A check that throws counts as
 * "not yet"; its error is the cause when time is up.
 */
export async function until<T>(check: () => T | Promise<T>, options: UntilOptions = {}): Promise<Found<T>> {
  const { within = 10_000, every = 25, what = 'the condition' } = options;
  const end = performance.now() + within;
  let last: unknown;
  for (;;) {
    try {
      const found = await check();
      if (found !== undefined && found !== false && found !== null) return found as Found<T>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) break;
    await sleep(every);
  }
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new Error(`${what} did not come true within ${within} ms${why}`, { cause: last });
}
