import { Fault } from '../../../src/model/index.ts';

/** What a server said that is ready holds so long, milliseconds; a connection that fails ends it. */
const READY_MS = 1_000;
/** Who may not ask believes a server so long after the last failure of a connection, milliseconds. */
const STARTING_MS = 10_000;

/**
 * Tells a server that starts from one that is ready. For a moment after its start it answers, and knows neither its roles
 * (everything is forbidden) nor its custom kinds (none of them is there): neither is to be believed then.
 */
export interface Readiness {
  /** Fault `cluster-unreachable` while the server starts. Asks at most once a second. */
  check(): Promise<void>;
  /** A connection failed: what answers next may have just started. */
  lost(): void;
}

/** `ask` gives the status of `/readyz`; `now` is in milliseconds and only goes forward. */
export function createReadiness(ask: () => Promise<number>, now: () => number): Readiness {
  let lostAt = now();
  let readyAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const began = now();
    const status = await ask();
    // By default everybody may ask. Where not, time is all there is to go by.
    const isDenied = status === 401 || status === 403;
    if (status >= 500 || (isDenied && now() - lostAt < STARTING_MS))
      throw new Fault(
        'cluster-unreachable',
        'the API server is starting: what it forbids, and lacks, is not certain yet',
      );
    if (lostAt <= began) readyAt = now();
  };
  return {
    check: async () => {
      if (now() - readyAt < READY_MS) return;
      asking ??= look().finally(() => {
        asking = undefined;
      });
      await asking;
    },
    lost: () => {
      lostAt = now();
      readyAt = Number.NEGATIVE_INFINITY;
    },
  };
}
