import type { Cancel, Clock, Log } from '../../src/ports/index.ts';
import { rfc3339 } from './time.ts';

/** Whether the wall clock can be right. Durations never hang on it; times of day do. */
export interface WallClock {
  /** What is wrong with it; '' when it can be right. */
  doubt(): string;
  /** The latest time that counts as seen, milliseconds since 1970: to be kept on disk. */
  floor(): number;
  /** Somebody has looked at the site: a time before the latest one seen counts from now on, one before the build never. */
  accept(): void;
  stop(): void;
}

export interface WallClockOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** No right clock shows an earlier time than this. */
  readonly trustedAfter: number;
  /** As kept on disk; 0 for none. */
  readonly floor: number;
  /** It was set by so many milliseconds, or (0) is trusted anew, or no longer. */
  readonly onMoved: (ms: number) => void;
  /** An earlier floor was accepted. */
  readonly onAccept: (floor: number) => void;
}

const LOOK_MS = 30_000;
/** Less than this between two looks is a clock that is steered, not set. */
const STEP_MS = 2_000;
/** A clock that starts from what it last saved may be behind by this. */
const TOLERANCE_MS = 10 * 60_000;
/** A time counts as seen when the clock has not been set for so long: one that starts far ahead is soon put right. */
const STEADY_MS = 3_600_000;

/** Watches the wall clock by the monotonic one. */
export function watchWallClock(options: WallClockOptions): WallClock {
  const { clock, log, trustedAfter } = options;
  const offset = (): number => clock.now() - clock.monotonic();
  let floor = options.floor;
  let last = offset();
  let steadySince = clock.monotonic();
  let cancel: Cancel = () => undefined;

  const doubt = (): string => {
    const now = clock.now();
    if (now < trustedAfter) return `the clock shows ${shown(now)}, before this software was made`;
    if (now < floor - TOLERANCE_MS) return `the clock shows ${shown(now)}, and ${rfc3339(floor)} was seen here before`;
    return '';
  };
  let trusted = doubt() === '';
  const look = (): void => {
    const moved = offset() - last;
    const set = Math.abs(moved) >= STEP_MS;
    last += moved;
    if (set) {
      steadySince = clock.monotonic();
      log.info('the clock was set', { seconds: Math.round(moved / 1000) });
    }
    const why = doubt();
    if (set || (why === '') !== trusted) {
      trusted = why === '';
      if (!trusted) log.warn('the clock is not trusted', { code: 'clock-untrusted', why });
      options.onMoved(set ? moved : 0);
    }
    if (trusted && clock.monotonic() - steadySince >= STEADY_MS) floor = Math.max(floor, clock.now());
  };
  const turn = (): void => {
    look();
    cancel = clock.after(LOOK_MS, turn);
  };
  cancel = clock.after(LOOK_MS, turn);
  return {
    doubt,
    floor: () => floor,
    accept: () => {
      const now = clock.now();
      if (now < trustedAfter || doubt() === '') return;
      log.info('the clock is accepted', { now: rfc3339(now), before: rfc3339(floor) });
      floor = now;
      options.onAccept(floor);
      look();
    },
    stop: () => cancel(),
  };
}

/** Also of a clock that stands at 1970. */
const shown = (now: number): string => rfc3339(Math.max(now, 1));
