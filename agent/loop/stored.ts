import type {
  AppliedFact,
  ArtifactNote,
  Condition,
  Digest,
  InventoryEntry,
  ObjectId,
  RenderedSet,
  SourceRevision,
  WireCount,
} from '../../src/model/index.ts';
import type { HistoryEntry } from '../../src/report/index.ts';

/** What is stored of a source: its newest admitted revision. */
export interface SourceRecord {
  readonly current: SourceRevision;
  /** Wall clock, milliseconds. */
  readonly fetchedAt: number;
  /** Digest of what was asked for (url, ref, rules): another one means another source. */
  readonly identity: string;
}

/** One render that was, or is being, applied. */
export interface Applied {
  readonly revision: string;
  /** What the source says this revision was made from; absent where it says nothing. */
  readonly origin?: string;
  /** Stored RenderedSet. */
  readonly rendered: Digest;
  /** Of what was built, for the history; absent in what older agents wrote. */
  readonly built?: Digest;
  readonly at: number;
}

/** What is stored of a Kustomization. */
export interface KustomizationRecord {
  readonly attempted: string;
  /** What the cluster is being kept at. */
  readonly target?: Applied;
  /** The newest that was applied whole, and healthy where that was asked for. */
  readonly good?: Applied;
  /** Names the inputs of `target`'s render: equal keys need no new render. */
  readonly renderKey: string;
  /** Digest of what the last render left for the next; '' without. */
  readonly memo: string;
  readonly inventory: readonly InventoryEntry[];
  /** The cluster that the inventory speaks of. */
  readonly clusterUid: string;
  readonly conditions: readonly Condition[];
  readonly handledRequest: string;
  /** Generation of the spec that was last brought to an end: applied, or found to lead nowhere; -1 before any. */
  readonly observedGeneration: number;
  readonly history: readonly HistoryEntry[];
  /** Revision that another agent had applied when this one took over; '' without. */
  readonly takenOver: string;
  /** Account, `namespace/name`, whose rights were last found to do for all of it; '' for the agent itself. */
  readonly account: string;
}

export interface FactJournal {
  readonly map: ReadonlyMap<ObjectId, AppliedFact>;
  set(id: ObjectId, fact: AppliedFact): void;
  remove(id: ObjectId): void;
}

/** The durable side of the loop; the cache behind it makes every write whole or absent. */
export interface Records {
  source(key: string): SourceRecord | undefined;
  /** `count`: what the fetch has moved. */
  admit(key: string, record: SourceRecord, count: WireCount): Promise<void>;
  /** A fetch found nothing new; `at` milliseconds since 1970. */
  confirmed(key: string, at: number, count: WireCount): Promise<void>;
  /** A fetch failed. */
  spent(key: string, at: number, count: WireCount): Promise<void>;
  /** All that fetches of a source have moved, those before the last restart, too. */
  traffic(key: string): WireCount;
  /** Archives of a source that are told of, newest first. */
  artifacts(key: string): readonly ArtifactNote[];
  noteArtifacts(key: string, notes: readonly ArtifactNote[]): Promise<void>;
  /** Those of all sources that were asked for so far. */
  allArtifacts(): ReadonlyMap<string, readonly ArtifactNote[]>;
  kustomization(key: string): KustomizationRecord | undefined;
  writeKustomization(key: string, record: KustomizationRecord): Promise<void>;
  /** Forgets a source or Kustomization that was deleted on purpose, with all that was known of it. */
  forget(key: string): Promise<void>;
  /** Facts of another cluster than this are none. */
  facts(key: string, clusterUid: string): FactJournal;
  loadRender(digest: Digest): RenderedSet;
  /** Whether this content is in the store. */
  has(digest: Digest): boolean;
  body(digest: Digest): Uint8Array;
  /** The uid of the cluster that was last worked on; '' before. */
  lastCluster(): string;
  setLastCluster(uid: string): Promise<void>;
  /** Until the answer is called nothing is freed: what a run wrote or found is not yet named by a record. */
  hold(): Promise<() => void>;
  /** Frees what no record names; called when nothing runs. */
  tidy(): Promise<void>;
  /** The latest wall-clock time that counts as seen, milliseconds since 1970; 0 before any. */
  wallFloor(): number;
  /** Takes an earlier one instead. */
  acceptWall(floor: number): Promise<void>;
  usage(): { readonly bytes: number; readonly free: number | undefined; readonly damaged: readonly string[] };
}
