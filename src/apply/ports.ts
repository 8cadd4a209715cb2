import type { Judge } from '../health/index.ts';
import type { AppliedFact, Digest, Health, KubeObject, ObjectId, RenderedSet, SeenObject } from '../model/index.ts';
import type { Clock, Cluster, Log } from '../ports/index.ts';

/** Where the outcome of each step is written down, at once and before the next that hangs on it. */
export interface Ledger {
  applied(id: ObjectId, fact: AppliedFact, seen: SeenObject, health: Health | undefined): void;
  gone(id: ObjectId): void;
}

export interface ApplyPorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  /** How objects of this Kustomization are judged; by kstatus without. */
  readonly judge?: Judge;
  /** The JSON of a rendered object, verified; what is stored sealed has to be opened first. */
  readonly body: (digest: Digest) => Uint8Array | Promise<Uint8Array>;
}

export interface ApplyOptions {
  /** `namespace/name` of the Kustomization. */
  readonly owner: string;
  readonly desired: RenderedSet;
  /** Steps at the same time within a stage. */
  readonly width: number;
  readonly signal: AbortSignal;
}

/** The field manager of everything that is applied: Flux's, so that moving from and to Flux moves no field. */
export const FIELD_MANAGER = 'kustomize-controller';

/** What the API server answered about one object. */
export interface Answer {
  readonly object: KubeObject;
  readonly created: boolean;
}
