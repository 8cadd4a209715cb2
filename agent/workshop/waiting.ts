/** How long is looked at before waiting counts, milliseconds. */
const LOOK_MS = 500;
/** Less of the time at work than this is waiting. */
const SHARE = 0.5;

/**
 * Calls once when this process does little but wait for others, such as a server that hangs. A processor that is slow or
 * shared does not count: what it makes last is work. Answers a function that ends it.
 */
export function whenWaiting(waits: () => void, used: () => () => number = usedHere): () => void {
  let since = used();
  const timer = setInterval(() => {
    const share = since();
    since = used();
    if (share >= SHARE) return;
    clearInterval(timer);
    waits();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Begins to measure; the answer is asked for the share of the time since then, 0 to 1, that the event loop was at work. */
function usedHere(): () => number {
  const before = performance.eventLoopUtilization();
  return () => performance.eventLoopUtilization(before).utilization;
}
