import { type Gvk, type Health, type KubeObject, parseApiVersion } from '../model/index.ts';
import { health } from './health.ts';
import { hasHealth } from './kinds.ts';
import { current, failed, inProgress, intAt } from './values.ts';

/** A condition over an object; throws an Error where it has no value. */
export type Test = (object: KubeObject) => boolean;

/** Health by conditions of one's own (`spec.healthCheckExprs`): for one kind of a group, or for all of it ('' as kind). */
export interface HealthRule {
  readonly group: string;
  readonly kind: string;
  readonly inProgress?: Test;
  readonly failed?: Test;
  readonly current: Test;
}

type Kind = Pick<Gvk, 'group' | 'kind'>;

/** How the objects of one Kustomization are judged. */
export interface Judge {
  /** The rule that stands in place of kstatus; undefined for most kinds. */
  ruleOf(kind: Kind): HealthRule | undefined;
  /** False for kinds that are always Current, so that only their metadata is worth watching. */
  hasHealth(kind: Kind): boolean;
  /** `now` is the wall clock in milliseconds, for Pods that find no node. */
  health(object: KubeObject, now?: number): Health;
}

/** By rules where there are some, else by kstatus. A rule for a kind outweighs one for its whole group. */
export function judgeWith(rules: readonly HealthRule[]): Judge {
  const ruleOf = ({ group, kind }: Kind): HealthRule | undefined => {
    // Flux asks its own reader of Jobs first.
    if (rules.length === 0 || (group === 'batch' && kind === 'Job')) return undefined;
    const ofGroup = rules.filter((rule) => rule.group === group);
    return ofGroup.find((rule) => rule.kind === kind) ?? ofGroup.find((rule) => rule.kind === '');
  };
  return {
    ruleOf,
    hasHealth: (kind) => ruleOf(kind) !== undefined || hasHealth(kind),
    health: (object, now) => {
      const { group } = parseApiVersion(object.apiVersion);
      const rule = ruleOf({ group, kind: object.kind });
      return rule === undefined ? health(object, now) : byRule(object, rule);
    },
  };
}

/** Judges by kstatus alone. */
export const BUILT_IN: Judge = judgeWith([]);

/** In Flux's order: an old status is in progress; then what is in progress, failed, current; anything else is in progress. */
function byRule(object: KubeObject, rule: HealthRule): Health {
  const generation = intAt(object, 'metadata', 'generation');
  const observed = intAt(object, 'status', 'observedGeneration');
  if (generation !== undefined && observed !== undefined && generation !== observed)
    return inProgress(`${object.kind} generation is ${generation}, but latest observed generation is ${observed}`);
  try {
    if (rule.inProgress?.(object) === true) return inProgress('the inProgress expression holds');
    if (rule.failed?.(object) === true) return failed('the failed expression holds');
    return rule.current(object) ? current('the current expression holds') : inProgress('no expression holds');
  } catch (error) {
    // The message may show a value.
    const told = object.kind !== 'Secret' && error instanceof Error;
    return { status: 'Unknown', message: told ? error.message : 'an expression has no value' };
  }
}
