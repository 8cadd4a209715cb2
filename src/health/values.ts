import {
  at,
  type Health,
  type HealthStatus,
  isObject,
  type Json,
  type KubeObject,
  listAt,
  textAt,
} from '../model/index.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** `status.conditions`; what is missing in one is ''. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  return listAt(object, 'status', 'conditions').map((entry) => ({
    type: textAt(entry, 'type') ?? '',
    status: textAt(entry, 'status') ?? '',
    reason: textAt(entry, 'reason') ?? '',
    message: textAt(entry, 'message') ?? '',
  }));
}

/** Unknown where `status.observedGeneration` is there and no integer: kstatus cannot read it and waits. */
export function unreadableGeneration(object: KubeObject): Health | undefined {
  const status = at(object, 'status');
  if (status === undefined || status === null) return undefined;
  if (!isObject(status)) return unreadable('status is no object');
  if (intAt(object, 'metadata', 'generation') === undefined || !Object.hasOwn(status, 'observedGeneration'))
    return undefined;
  return intAt(status, 'observedGeneration') === undefined
    ? unreadable('status.observedGeneration is no integer')
    : undefined;
}

/** Unknown where `status.conditions` is not a list of conditions with texts: kstatus cannot read it and waits. */
export function unreadableConditions(object: KubeObject): Health | undefined {
  const status = at(object, 'status') ?? {};
  if (!isObject(status)) return unreadable('status is no object');
  const conditions = at(status, 'conditions') ?? [];
  if (!Array.isArray(conditions)) return unreadable('status.conditions is no list');
  for (const [index, one] of conditions.entries()) {
    if (one === null) continue;
    if (!isObject(one)) return unreadable(`status.conditions[${index}] is no object`);
    const odd = TEXTS.find((field) => (one[field] ?? '') !== '' && typeof one[field] !== 'string');
    if (odd !== undefined) return unreadable(`status.conditions[${index}].${odd} is no text`);
  }
  return undefined;
}

const TEXTS = ['type', 'status', 'reason', 'message'] as const;

function unreadable(why: string): Health {
  return verdict('Unknown', why);
}

/** The integer at a path, or undefined. */
export function intAt(object: Json, ...path: readonly string[]): number | undefined {
  const found = at(object, ...path);
  return typeof found === 'number' && Number.isInteger(found) ? found : undefined;
}

export function verdict(status: HealthStatus, message: string): Health {
  return { status, message };
}

export function current(message: string): Health {
  return verdict('Current', message);
}

export function inProgress(message: string): Health {
  return verdict('InProgress', message);
}

export function failed(message: string): Health {
  return verdict('Failed', message);
}

/** What a condition says, for a person: its message, else its reason. */
export function conditionText(condition: Condition): string {
  return condition.message === '' ? condition.reason : condition.message;
}
