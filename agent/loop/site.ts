import type { Digest } from '../../src/model/index.ts';
import type { Observer } from '../../src/observe/index.ts';
import type { Cancel } from '../../src/ports/index.ts';
import type { LoopEnv, Objects } from './env.ts';
import type { KustomizationRun } from './kustomization-state.ts';
import type { Leadership } from './lease.ts';
import type { Area, Place } from './place.ts';
import type { Presence } from './presence.ts';
import type { SourceRun } from './source-state.ts';
import type { WallClock } from './wall-clock.ts';

/** Somebody else works for the objects of the cluster, or may: who, and since when (milliseconds). '' until that is known. */
export interface StandsBack {
  readonly why: string;
  readonly since: number;
}

/** The clusters that Kustomizations are applied to. */
export interface Places {
  readonly local: Area;
  /** Where a Kustomization is applied as it is declared now; remembered as `run.place`. Throws `kubeconfig-refused`. */
  of(run: KustomizationRun): Promise<Place>;
  /** Lets go of the clusters that no Kustomization names any more. */
  settle(): void;
  /** Ends all watches, and the connections to other clusters. */
  stop(): void;
}

/** Runs of a new revision that begin after others. */
export interface Later {
  /** Whose runs are to end first. */
  readonly after: Set<string>;
  readonly go: () => void;
  readonly cancel: Cancel;
}

/** Kustomizations that are to run once their source was looked at. */
export interface Asked {
  readonly keys: Set<string>;
  /** Ends the wait. */
  late: Cancel | undefined;
}

/** All that the loop remembers. */
export interface Site {
  readonly env: LoopEnv;
  readonly sources: Map<string, SourceRun>;
  readonly kustomizations: Map<string, KustomizationRun>;
  objects: Objects;
  /** Presence and observer of the agent's own cluster. */
  presence: Presence;
  leadership: Leadership;
  observer: Observer;
  places: Places;
  wallClock: WallClock;
  /** Undefined when nobody else works for the objects of the cluster. */
  standsBack: StandsBack | undefined;
  readonly startedAt: number;
  looked: boolean;
  /** Objects of the cluster that cannot be read, or are not built yet, by key: why. */
  readonly unread: Map<string, string>;
  /** Kinds of which the cluster's objects are being listed, with the keys that wait for one that may be among them. */
  readonly unlisted: Map<string, Set<string>>;
  /** Kinds of which objects of the cluster may be there that nobody has told of: nothing counts as absent by that. */
  readonly unknown: Set<string>;
  /** Root of each source's content when its last run began. */
  readonly roots: Map<string, Digest>;
  readonly asked: Asked;
  readonly later: Set<Later>;
  /** Runs that have ended. */
  ended: number;
}
