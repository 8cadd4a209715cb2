import type {
  DataObject,
  DataRef,
  FluxObject,
  Kustomization,
  KustomizationSpec,
  SourceObject,
} from '../../src/flux/index.ts';
import type {
  ArtifactContent,
  ArtifactSeal,
  ConfigurationStatus,
  Digest,
  FetchOutcome,
  InboxStatus,
  Limits,
  NotConverged,
  RevisionPart,
  SourceKey,
  SourceRevision,
} from '../../src/model/index.ts';
import type { PruneGuard } from '../../src/policy/index.ts';
import type { Clock, Cluster, Log } from '../../src/ports/index.ts';
import type { AgentKeys } from '../keys.ts';
import type { SealKey } from '../seal-key.ts';
import type { TrustedRootFile } from '../trusted-root.ts';
import type { LeaseSettings } from './lease.ts';
import type { Records, SourceRecord } from './stored.ts';

export type { Applied, FactJournal, KustomizationRecord, Records, SourceRecord } from './stored.ts';

/** Annotation of a Kustomization: the revision that may delete more than the guard lets pass; `*` for any. */
export const ALLOW_PRUNE = 'holdfast.dev/allow-prune';

/** Annotation of a GitRepository: how much of it is fetched, `needed` or `whole`; the setting holds without it. */
export const FETCH = 'holdfast.dev/fetch';

/** What a render is asked. */
export interface RenderJob {
  readonly kustomization: Kustomization;
  readonly root: Digest;
  /** The key of the last render; the same inputs give the same key, and then no work. */
  /** ConfigMaps and Secrets of its namespace, for substitution. */
  readonly data: readonly DataObject[];
  readonly lastKey: string;
  readonly memo: string;
  /** How many objects the last one had; 0 before. */
  readonly objects: number;
}

export interface RenderAnswer {
  readonly key: string;
  readonly rendered: Digest;
  /** Of what was built, for the history. */
  readonly built: Digest;
  readonly memo: string;
  /** Objects of the repository that are not applied, each with why. */
  readonly leftOut: readonly string[];
}

/** What a fetch is asked. */
export interface FetchWork {
  readonly source: SourceObject;
  readonly data: readonly DataObject[];
  readonly have: SourceRecord | undefined;
  /** What other sources have now that is to be put in. */
  readonly includes: readonly RevisionPart[];
  /** Only what is needed, where the server gives parts; absent for the whole. */
  readonly needs?: FetchNeeds | undefined;
}

/** What a site needs of a source. */
export interface FetchNeeds {
  readonly paths: readonly string[];
  /** What is built of it: what these builds reach is fetched as well. */
  readonly builds: readonly KustomizationSpec[];
}

/** Where content of a source lies in a file that somebody brought. */
export interface BroughtPart {
  /** What it is called by in events and in the log. */
  readonly path: string;
  /** Where it is read, when that is another file: its content, unpacked. Absolute. */
  readonly reads?: string;
  readonly form: 'git' | 'oci' | 'archive' | 'objects';
  readonly span: { readonly start: number; readonly size: number };
  /** Not for a source that asks for no proof of it. */
  readonly mustProve?: boolean;
  /** Where the list of its objects lies, of the form `objects`. */
  readonly listing?: { readonly start: number; readonly size: number };
}

/** Heavy work, in this process or in a short-lived child of it. */
export interface Workshop {
  /** `onSize`: told how many bytes are about to come, where the protocol tells. */
  fetch(
    work: FetchWork,
    signal: AbortSignal,
    onSize?: (bytes: number) => void,
  ): Promise<FetchOutcome & { readonly identity: string }>;
  /** The same from a file instead of a network. Faults also `bundle-…`. */
  take(work: FetchWork, part: BroughtPart, signal: AbortSignal): Promise<FetchOutcome & { readonly identity: string }>;
  /** The revision that is here with what its includes have now, without a network; undefined when nothing moved. */
  recompose(work: Omit<FetchWork, 'data' | 'needs'>): Promise<SourceRevision | undefined>;
  /** Undefined when `lastKey` still holds. The rendered set and its objects are durable on return. */
  render(job: RenderJob, signal: AbortSignal): Promise<RenderAnswer | undefined>;
  /** What is at these paths of a content that is here: a digest each, '' for nothing. */
  folders(root: Digest, paths: readonly string[]): readonly string[];
  /** Digest and size of what is served as the artifact of a revision of a source. */
  archive(of: ArtifactContent, signal: AbortSignal, source: SourceKey): Promise<ArtifactSeal>;
  /** Drops from memory what was got for a source that is gone (`Kind/namespace/name`): keys that were lent for a time. */
  forget(source: string): void;
  /** Drops from memory what can be read again. */
  rest(): void;
  close(): Promise<void>;
}

/** All declared objects, as they are now. */
export interface Objects {
  readonly sources: readonly SourceObject[];
  readonly kustomizations: readonly Kustomization[];
  readonly data: readonly DataObject[];
  readonly problems: readonly { readonly where: string; readonly message: string }[];
  /** Everything could be read. While false, what is missing may only be hidden by an error: it is not let go of. */
  readonly complete: boolean;
}

/** An API server that can be spoken to for others as well. */
export interface ActingCluster extends Cluster {
  /** The same API server for another user, by impersonation. */
  as(user: string, groups?: readonly string[]): Cluster;
  /** A token of a ServiceAccount of that cluster. Throws `kubeconfig-refused` where there is none. */
  token(account: TokenAccount): Promise<AccountToken>;
  /** Ends all connections. */
  close(): void;
}

/** A ServiceAccount, and whom its token is for. */
export interface TokenAccount {
  readonly namespace: string;
  readonly name: string;
  readonly audiences: readonly string[];
}

