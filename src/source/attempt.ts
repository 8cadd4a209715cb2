import { type Limits, NO_TRAFFIC, type WireCount } from '../model/index.ts';
import type { Clock, WireLimits } from '../ports/index.ts';

/** What the exchanges of one attempt share: the time that is left, and what they have moved. */
export interface Attempt {
  /** Milliseconds left; at least 1. */
  left(): number;
  /** The time begins anew, for the next phase. */
  restart(): void;
  /** Adds an exchange to the count. */
  spend(count: WireCount): void;
  /** All exchanges that have ended, and what has moved on a connection that serves several. */
  spent(): WireCount;
}

/** Begins an attempt. `onExchange` is told of each exchange, so that bytes of attempts that fail are counted too. */
export function beginAttempt(
  clock: Clock,
  timeoutMs: number,
  onExchange: ((count: WireCount) => void) | undefined,
): Attempt {
  let start = clock.monotonic();
  let spent = NO_TRAFFIC;
  return {
    left: () => Math.max(1, timeoutMs - (clock.monotonic() - start)),
    restart: () => {
      start = clock.monotonic();
    },
    spend: (count) => {
      onExchange?.(count);
      spent = { requests: spent.requests + count.requests, up: spent.up + count.up, down: spent.down + count.down };
    },
    spent: () => spent,
  };
}

/** Bounds of an exchange within the time that is left. A body that stalls ends before that, so that it can be taken up again. */
export function wireLimits(
  attempt: Pick<Attempt, 'left'>,
  maxBytes: number,
  { bodyIdleMs }: Pick<Limits, 'bodyIdleMs'>,
): WireLimits {
  const left = attempt.left();
  return { totalMs: left, idleMs: left, bodyIdleMs: Math.min(left, bodyIdleMs), maxBytes };
}
