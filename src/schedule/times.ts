import { createHash } from 'node:crypto';

/** A number in [0, 1) that is always the same for the same text: jitter that survives restarts and differs by site. */
export function fraction(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}

/**
 * The interval until the next run, up to 5 % shorter or longer as Flux's default jitter has it. `seed` names the
 * cluster and the object, `round` is the number of the run, so that sites and runs spread.
 */
export function jittered(intervalMs: number, seed: string, round: number): number {
  return Math.round(intervalMs * (0.95 + 0.1 * fraction(`${seed}#${round}`)));
}

/** First retry after a failure, milliseconds. Flux's sources begin with the same. */
const FIRST_RETRY_MS = 750;

/**
 * Delay before the next attempt after so many failures in a row (1 is the first): doubling from 750 ms to a cap, then
 * spread by 10 % to either side.
 */
export function backoff(failures: number, capMs: number, seed: string): number {
  const plain = Math.min(capMs, FIRST_RETRY_MS * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(plain * (0.9 + 0.2 * fraction(`${seed}!${failures}`)));
}