export interface AccountToken {
  readonly token: string;
  /** Milliseconds from when it was asked for. */
  readonly lifeMs: number;
}

/** All of a source, or what its Kustomizations need. */
export type FetchScope = 'whole' | 'needed';

/** What keeps tenants apart. */
export interface Tenancy {
  /** `sourceRef` names only sources of the object's own namespace. */
  readonly noCrossNamespaceRefs: boolean;
  /** Account of a Kustomization that names none; '' for the agent itself. */
  readonly defaultServiceAccount: string;
}

export interface LoopSettings {
  readonly tenancy: Tenancy;
  /** How much is fetched of a GitRepository that does not say so itself. */
  readonly fetchScope: FetchScope;
  readonly clusterName: string;
  readonly clusterLabels: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly guard: PruneGuard;
  /** Apply everything again so often, whatever the watches say; milliseconds, 0 for never. */
  readonly fullCheckMs: number;
  /** Fetch times of sources by `GitRepository/namespace/name`. */
  readonly schedules: readonly { readonly source: string; readonly cron: string; readonly timeZone: string }[];
  readonly version: string;
  /** No right clock shows an earlier time than this, milliseconds since 1970. */
  readonly trustedAfter: number;
  readonly lease: LeaseSettings;
  /** Names this process among the agents of a cluster. */
  readonly identity: string;
}

/** Counts runs, for metrics. */
export interface Meter {
  ran(
    object: { readonly kind: string; readonly namespace: string; readonly name: string },
    seconds: number,
    result: 'success' | 'error',
  ): void;
  forget(object: { readonly kind: string; readonly namespace: string; readonly name: string }): void;
}

/** Something to be told about an object, once; in the words that Flux uses. */
export interface LoopEvent {
  readonly key: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** '' where none is spoken of. */
  readonly revision: string;
  /** What the revision was made from, where its source says so. */
  readonly origin?: string | undefined;
  /** Other annotations of the event, by their names in the group of the object. */
  readonly more?: Readonly<Record<string, string>>;
}

/** Who hears of what happens: the API server, where the objects come from there. */
export interface News {
  /** The API server answers (again); `uid` of its cluster. */
  up(uid: string): void;
  /**
   * Called before a run of an object begins: it must not vanish under it. False when it is gone already, though nobody has
   * told so yet; the run must not begin then. `first`: nothing has been done for it so far.
   */
  claim(key: string, first: boolean): Promise<boolean>;
  /**
   * Whether what is known of this object is what the API server has now. Watches of several kinds come in any order: what
   * somebody did after suspending an object may be seen before that.
   */
  isCurrent(key: string): Promise<boolean>;
  /** Whether an object that no watch shows any more is no longer on the API server. Throws when that cannot be known. */
  isGone(key: string): Promise<boolean>;
  /** What the status of this object shows may have changed. */
  changed(key: string): void;
  event(event: LoopEvent): void;
  /** All that hangs on a deleted object is settled: it may go. */
  released(key: string): Promise<void>;
  /** A file no longer declares this object: one of the same name on the API server is no longer in its shadow. */
  freed(key: string): void;
  /** All runs have ended, and this agent still leads: what is open is told now, or not at all. */
  ending(): Promise<void>;
}

/** News for nobody: objects from files have no status on an API server. */
export const NO_NEWS: News = {
  up: () => undefined,
  claim: async () => true,
  isCurrent: async () => true,
  isGone: async () => false,
  changed: () => undefined,
  event: () => undefined,
  released: async () => undefined,
  freed: () => undefined,
  ending: async () => undefined,
};

/**
 * Secrets and ConfigMaps of the cluster, as they were at `since` (monotonic time) or later; those that do not exist are left
 * out. Throws when they cannot be asked for.
 */
export type ReadData = (refs: readonly DataRef[], since: number) => Promise<readonly DataObject[]>;

/** The Secrets and ConfigMaps that an object names, as far as they exist. */
export type DataFor = (object: FluxObject) => Promise<readonly DataObject[]>;

/** How artifacts are told of. */
export interface Artifacts {
  /** What comes before an artifact's path in its URL, without a slash at the end. */
  readonly base: string;
  /** As in ArtifactNote. */
  readonly maker: string;
}

export interface LoopEnv {
  /** Undefined where nobody is told of artifacts: no objects are read from the cluster. */
  readonly artifacts?: Artifacts;
  /** Undefined when all configuration comes from files. */
  readonly readData?: ReadData;
  /** The agent's own keys for decryption. */
  readonly agentKeys?: AgentKeys;
  /** The agent's own trusted root, for artifacts that identities sign. */
  readonly trustedRoot?: TrustedRootFile | undefined;
  /** Seals what is stored of values of Secrets; they are stored as they are without. */
  readonly sealKey?: SealKey;
  readonly news: News;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
  /** The agent's own cluster. */
  readonly cluster: ActingCluster;
  /**
   * The cluster of a kubeconfig that an object holds, whose login is asked for by `login` where it has none. Throws
   * `kubeconfig-refused`; nothing is sent yet.
   */
  readonly openRemote: (kubeconfig: Uint8Array, login?: () => Promise<AccountToken>) => ActingCluster;
  readonly records: Records;
  /** What is with the file of the configuration; undefined while it is what runs. */
  readonly configuration?: () => ConfigurationStatus | undefined;
  /** Why the state folder takes no writes; undefined when it does. */
  readonly diskTrouble?: () => NotConverged | undefined;
  readonly workshop: Workshop;
  /** Lets what waits for an answer go on (setImmediate in the agent); runs begin one by one between. */
  readonly pause?: () => Promise<void>;
  readonly settings: LoopSettings;
  /** What lies in the inbox; undefined without one. */
  readonly inbox?: () => readonly InboxStatus[];
}
