/** Annotation whose new value asks for a run now. */
export const REQUESTED = 'reconcile.fluxcd.io/requestedAt';

/** Facts common to all Flux objects as the agent reads them, from a file or from the cluster. */
export interface FluxMeta {
  readonly name: string;
  readonly namespace: string;
  readonly generation: number;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `reconcile.fluxcd.io/requestedAt`; '' without. */
  readonly requestedAt: string;
  /** With it the object was read from the cluster; another one's may be compared with it (`isOlder`). */
  readonly resourceVersion?: string;
  /** Where it was read: `file:LINE`, or `cluster`. */
  readonly origin: string;
  /** Somebody has deleted it in the cluster, and its finalizer holds it until what hangs on it is settled. */
  readonly deleting?: true;
}

/** The `origin` of objects that were read from the cluster's API. */
export const FROM_CLUSTER = 'cluster';

export interface NameRef {
  readonly name: string;
}

export interface CrossRef {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/**
 * A Secret or ConfigMap that Flux objects name, or the pull secrets of a service account (their names, one a line, under
 * `imagePullSecrets`). Values are bytes; never logged, stored or reported.
 */
export interface DataObject {
  readonly kind: 'Secret' | 'ConfigMap' | 'ServiceAccount';
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly data: ReadonlyMap<string, Uint8Array>;
  readonly origin: string;
}

/** Names a Secret, a ConfigMap or a service account. */
export interface DataRef {
  readonly kind: DataObject['kind'];
  readonly namespace: string;
  readonly name: string;
}
