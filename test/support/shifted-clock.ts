import { systemClock } from '../../agent/adapters/clock/index.ts';
import type { Clock } from '../../src/ports/index.ts';

export interface ShiftedClock extends Clock {
  /** Lets so much time pass at once, on both clocks; timers that became due fire. */
  pass(ms: number): void;
  /** Moves the wall clock alone. */
  setWall(now: number): void;
}

interface Timer {
  readonly at: number;
  readonly call: () => void;
  cancel: () => void;
}

/** The machine's clocks, running as usual, with an offset that tests move: real servers answer in real time. */
export function shiftedClock(): ShiftedClock {
  const real = systemClock();
  let wall = 0;
  let passed = 0;
  const timers = new Set<Timer>();
  const monotonic = (): number => real.monotonic() + passed;
  const arm = (timer: Timer): void => {
    timer.cancel();
    timer.cancel = real.after(Math.max(0, timer.at - monotonic()), () => {
      timers.delete(timer);
      timer.call();
    });
  };
  const after: Clock['after'] = (ms, call) => {
    const timer: Timer = { at: monotonic() + ms, call, cancel: () => undefined };
    timers.add(timer);
    arm(timer);
    return () => {
      timer.cancel();
      timers.delete(timer);
    };
  };
  return {
    now: () => real.now() + wall + passed,
    monotonic,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancel = after(ms, resolve);
        signal?.addEventListener(
          'abort',
          () => {
            cancel();
            reject(signal.reason);
          },
          { once: true },
        );
      }),
    pass: (ms) => {
      passed += ms;
      for (const timer of timers) arm(timer);
    },
    setWall: (now) => {
      wall = now - real.now() - passed;
    },
  };
}
