import { byCodeUnit, type IgnoredFields, type Plan, refText, type Step } from '../model/index.ts';

/** Counts of a plan, for one line. */
export interface PlanSummary {
  readonly apply: number;
  readonly replace: number;
  readonly delete: number;
  readonly hold: number;
  readonly unchanged: number;
}

export function summarize(plan: Plan): PlanSummary {
  const count = (kind: Step['do']): number =>
    plan.stages.reduce((n, stage) => n + stage.steps.filter((s) => s.do === kind).length, 0);
  return {
    apply: count('apply'),
    replace: count('replace'),
    delete: count('delete'),
    hold: count('hold'),
    unchanged: count('skip'),
  };
}

/** True when running the plan would change nothing. */
export function isEmpty(plan: Plan): boolean {
  return plan.stages.every((stage) => stage.steps.every((step) => step.do === 'skip' || step.do === 'hold'));
}

const WORDS: Record<string, string> = {
  new: 'create',
  changed: 'change',
  missing: 'create',
  drift: 'correct',
  unknown: 'apply',
  check: 'check',
};
const SIGNS: Record<Step['do'], string> = { apply: '~', replace: '±', delete: '-', skip: ' ', hold: '!', wait: '…' };

function ignoredText(rules: readonly IgnoredFields[]): string {
  return [...new Set(rules.flatMap((rule) => rule.paths))].sort(byCodeUnit).join(', ');
}

function line(step: Step): string {
  if (step.do === 'wait')
    return `  … wait up to ${Math.round(step.timeoutMs / 1000)}s until ${step.ids.length} of these are ready`;
  const fresh = step.do === 'apply' && (step.why === 'new' || step.why === 'missing');
  const verb = step.do === 'apply' ? (WORDS[step.why] ?? step.why) : step.do;
  const note = step.do === 'apply' ? step.detail : step.why;
  const left = step.do === 'apply' && step.ignore !== undefined ? ` (ignored: ${ignoredText(step.ignore)})` : '';
  return `  ${fresh ? '+' : SIGNS[step.do]} ${verb} ${refText(step.ref)}${note === '' ? '' : `: ${note}`}${left}`;
}

/** A plan for a person; unchanged objects are counted, not listed, unless `all`. */
export function planText(plan: Plan, options: { readonly all: boolean }): string {
  const lines: string[] = [];
  for (const stage of plan.stages) {
    const steps = options.all
      ? stage.steps
      : stage.steps.filter((step) => step.do !== 'skip' || step.why !== 'unchanged');
    if (steps.length > 0) lines.push(`${stage.name}:`, ...steps.map(line));
  }
  const s = summarize(plan);
  lines.push(
    `Plan: ${s.apply} to apply, ${s.replace} to replace, ${s.delete} to delete, ${s.hold} held, ${s.unchanged} unchanged.`,
  );
  return `${lines.join('\n')}\n`;
}
