import { at, type Health, type HealthStatus, type Json, type KubeObject, listAt, textAt } from '../model/index.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** `status.conditions`; what is not shaped like a condition is left out. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  return listAt(object, 'status', 'conditions').flatMap((entry) => {
    const type = textAt(entry, 'type');
    if (type === undefined) return [];
    return [
      {
        type,
        status: textAt(entry, 'status') ?? '',
        reason: textAt(entry, 'reason') ?? '',
        message: textAt(entry, 'message') ?? '',
      },
    ];
  });
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
