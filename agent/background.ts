import { asFault } from '../src/model/index.ts';
import type { Log } from '../src/ports/index.ts';

/** Work that nobody waits for until the end. */
export interface Background {
  /** A failure is logged; it fails nothing else. */
  add(work: Promise<unknown>): void;
  /** Resolves when nothing is under way any more. */
  settle(): Promise<void>;
}

/** `failed`: what the log says of work that failed. */
export function createBackground(log: Log, failed: string): Background {
  const open = new Set<Promise<void>>();
  return {
    add: (work) => {
      const done: Promise<void> = work
        .then(
          () => undefined,
          (error: unknown) => log.warn(failed, { error: asFault(error).message }),
        )
        .finally(() => open.delete(done));
      open.add(done);
    },
    settle: async () => {
      while (open.size > 0) await Promise.all(open);
    },
  };
}
