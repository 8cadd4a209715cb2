/** Gives a place back; calling it twice does nothing. */
export type Leave = () => void;

export interface Gate {
  /**
   * Waits for one of the places, first come first served; rejects with the signal's reason when it aborts. Who yields goes
   * after all who don't, but for one place: it is never shut out.
   */
  enter(signal?: AbortSignal, yields?: boolean): Promise<Leave>;
  readonly inside: number;
  readonly waiting: number;
}

interface Waiter {
  readonly go: (leave: Leave) => void;
  readonly fail: (reason: unknown) => void;
  gone: boolean;
}

interface Line {
  readonly add: (waiter: Waiter) => void;
  /** The first who still waits; undefined when nobody does. */
  readonly take: () => Waiter | undefined;
}

/** A bound on how many run at once, fair by order of arrival. */
export function createGate(places: number): Gate {
  const first = createLine();
  const last = createLine();
  const listen = createListeners();
  const state = { inside: 0, waiting: 0, yielding: 0 };

  const admit = (yields: boolean): Leave => {
    state.inside += 1;
    if (yields) state.yielding += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      state.inside -= 1;
      if (yields) state.yielding -= 1;
      next();
    };
  };
  const pick = (): { readonly waiter: Waiter; readonly yields: boolean } | undefined => {
    const order = state.yielding === 0 ? [true, false] : [false, true];
    for (const yields of order) {
      const waiter = (yields ? last : first).take();
      if (waiter !== undefined) return { waiter, yields };
    }
    return undefined;
  };
  const next = (): void => {
    while (state.inside < places) {
      const picked = pick();
      if (picked === undefined) return;
      state.waiting -= 1;
      picked.waiter.go(admit(picked.yields));
    }
  };
  return {
    get inside() {
      return state.inside;
    },
    get waiting() {
      return state.waiting;
    },
    enter: (signal, yields = false) => {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (state.inside < places && state.waiting === 0) return Promise.resolve(admit(yields));
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          go: (leave) => {
            deaf();
            resolve(leave);
          },
          fail: (reason) => {
            waiter.gone = true;
            state.waiting -= 1;
            reject(reason);
          },
          gone: false,
        };
        const deaf = listen(signal, waiter);
        state.waiting += 1;
        (yields ? last : first).add(waiter);
      });
    },
  };
}

function createLine(): Line {
  let queue: Waiter[] = [];
  let head = 0;
  return {
    add: (waiter) => void queue.push(waiter),
    take: () => {
      for (; head < queue.length; head += 1) {
        const waiter = queue[head];
        if (waiter === undefined || waiter.gone) continue;
        head += 1;
        if (head > 256 && head * 2 > queue.length) {
          queue = queue.slice(head);
          head = 0;
        }
        return waiter;
      }
      queue = [];
      head = 0;
      return undefined;
    },
  };
}

/** One listener a signal, whoever waits with it: a signal looks through all its listeners for each that comes. */
function createListeners(): (signal: AbortSignal | undefined, waiter: Waiter) => () => void {
  const heard = new Map<AbortSignal, { readonly waiters: Set<Waiter>; readonly abort: () => void }>();
  return (signal, waiter) => {
    if (signal === undefined) return () => undefined;
    let one = heard.get(signal);
    if (one === undefined) {
      const waiters = new Set<Waiter>();
      const abort = (): void => {
        heard.delete(signal);
        for (const each of waiters) each.fail(signal.reason);
      };
      one = { waiters, abort };
      heard.set(signal, one);
      signal.addEventListener('abort', abort, { once: true });
    }
    const { waiters, abort } = one;
    waiters.add(waiter);
    return () => {
      waiters.delete(waiter);
      if (waiters.size > 0) return;
      heard.delete(signal);
      signal.removeEventListener('abort', abort);
    };
  };
}
