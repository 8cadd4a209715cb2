/** How often an object was corrected lately, because of one other writer. */
export interface Corrections {
  /** Monotonic milliseconds of the latest corrections, oldest first; at most FIGHT_AFTER. */
  readonly times: readonly number[];
  /** Until when, monotonic, further corrections wait; 0 when they don't. */
  readonly waitUntil: number;
  /** Rounds of waiting so far; resets after a quiet time. */
  readonly rounds: number;
  /** The other writer; '' where nothing tells, as after a deletion. */
  readonly rival: string;
}

/** So many corrections of what one writer did are a fight: more than a person does by hand, and less than two controllers. */
const FIGHT_AFTER = 10;
/** Once it was a fight, one correction is one more try; the next shows that it goes on. */
const AGAIN_AFTER = 2;
/** Autoscalers write every 15 seconds. */
const WINDOW_MS = 300_000;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 600_000;
const NONE: Corrections = { times: [], waitUntil: 0, rounds: 0, rival: '' };

const waitOf = (rounds: number): number => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, rounds));

/** Takes note of one correction; `rival` is the manager that made it necessary. */
export function noteCorrection(before: Corrections | undefined, now: number, rival: string): Corrections {
  const was = before?.rival === rival ? before : NONE;
  const lately = [...was.times.filter((t) => now - t < WINDOW_MS), now].slice(-FIGHT_AFTER);
  const rounds = now - was.waitUntil > LONGEST_WAIT_MS ? 0 : was.rounds;
  if (lately.length < (rounds > 0 ? AGAIN_AFTER : FIGHT_AFTER))
    return { times: lately, waitUntil: was.waitUntil, rounds, rival };
  return { times: [], waitUntil: now + waitOf(rounds), rounds: rounds + 1, rival };
}

/** What to say of an object whose correction waits; '' when it does not. */
export function rivalry(corrections: Corrections | undefined, now: number): string {
  if (corrections === undefined || corrections.waitUntil <= now) return '';
  const seconds = waitOf(corrections.rounds - 1) / 1000;
  const who = corrections.rival === '' ? 'another writer' : corrections.rival;
  return `${who} undoes what is applied, again and again; corrections wait ${seconds}s now. Only one writer may own a field`;
}
