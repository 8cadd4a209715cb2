import { asFault } from '../model/index.ts';
import type { Clock } from '../ports/index.ts';

const ATTEMPTS = 5;
const PAUSE_MS = 40;

/**
 * Repeats work that reads an object and writes it back, while others (a controller that writes status, say) keep getting
 * in between. Throws the last conflict when they never stop, and anything else at once.
 */
export async function despiteConflicts<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS - 1; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || asFault(error).code !== 'apply-conflict') throw error;
      await clock.sleep(PAUSE_MS);
    }
  }
}
