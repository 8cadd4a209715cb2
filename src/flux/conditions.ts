import { byCodeUnit, type Condition } from '../model/index.ts';

/** Longest message that the API takes. */
const MAX_MESSAGE = 32_768;
/** Flux's own order; other types come behind, by name. */
const ORDER = ['Reconciling', 'Stalled', 'Ready', 'Healthy'];

/** Sets a condition: `lastTransitionTime` moves only when its status does. `now` in milliseconds since 1970. */
export function setCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): Condition[] {
  const before = findCondition(conditions, next.type);
  const message = next.message.length > MAX_MESSAGE ? `${next.message.slice(0, MAX_MESSAGE - 3)}...` : next.message;
  const lastTransitionTime =
    before !== undefined && before.status === next.status ? before.lastTransitionTime : timestamp(now);
  const set = { ...next, message, lastTransitionTime };
  return [...conditions.filter((one) => one.type !== next.type), set].sort(byRank);
}

/** All conditions but those of these types. */
export function removeConditions(conditions: readonly Condition[], ...types: readonly string[]): Condition[] {
  return conditions.filter((one) => !types.includes(one.type));
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((one) => one.type === type);
}

/** Equal but for times: a status with the same conditions need not be written. */
export function sameConditions(a: readonly Condition[], b: readonly Condition[]): boolean {
  const key = ({ type, status, reason, message, observedGeneration }: Condition): string =>
    JSON.stringify([type, status, reason, message, observedGeneration]);
  return a.length === b.length && [...a].sort(byRank).map(key).join() === [...b].sort(byRank).map(key).join();
}

/** RFC 3339 with whole seconds, as metav1.Time. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, -5)}Z`;
}

function byRank(a: Condition, b: Condition): number {
  const rank = (one: Condition): number => (ORDER.indexOf(one.type) + ORDER.length + 1) % (ORDER.length + 1);
  return rank(a) - rank(b) || byCodeUnit(a.type, b.type);
}
