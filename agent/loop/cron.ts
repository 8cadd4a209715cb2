import { Fault } from '../../src/model/index.ts';

/** When a cron expression is due next. */
export interface CronTimes {
  /** Milliseconds from `now` (wall clock) to the next time, at least a second. Throws `config-invalid`. */
  until(expression: string, timeZone: string, now: number): Promise<number>;
}

/** By node-cron, loaded on first use: it brings time zones, which cost 10 MiB that a site without cron need not pay. */
export function cronTimes(): CronTimes {
  return {
    until: async (expression, timeZone, now) => {
      const cron = await import('node-cron');
      try {
        const task = cron.createTask(expression, () => undefined, { timezone: timeZone });
        // Two, because the first may be this very second.
        const next = task.getNextRuns(2).map((date) => date.getTime() - now);
        void task.destroy();
        return Math.max(1_000, next.find((ms) => ms > 500) ?? 60_000);
      } catch (error) {
        throw new Fault(
          'config-invalid',
          `cron "${expression}" in ${timeZone}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
  };
}
