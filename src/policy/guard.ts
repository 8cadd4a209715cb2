import { type Plan, refText, type Step, type VersionedRef } from '../model/index.ts';

/** How much one revision may delete before somebody has to say yes. */
export interface PruneGuard {
  /** Share of the inventory, 0 to 1. 1 allows everything. */
  readonly share: number;
  /** Inventories smaller than this are not guarded. */
  readonly minimum: number;
}

export type Verdict = { readonly go: true } | { readonly go: false; readonly message: string };

export interface GuardInput {
  readonly plan: Plan;
  /** Objects in the inventory before the plan. */
  readonly before: number;
  readonly guard: PruneGuard;
  /** The revision, and the one that an operator allowed to prune; '*' allows any. */
  readonly revision: string;
  readonly allowed: string;
  /** Objects that go along with a Namespace or a CRD, by its id. */
  readonly takesAlong: ReadonlyMap<string, number>;
}

/** An operator has said yes to what a revision deletes. */
export function isAllowed(allowed: string, revision: string): boolean {
  return allowed === '*' || allowed === revision;
}

type Deletion = Extract<Step, { do: 'delete' }>;

const deletions = (plan: Plan): Deletion[] =>
  plan.stages.flatMap((stage) => stage.steps).filter((step): step is Deletion => step.do === 'delete');

/** Kinds whose deletion deletes others with them. */
export function takesOthers(ref: VersionedRef): boolean {
  return ref.kind === 'Namespace' || ref.kind === 'CustomResourceDefinition';
}

/**
 * Holds a plan that would delete more than the set share of what is there. A Namespace or a CRD counts with what it
 * would take along. The whole revision is held, so that the cluster keeps one consistent state.
 */
export function guardPrune(input: GuardInput): Verdict {
  const gone = deletions(input.plan);
  const along = gone.reduce((n, step) => n + (input.takesAlong.get(step.id) ?? 0), 0);
  const total = input.before + along;
  const count = gone.length + along;
  if (count === 0 || total < input.guard.minimum || count <= input.guard.share * total) return { go: true };
  if (isAllowed(input.allowed, input.revision)) return { go: true };
  const named = gone.slice(0, 5).map((step) => refText(step.ref));
  const more = gone.length > named.length ? ` and ${gone.length - named.length} more` : '';
  const taken = along > 0 ? ` (with ${along} that go along with a Namespace or CRD)` : '';
  const message =
    `revision ${input.revision} would delete ${count} of ${total} objects${taken}: ${named.join(', ')}${more}; ` +
    `nothing was changed. If this is meant, set the annotation holdfast.dev/allow-prune: "${input.revision}" on the Kustomization`;
  return { go: false, message };
}
