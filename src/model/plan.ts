import type { Digest } from './digest.ts';
import type { Fault, FaultCode } from './fault.ts';
import type { ObjectId, VersionedRef } from './ref.ts';
import type { Refusal } from './refusal.ts';
import type { SsaMode } from './render.ts';

/** Fields of an object that are left to others, by JSON pointer; the selectors are Kubernetes', '' takes all objects. */
export interface IgnoredFields {
  readonly paths: readonly string[];
  readonly labelSelector: string;
  readonly annotationSelector: string;
}

/** Why an object is applied. */
export type ApplyReason = 'new' | 'changed' | 'missing' | 'drift' | 'unknown' | 'check';

/** Names rules, so that it shows when an object was applied under others. */
export function ignoredKey(rules: readonly IgnoredFields[]): string {
  return JSON.stringify(rules.map((rule) => [rule.paths, rule.labelSelector, rule.annotationSelector]));
}

/** One thing to do, or not to do and why. A step is data: it prints, it compares, it is stored. */
export type Step =
  | {
      readonly do: 'apply';
      readonly id: ObjectId;
      readonly ref: VersionedRef;
      readonly digest: Digest;
      readonly why: ApplyReason;
      /** More on the reason, such as the manager that changed a field; '' without. */
      readonly detail: string;
      readonly ssa: SsaMode;
      readonly force: boolean;
      /** Ask the API server first without changing anything. */
      readonly probe: boolean;
      /** An agent of our kind has applied it before: it stays as it is where an apply would change nothing of it. */
      readonly adopt?: true;
      /** Its resourceVersion when it was looked at: what it asks for since then counts. */
      readonly version?: string;
      /** The mark of our fields (`AppliedFact`): an answer that has it still changed nothing. */
      readonly mark?: string;
      /** Fields left to others (`spec.ignore`), where any rule may be for this object. */
      readonly ignore?: readonly IgnoredFields[];
    }
  | {
      readonly do: 'replace';
      readonly id: ObjectId;
      readonly ref: VersionedRef;
      readonly digest: Digest;
      readonly why: string;
    }
  | { readonly do: 'delete'; readonly id: ObjectId; readonly ref: VersionedRef; readonly why: string }
  /** Nothing to do: it is as it should be, or its annotations say so. */
  | { readonly do: 'skip'; readonly id: ObjectId; readonly ref: VersionedRef; readonly why: string }
  /** Its old state is kept because something stands in the way. */
  | {
      readonly do: 'hold';
      readonly id: ObjectId;
      readonly ref: VersionedRef;
      readonly why: string;
      readonly cause: ObjectId | '';
      /** What stands in the way; `apply-refused` without. */
      readonly fault?: FaultCode;
      /** The answer to a dry run that stands in the way. */
      readonly refusal?: Refusal | undefined;
    }
  /** Until these are ready, or the time is over. */
  | { readonly do: 'wait'; readonly ids: readonly ObjectId[]; readonly timeoutMs: number };

/** Steps that may run side by side, in bounds; stages run one after another. */
export interface Stage {
  readonly name: 'definitions' | 'classes' | 'main' | 'prune';
  readonly steps: readonly Step[];
}

export interface Plan {
  readonly stages: readonly Stage[];
  /** To be written before the first step: everything that this plan may leave in the cluster. */
  readonly inventory: readonly InventoryEntry[];
}

/** One line of an inventory, in Flux's form. */
export interface InventoryEntry {
  readonly id: ObjectId;
  /** The version, without the group. */
  readonly v: string;
}

/** What became of a step. */
export interface Receipt {
  readonly id: ObjectId;
  readonly ref: VersionedRef;
  readonly did:
    | 'created'
    | 'configured'
    | 'unchanged'
    | 'replaced'
    | 'deleted'
    | 'absent'
    | 'kept'
    | 'skipped'
    | 'held'
    | 'refused'
    | 'failed';
  /** For kept, skipped, held, refused and failed: why, for a person; '' else. */
  readonly message: string;
  readonly fault?: FaultCode;
  /** The answer of the API server that `message` tells of. */
  readonly refusal?: Refusal | undefined;
}

/** True when a step did not reach what it was for. */
export function isBad(receipt: Receipt): boolean {
  return receipt.did === 'refused' || receipt.did === 'failed' || receipt.did === 'held';
}

/** What the API server said to a dry run of one step. */
export type Probe =
  /** `leave` is set when the object's annotations in the cluster say to leave it alone. */
  { readonly ok: true; readonly leave: string } | { readonly ok: false; readonly fault: Fault };
