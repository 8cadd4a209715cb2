import type { Digest } from './digest.ts';
import type { ObjectId } from './ref.ts';

/** What was true right after the agent's last apply of an object. Kept on disk, so that a restart needs no request. */
export interface AppliedFact {
  readonly uid: string;
  /** Of the rendered JSON that was applied. */
  readonly digest: Digest;
  /** Mark of our managedFields entry (fieldsV1 and time): it changes when anyone touches a field of ours. */
  readonly mark: string;
  /** Fields were left to others, by these rules: what was applied is not all that is declared. */
  readonly ignored?: string;
}

/** What a watch shows of an object now, reduced to what decides about drift and pruning. */
export interface SeenObject {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Mark of our entry; '' when it is gone. */
  readonly mark: string;
  /** Managers that Flux takes fields over from (kubectl, before-first-apply) and that hold some. */
  readonly takeover: readonly string[];
  /** The manager, other than ours, that wrote last; for messages about two writers. */
  readonly lastOther: string;
  /** `namespace/name` of the owning Kustomization by its labels; '' without. */
  readonly owner: string;
  readonly deleting: boolean;
  readonly settings: {
    readonly reconcile: boolean;
    readonly prune: boolean;
    readonly ignore: boolean;
    readonly force: boolean;
  };
}

/** All that is known of live objects when a plan is made. */
export interface LiveView {
  readonly facts: ReadonlyMap<ObjectId, AppliedFact>;
  /** Objects known to exist. */
  readonly seen: ReadonlyMap<ObjectId, SeenObject>;
  /** Whether an object that is not in `seen` is known not to exist (its kind is seen completely, or it was asked for). */
  absent(id: ObjectId): boolean;
}

/** True when resourceVersion `b` is older than `a`; false where they cannot be compared. */
export function isOlder(a: string, b: string): boolean {
  return /^\d+$/.test(a) && /^\d+$/.test(b) && (b.length < a.length || (b.length === a.length && b < a));
}

/** How an object differs from what was last applied, as far as its metadata tells; '' when it does not. */
export function driftOf(fact: AppliedFact, seen: SeenObject, merge: boolean): string {
  if (seen.uid !== fact.uid) return 'was deleted and created anew';
  if (!merge && seen.takeover.length > 0) return `changed by ${seen.takeover.join(', ')}`;
  if (seen.mark !== fact.mark)
    return seen.lastOther === '' ? 'a field of ours was changed' : `changed by ${seen.lastOther}`;
  return '';
}
