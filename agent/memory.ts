import type { Clock } from '../src/ports/index.ts';

/** Node's `gc` when started with --expose-gc, as the launcher does. */
type Collect = (options?: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

export interface MemoryOptions {
  readonly clock: Clock;
  /** True when nothing runs and nothing is about to. */
  readonly quiet: () => boolean;
  /** Drops caches that can be filled again. */
  readonly drop: () => void;
  /** Bytes that JavaScript holds, garbage included; of this process when not given. */
  readonly used?: () => number;
  /** Collects garbage; V8's most thorough way when not given. */
  readonly collect?: () => void;
}

const LOOK_MS = 1_500;
/** A collection costs 4 ms of CPU a MiB that stays: it is worth so many bytes, and this share of what stays. */
const WORTH_BYTES = 1_048_576;
const WORTH_SHARE = 1 / 8;
/** Less than this between two looks is nobody working: watches that begin, for one, go on when the run that asked for them is over. */
const STILL_BYTES = 262_144;

/** Bytes that small Buffers share. One that lives on, such as an option of a connection, keeps all of them: 64 KiB by default. */
const POOL_BYTES = 4_096;

/** Settings of a process that stays; called once, before there is much. */
export function stayingSmall(): void {
  Buffer.poolSize = POOL_BYTES;
}

/**
 * Gives memory back after work: V8 keeps what a burst needed until it needs it again, and on a small node others need it
 * first. Answers a function that ends it.
 */
export function restAfterWork(options: MemoryOptions): () => void {
  const { clock, quiet, drop, used = usedHere, collect = collectHere } = options;
  let after = 0;
  let last = 0;
  let cancel = (): void => undefined;
  const look = (): void => {
    const now = used();
    if (quiet() && now - after > Math.max(WORTH_BYTES, after * WORTH_SHARE) && Math.abs(now - last) < STILL_BYTES) {
      drop();
      collect();
      after = used();
    }
    // What became free by itself counts for the next time.
    after = Math.min(after, now);
    last = now;
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return () => cancel();
}

function usedHere(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collectHere(): void {
  const { gc } = globalThis as { readonly gc?: Collect };
  gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
