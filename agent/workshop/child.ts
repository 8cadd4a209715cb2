import { type Child, type ChildOptions, createLane } from './lane.ts';
import type { Note } from './protocol.ts';

export type { Child, ChildOptions } from './lane.ts';

/** A job that takes longer than this no longer keeps others waiting, milliseconds: a render is huge. */
const SLOW_MS = 4_000;
/** Processes side by side at most; each has its memory. */
const LANES = 3;

interface Lane {
  readonly child: Child;
  busy: boolean;
  slow: boolean;
}

/**
 * Does one job after another in one child process, so that only one job's memory is in use; beside a job that takes
 * long, the next go on in another process.
 */
export function createChild(options: ChildOptions, make: (options: ChildOptions) => Child = createLane): Child {
  const lanes: Lane[] = [];
  const waiting: ((lane: Lane) => void)[] = [];
  /** A lane that nobody uses, or a further one; none beside a job that is not slow, however many lanes there are by now. */
  const free = (): Lane | undefined => {
    if (lanes.some((one) => one.busy && !one.slow)) return undefined;
    const idle = lanes.find((one) => !one.busy);
    if (idle !== undefined || lanes.length >= LANES) return idle;
    const lane: Lane = { child: make(options), busy: false, slow: false };
    lanes.push(lane);
    return lane;
  };
  const go = (): void => {
    while (waiting.length > 0) {
      const lane = free();
      if (lane === undefined) return;
      lane.busy = true;
      waiting.shift()?.(lane);
    }
  };
  return {
    run: async (job, limits) => {
      const lane = await new Promise<Lane>((resolve) => {
        waiting.push(resolve);
        go();
      });
      const letOthersGo = (): void => {
        lane.slow = true;
        go();
      };
      const timer = setTimeout(letOthersGo, SLOW_MS);
      // Who waits for a server needs neither processor nor much memory.
      const onNote = (note: Note): void => ('waiting' in note ? letOthersGo() : limits.onNote?.(note));
      try {
        return await lane.child.run(job, { ...limits, onNote });
      } finally {
        clearTimeout(timer);
        lane.busy = false;
        lane.slow = false;
        go();
        // One that waits for work is enough: the memory of others goes at once.
        if (!lane.busy && lanes.some((one) => one !== lane && !one.busy)) lane.child.close();
      }
    },
    close: () => {
      for (const lane of lanes) lane.child.close();
    },
  };
}
