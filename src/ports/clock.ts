/** Time as an argument. Durations use `monotonic`; dates and windows use `now`, which may be wrong or jump. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary start. */
  monotonic(): number;
  /** Resolves after a time, or at once with the signal's reason as error when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls once after a time unless cancelled. Does not keep the process alive. */
  after(ms: number, call: () => void): Cancel;
}

export type Cancel = () => void;

/** Randomness as an argument, in [0, 1). */
export type Random = () => number;
