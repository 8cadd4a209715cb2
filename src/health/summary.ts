import { byCodeUnit, type Health, type HealthStatus } from '../model/index.ts';

/** How many objects there are of each status; only statuses that occur. */
export type HealthCount = Readonly<Partial<Record<HealthStatus, number>>>;

/** From worst to best: the first that occurs is the status of all. */
const WORST_FIRST: readonly HealthStatus[] = ['Failed', 'NotFound', 'Unknown', 'Terminating', 'InProgress', 'Current'];
/** Objects named in a message; the rest are counted. */
const NAMED = 5;

/**
 * The health of many objects as one: the worst status, and one line that names those that have it, in order of name.
 * `timeout` says that time is over, in Flux's words. No objects at all are Current.
 */
export function summarize(
  verdicts: ReadonlyMap<string, Health>,
  timeout = false,
): Health & { readonly count: HealthCount } {
  const count: Partial<Record<HealthStatus, number>> = {};
  for (const { status } of verdicts.values()) count[status] = (count[status] ?? 0) + 1;
  const status = WORST_FIRST.find((word) => (count[word] ?? 0) > 0) ?? 'Current';
  if (status === 'Current') return { status, message: `${verdicts.size} of ${verdicts.size} current`, count };
  const bad = [...verdicts.entries()]
    .filter(([, verdict]) => (timeout ? verdict.status !== 'Current' : verdict.status === status))
    .sort(([a], [b]) => byCodeUnit(a, b));
  const named = bad.slice(0, NAMED).map(([name, v]) => `${name} status: '${v.status}': ${v.message}`);
  const rest = bad.length > NAMED ? `, and ${bad.length - NAMED} more` : '';
  return { status, message: `${opening(status, timeout)}: [${named.join(', ')}${rest}]`, count };
}

function opening(status: HealthStatus, timeout: boolean): string {
  if (timeout) return 'timeout waiting for';
  return status === 'Failed' ? 'failed early due to stalled resources' : 'waiting for';
}
