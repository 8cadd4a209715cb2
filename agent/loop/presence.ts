import { asFault, type Fault, type Reachability } from '../../src/model/index.ts';
import type { Clock, Cluster, ClusterIdentity, Log } from '../../src/ports/index.ts';
import { rfc3339 } from './time.ts';

/** Whether the API server answers, and which cluster it is. */
export interface Presence {
  readonly state: () => Reachability;
  /** Of the last answer; undefined before the first. */
  readonly identity: () => ClusterIdentity | undefined;
  /** Why it does not answer; undefined when it does, or was not asked yet. */
  readonly fault: () => Fault | undefined;
  /** Something hints that the API server is gone, or another one: looks, and tells when it is certain. */
  suspect(message: string): void;
  stop(): void;
}

export interface PresenceOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** The API server answers (again). Called with the identity before anything else is woken. */
  readonly onUp: (identity: ClusterIdentity) => Promise<void>;
  /** It does not answer: those who wait for it can say so. */
  readonly onDown: () => void;
  /** Longest time between two attempts, milliseconds. */
  readonly longestRetryMs?: number;
}

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;
const ASK_MS = 10_000;

/** Keeps asking for the cluster's identity until it is known; asks again whenever somebody has doubts. */
export function createPresence(options: PresenceOptions): Presence {
  const { clock, log } = options;
  const ended = new AbortController();
  let state: Reachability = { state: 'unknown', since: rfc3339(clock.now()), message: 'not asked yet' };
  let identity: ClusterIdentity | undefined;
  let fault: Fault | undefined;
  let asking = false;

  const set = (next: Reachability['state'], message: string): void => {
    if (ended.signal.aborted || (state.state === next && state.message === message)) return;
    state = { state: next, message, since: state.state === next ? state.since : rfc3339(clock.now()) };
  };

  const ask = async (): Promise<void> => {
    const longest = options.longestRetryMs ?? LONGEST_RETRY_MS;
    for (let delay = FIRST_RETRY_MS; !ended.signal.aborted; delay = Math.min(longest, delay * 2)) {
      try {
        identity = await options.cluster.identity(AbortSignal.any([ended.signal, AbortSignal.timeout(ASK_MS)]));
        fault = undefined;
        const wasDown = state.state !== 'up';
        set('up', '');
        if (wasDown) log.info('api server answers', { uid: identity.uid, version: identity.version });
        await options.onUp(identity);
        return;
      } catch (error) {
        fault = asFault(error);
        const { code, message } = fault;
        const fresh = state.state !== 'down';
        if (fresh) log.warn('api server does not answer', { code, error: message });
        set('down', message);
        if (fresh) options.onDown();
        await clock.sleep(delay, ended.signal).catch(() => undefined);
      }
    }
  };

  const look = (): void => {
    if (asking || ended.signal.aborted) return;
    asking = true;
    void ask().finally(() => {
      asking = false;
    });
  };
  look();
  return {
    state: () => state,
    identity: () => identity,
    fault: () => fault,
    suspect: () => look(),
    stop: () => {
      set('unknown', 'no longer asked');
      ended.abort();
    },
  };
}
