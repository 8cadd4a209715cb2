import type { Fault } from '../../src/model/index.ts';
import type { FetchSchedule } from './types.ts';

/**
 * Checks cron expressions and time zones. The validator is loaded only when there is one to check: it brings time
 * zones, which cost memory. Throws what `refuse` makes of the path and the message.
 */
export async function checkSchedules(
  schedules: readonly FetchSchedule[],
  refuse: (path: readonly (string | number)[], message: string) => Fault,
): Promise<void> {
  if (schedules.length === 0) return;
  const cron = await import('node-cron');
  for (const [index, { cron: expression, timeZone }] of schedules.entries()) {
    const fail = (field: string, message: string): Fault => refuse(['fetchSchedule', index, field], message);
    if (!cron.validate(expression)) throw fail('cron', `"${expression}" is not a cron expression`);
    try {
      void cron.createTask(expression, () => undefined, { timezone: timeZone }).destroy();
    } catch (error) {
      throw fail('timeZone', `"${timeZone}" cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
