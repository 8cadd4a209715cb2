import type { Clock, Log } from '../../src/ports/index.ts';

/** Takes every line and keeps none. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

/** The machine's time; its timers never fire, so that no deadline ends what is measured or tested. */
export const realTime: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  after: () => () => undefined,
};
