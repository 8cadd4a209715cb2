import type { KubeObject } from '../../src/model/index.ts';
import type { Clock, Cluster, Log } from '../../src/ports/index.ts';
import type { Loop } from '../loop/index.ts';
import type { Keeper, Kept } from './keeper.ts';
import type { Publisher } from './publisher.ts';
import type { Reach } from './reach.ts';
import type { Refusal } from './refusal.ts';
import type { Rival } from './rival.ts';
import type { Tracked } from './tracked.ts';
import type { Vault } from './vault.ts';

export interface ClusterObjectsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** Only of these namespaces; of all when empty. */
  readonly namespaces: readonly string[];
  /** Only objects with these labels; '' for all. Several agents may so share the work. */
  readonly labelSelector: string;
  readonly keeper: Keeper;
  /** Keeps what they name; undefined for not. */
  readonly vault?: Vault | undefined;
  /** The definitions of the Flux kinds, for a cluster that has lost them. */
  readonly definitions: () => Promise<readonly KubeObject[]>;
}

/** What the watches of Flux objects and what hangs on them share. */
export interface Parts extends ClusterObjectsOptions {
  readonly tracked: Map<string, Tracked>;
  /** What stands in the way of reading an object. */
  readonly refused: Map<string, Refusal>;
  readonly publisher: Publisher;
  readonly reach: Reach;
  readonly rival: Rival;
  readonly loop: () => Loop | undefined;
  /** uid of the cluster that is watched; '' before. */
  readonly uid: () => string;
  /** Objects of the disk that this cluster has not shown yet. */
  readonly awaited: Map<string, Kept>;
  /** Aborts when another cluster is watched, or none; undefined before the first. */
  readonly signal: () => AbortSignal | undefined;
}
