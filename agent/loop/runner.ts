/** Runs work by key: one run of a key at a time, wakes during a run give exactly one more, keys don't wait for each other. */
export interface Runner {
  /** Asks for a run of this key; the cause is handed to it with all others since its last run. */
  wake(key: string, cause: string): void;
  /** Takes no more wakes and resolves when all runs have ended. */
  close(): Promise<void>;
  /** Keys that run now, with the monotonic time at which each began, or was touched. */
  running(): ReadonlyMap<string, number>;
  /** The run of this key goes on with something else: its time begins anew. */
  touch(key: string): void;
}

export interface RunnerTime {
  /** Dates the runs, so that one that never ends can be seen. */
  readonly monotonic: () => number;
  /** Lets what runs already go on: the next run begins afterwards. They begin all at once without. */
  readonly pause?: () => Promise<void>;
}

/** Why a run begins. */
interface Waiting {
  readonly causes: Set<string>;
  /** Monotonic time of the last wake. */
  at: number;
}

/** `run` must not throw; `woken` is the monotonic time of the last of its wakes. Runs begin in the order of their wakes. */
export function createRunner(
  run: (key: string, causes: ReadonlySet<string>, woken: number) => Promise<void>,
  { monotonic, pause }: RunnerTime,
): Runner {
  const waiting = new Map<string, Waiting>();
  const active = new Map<string, { readonly done: Promise<void>; since: number }>();
  let closed = false;
  let turn = Promise.resolve();

  const touch = (key: string): void => {
    const one = active.get(key);
    if (one !== undefined) one.since = monotonic();
  };
  const go = async (key: string): Promise<void> => {
    for (let why = waiting.get(key); why !== undefined; why = waiting.get(key)) {
      waiting.delete(key);
      touch(key);
      await run(key, why.causes, why.at);
    }
    active.delete(key);
  };

  /** A turn later, so that what wakes a key several times at once gives one run. */
  const begin = (key: string): Promise<void> => {
    const done = turn.then(() => go(key));
    if (pause !== undefined) turn = turn.then(pause);
    return done;
  };

  return {
    wake: (key, cause) => {
      if (closed) return;
      const at = monotonic();
      const why = waiting.get(key);
      if (why === undefined) waiting.set(key, { causes: new Set([cause]), at });
      else {
        why.causes.add(cause);
        why.at = at;
      }
      if (!active.has(key)) active.set(key, { done: begin(key), since: at });
    },
    close: async () => {
      closed = true;
      waiting.clear();
      await Promise.all([...active.values()].map((one) => one.done));
    },
    running: () => new Map([...active].map(([key, one]) => [key, one.since])),
    touch,
  };
}
