import type { Clock } from '../../src/ports/index.ts';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

export interface ManualClock extends Clock {
  /** Lets time pass on both clocks; timers fire in order of their time, each followed by whatever promises it woke. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock alone, as NTP, a person or a flat battery does. */
  setWall(now: number): void;
  /** Timers and sleeps that wait. */
  waiting(): number;
  /** Milliseconds until the next of them, undefined when there is none. */
  next(): number | undefined;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A Clock moved by hand. Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsed = 0;
  let wall = start;
  // In order of insertion, which breaks ties of equal times.
  const timers = new Set<Timer>();
  const earliest = (): Timer | undefined => {
    let found: Timer | undefined;
    for (const timer of timers) if (found === undefined || timer.at < found.at) found = timer;
    return found;
  };
  const pass = (ms: number): void => {
    elapsed += ms;
    wall += ms;
  };
  const after: Clock['after'] = (ms, call) => {
    const timer = { at: elapsed + Math.max(ms, 0), call };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => wall,
    monotonic: () => elapsed,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const cancel = after(ms, () => resolve());
        const abort = (): void => {
          cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
      }),
    setWall: (now) => {
      wall = now;
    },
    waiting: () => timers.size,
    next: () => {
      const timer = earliest();
      return timer === undefined ? undefined : timer.at - elapsed;
    },
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      for (let timer = earliest(); timer !== undefined && timer.at <= end; timer = earliest()) {
        pass(timer.at - elapsed);
        timers.delete(timer);
        timer.call();
        await settle();
      }
      pass(end - elapsed);
      await settle();
    },
  };
}
