import { asFault, type FaultCode, type Json, type JsonObject } from '../../src/model/index.ts';
import type { Cancel, Clock, Cluster, Log } from '../../src/ports/index.ts';
import { backoff } from '../../src/schedule/index.ts';
import { isAway } from './away.ts';
import { isForeign } from './kinds.ts';
import { digestOf, statusKnown, statusOf, type Tracked } from './tracked.ts';

export interface PublisherPorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracked: ReadonlyMap<string, Tracked>;
  /** The status that an object should show; undefined for none yet. */
  readonly wanted: (key: string) => JsonObject | undefined;
  /** Whether this agent speaks for the cluster now. */
  readonly speaks: () => boolean;
}

/** Keeps the status of objects on the API server as it should be: one write for each change, none without. */
export interface Publisher {
  changed(key: string): void;
  /** Tries again what could not be written. */
  flush(): void;
  /** Writes what is open, as far as that is quick, and stops. */
  stop(): Promise<void>;
}

/** The field manager of what is written to Flux objects. */
export const MANAGER = 'holdfast';

/** Changes that come together are written together, milliseconds. */
const GATHER_MS = 20;
/** Longest wait between two attempts to write one status, milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** Writes at the same time: applies have the right of way. */
const WIDTH = 4;
const LAST_WORDS_MS = 2_000;

export function createPublisher(ports: PublisherPorts): Publisher {
  const { clock } = ports;
  const ended = new AbortController();
  const open = new Set<string>();
  const writing = new Map<string, Promise<void>>();
  const denied = new Map<string, Denied>();
  const wakeUp = alarm(clock, () => next());
  let closing = false;

  const next = (): void => {
    if (ended.signal.aborted || !ports.speaks()) return;
    const now = clock.monotonic();
    for (const key of open) {
      if (writing.size >= WIDTH) return;
      const wait = (denied.get(key)?.until ?? 0) - now;
      if (wait > 0 && !closing) wakeUp.in(wait);
      else if (!writing.has(key)) {
        open.delete(key);
        writing.set(key, one(key));
      }
    }
  };
  const one = async (key: string): Promise<void> => {
    try {
      await write(key, ports, ended.signal);
      writing.delete(key);
      if (denied.delete(key)) ports.log.debug('status written again', { object: key });
    } catch (error) {
      writing.delete(key);
      if (ended.signal.aborted) return;
      denied.set(key, countDenied(key, denied, error, ports));
      // At the end each is tried once more.
      if (!closing) open.add(key);
    }
    if (open.size > 0) next();
  };
  return {
    changed: (key) => {
      if (closing) return;
      open.add(key);
      wakeUp.in(GATHER_MS);
    },
    flush: () => {
      for (const one of denied.values()) one.until = 0;
      next();
    },
    stop: async () => {
      closing = true;
      wakeUp.off();
      next();
      await lastWords(clock, ended, LAST_WORDS_MS, async () => {
        while (writing.size > 0) await Promise.all(writing.values());
      });
    },
  };
}

/** Waits for work that is to end now, so many milliseconds at most, and ends it. No timer stays behind. */
export async function lastWords(
  clock: Clock,
  ended: AbortController,
  longest: number,
  work: () => Promise<void>,
): Promise<void> {
  const cancel = clock.after(longest, () => ended.abort());
  const over = new Promise<void>((resolve) => {
    if (ended.signal.aborted) resolve();
    else ended.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([work(), over]);
  cancel();
  ended.abort();
}

/** A status that could not be written, and why. */
interface Denied {
  readonly code: FaultCode;
  readonly message: string;
  /** Attempts in a row that failed. */
  readonly failures: number;
  /** Monotonic time of the next one. */
  until: number;
}

/**
 * Counts a failure. The same one is logged once, for one object of all that have it, then when its count reaches a power
 * of two.
 */
function countDenied(
  key: string,
  denied: ReadonlyMap<string, Denied>,
  error: unknown,
  { clock, log }: PublisherPorts,
): Denied {
  const { code, message, retryAfterMs = 0 } = asFault(error);
  const before = denied.get(key);
  const failures = (before?.failures ?? 0) + 1;
  const speaker = [...denied].find(([, one]) => one.code === code)?.[0] ?? key;
  // That there is no API server to write to is told by its presence.
  const line = isAway(error) || speaker !== key ? log.debug : log.warn;
  if (before?.message !== message) line('status not written yet', { object: key, code, error: message });
  else if ((failures & (failures - 1)) === 0) line('status still not written', { object: key, code, failures });
  const wait = Math.max(backoff(failures, LONGEST_WAIT_MS, key), retryAfterMs);
  return { code, message, failures, until: clock.monotonic() + wait };
}

/** One timer for the earliest of all times that were asked for. */
function alarm(clock: Clock, ring: () => void): { in(ms: number): void; off(): void } {
  let cancel: Cancel | undefined;
  let due = 0;
  const off = (): void => {
    cancel?.();
    cancel = undefined;
  };
  return {
    in: (ms) => {
      const at = clock.monotonic() + ms;
      if (cancel !== undefined && due <= at) return;
      off();
      due = at;
      cancel = clock.after(ms, () => {
        cancel = undefined;
        ring();
      });
    },
    off,
  };
}

async function write(key: string, ports: PublisherPorts, signal: AbortSignal): Promise<void> {
  const tracked = ports.tracked.get(key);
  const status = ports.wanted(key);
  if (tracked === undefined || status === undefined || isForeign(tracked.ref)) return;
  const wanted = digestOf(status);
  const { wrote } = tracked;
  const asWritten = wrote?.wanted === wanted && wrote.became === tracked.status.digest;
  if (asWritten || wanted === tracked.status.digest) return;
  // A merge patch takes away only what it names.
  const gone: [string, Json][] = tracked.status.keys
    .filter((one) => !Object.hasOwn(status, one))
    .map((one) => [one, null]);
  const body = { status: { ...Object.fromEntries(gone), ...status } };
  const answer = await ports.cluster
    .patch(tracked.ref, body, { manager: MANAGER, subresource: 'status', signal, yields: true })
    .catch((error: unknown) => {
      // Gone meanwhile: there is nothing to say any more.
      if (asFault(error).code === 'apply-conflict') return undefined;
      throw error;
    });
  if (answer === undefined) return;
  tracked.status = statusKnown(statusOf(answer));
  tracked.wrote = { wanted, became: tracked.status.digest };
}
