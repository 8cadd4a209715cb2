import type { FaultCode } from './fault.ts';
import type { HealthStatus } from './health.ts';
import type { InventoryEntry } from './plan.ts';
import type { WireCount } from './source.ts';

/** A Kubernetes condition. Times are RFC 3339 in UTC with whole seconds. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** Why something is not as declared: the one reason an operator reads. */
export interface NotConverged {
  readonly code: FaultCode;
  readonly reason: string;
  readonly message: string;
  /** What to do about it. */
  readonly help: string;
  readonly since: string;
}

/** Is the other side there? Three facts are kept apart: the link, the cluster, and how fresh the state is. */
export interface Reachability {
  readonly state: 'up' | 'down' | 'unknown';
  readonly since: string;
  readonly message: string;
}

export interface SourceStatus {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Without credentials. */
  readonly url: string;
  readonly suspended: boolean;
  readonly ready: 'True' | 'False' | 'Unknown';
  /** Of the newest admitted revision; '' before the first. */
  readonly revision: string;
  /** When that revision was admitted, and when the server last confirmed that it is the newest; '' when never. */
  readonly fetchedAt: string;
  readonly confirmedAt: string;
  /** Seconds since confirmedAt; -1 when never. */
  readonly ageSeconds: number;
  readonly nextFetchAt: string;
  readonly link: Reachability;
  /** Failures in a row. */
  readonly failures: number;
  /** All that fetches have moved, those before the last restart, too. */
  readonly wire: WireCount;
  /** Bytes that the fetch under way is to receive; 0 when none is, or its protocol does not tell. */
  readonly expectedBytes: number;
  /** Only these folders and files of it are here; absent where it is whole. */
  readonly paths?: readonly string[];
  readonly conditions: readonly Condition[];
  readonly notConverged?: NotConverged;
}

export interface KustomizationStatus {
  readonly namespace: string;
  readonly name: string;
  readonly source: string;
  readonly path: string;
  readonly suspended: boolean;
  readonly ready: 'True' | 'False' | 'Unknown';
  readonly converged: boolean;
  readonly notConverged?: NotConverged;
  readonly lastAttemptedRevision: string;
  readonly lastAppliedRevision: string;
  readonly lastGoodRevision: string;
  readonly lastAppliedAt: string;
  readonly nextRunAt: string;
  readonly objects: {
    readonly total: number;
    readonly byHealth: Readonly<Partial<Record<HealthStatus, number>>>;
    /** Refused or held back objects, with the reason; at most 20. */
    readonly held: readonly { readonly object: string; readonly reason: string }[];
    /** Objects that are not Current, with the message; at most 20. */
    readonly unhealthy: readonly { readonly object: string; readonly status: HealthStatus; readonly message: string }[];
  };
  readonly drift: { readonly healed: number; readonly lastAt: string; readonly lastObject: string };
  /** ServiceAccount that it acts for, `namespace/name`. */
  readonly account?: string;
  /** The cluster of its kubeconfig, once it was tried. */
  readonly remote?: { readonly uid: string; readonly version: string; readonly api: Reachability };
  readonly conditions: readonly Condition[];
  readonly inventory: readonly InventoryEntry[];
}

/** A file in the inbox, or one that was there. */
export interface InboxStatus {
  /** As it lay there, absolute. */
  readonly file: string;
  readonly state: 'held' | 'taken' | 'refused';
  /** Why it is held or refused; '' while it is being looked at, and when it was taken. */
  readonly code: FaultCode | '';
  readonly message: string;
  /** Since when it is so. */
  readonly since: string;
  /** What it has for which source, as far as that is known. */
  readonly sources: readonly { readonly source: string; readonly revision: string }[];
}

/** The AgentConfiguration file is no longer what the agent runs with. */
export interface ConfigurationStatus {
  /** `changed`: valid, and taken at the next start. */
  readonly state: 'changed' | 'invalid';
  /** Which settings are others, or what is wrong. */
  readonly message: string;
  readonly help: string;
  readonly since: string;
}

/** A disk on which the next revision may not fit. */
export interface DiskLow {
  /** Bytes that should be free. */
  readonly needBytes: number;
  readonly message: string;
  readonly help: string;
}

/** The document behind `/status`, `holdfast status` and the metrics. */
export interface AgentStatus {
  readonly apiVersion: 'holdfast.dev/v1alpha1';
  readonly kind: 'AgentStatus';
  readonly agent: {
    readonly version: string;
    readonly startedAt: string;
    readonly ready: boolean;
    readonly leader: boolean;
    /** Absent while the file says what the agent runs with. */
    readonly configuration?: ConfigurationStatus;
  };
  readonly cluster: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly uid: string;
    readonly version: string;
    readonly api: Reachability;
  };
  /** Up when any source was reached at its last attempt. */
  readonly link: Reachability;
  readonly clock: { readonly now: string; readonly trusted: boolean; readonly message: string };
  readonly cache: {
    readonly bytes: number;
    readonly limitBytes: number;
    /** Bytes free on the disk of the state folder; absent where that is not known. */
    readonly freeBytes?: number;
    readonly damaged: readonly string[];
    /** Less is free than the next revision may need; absent while there is room, or no writes are taken at all. */
    readonly low?: DiskLow;
    /** Why the state folder takes no writes; absent when it does. */
    readonly notConverged?: NotConverged;
  };
  readonly sources: readonly SourceStatus[];
  readonly kustomizations: readonly KustomizationStatus[];
  /** Files in the inbox, and the last that were taken or refused; empty without an inbox. */
  readonly inbox: readonly InboxStatus[];
  /** Configuration that could not be read, each with file and line. */
  readonly problems: readonly { readonly where: string; readonly message: string }[];
}
