import type { FaultCode, Gvk, KubeObject, ObjectMeta, VersionedRef } from '../model/index.ts';

/** How the API server serves a kind. */
export interface ApiResource {
  readonly gvk: Gvk;
  /** The plural in URLs. */
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** What the API server serves, from discovery. */
export interface ApiSurface {
  find(gvk: Gvk): ApiResource | undefined;
  /** All versions served of a group and kind, the preferred first. */
  versions(group: string, kind: string): readonly ApiResource[];
  /** Every kind, in its preferred version. */
  all(): readonly ApiResource[];
  /** True where what serves a group and version does not answer: which kinds there are is not known. */
  isDown(gv: Pick<Gvk, 'group' | 'version'>): boolean;
}

export interface ClusterIdentity {
  /** uid of the Namespace kube-system: another one means another (or a wiped) cluster. */
  readonly uid: string;
  /** gitVersion. */
  readonly version: string;
}

export interface ApplyOptions {
  readonly dryRun: boolean;
  /** Field manager; ours is `kustomize-controller`. */
  readonly manager: string;
  /** Take fields over from other appliers. */
  readonly force: boolean;
  /** `object` where status is wanted, `metadata` where it is not (smaller answer). */
  readonly answer: 'object' | 'metadata';
  readonly signal?: AbortSignal;
}

/** `created` is exact; whether anything changed is told by comparing resourceVersion. */
export interface ApplyAnswer {
  readonly created: boolean;
  readonly object: KubeObject;
}

export interface WatchOptions {
  /** Only in this namespace; in all without. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only metadata of the objects (PartialObjectMetadata). */
  readonly metadataOnly: boolean;
  /** Called while `watch` runs, in order. Must not throw. */
  readonly onEvent: (event: WatchEvent) => void;
  /** Ends the watch; the promise then resolves. */
  readonly signal: AbortSignal;
}

export type WatchEvent =
  | { readonly type: 'put'; readonly object: WatchedObject }
  | { readonly type: 'delete'; readonly object: WatchedObject }
  /**
   * A fresh list begins: what is not put before the next `synced` does not exist. `anew`: the datastore was put back to an
   * earlier state, so that what comes now holds, though its versions are below those that came before.
   */
  | { readonly type: 'restart'; readonly anew?: boolean }
  /**
   * Everything that existed has been put; `version` is the resourceVersion at which it did. Also sent, without a restart
   * and without a version, when an interrupted watch goes on.
   */
  | { readonly type: 'synced'; readonly version?: string }
  /** The watch is interrupted; it goes on by itself. Not sent for ends that are normal. */
  | { readonly type: 'lost'; readonly message: string; readonly code?: FaultCode };

export type WatchedObject = KubeObject & { readonly metadata: ObjectMeta };

/**
 * The API server, four verbs on untyped objects. Errors are Faults: `cluster-unreachable` (also 5xx and timeouts),
 * `cluster-auth` (401), `cluster-denied` (403), `apply-refused` (400, 422, and admission denials), `apply-immutable`,
 * `apply-conflict` (409, a JSON patch whose test fails, an object to change that is gone), `kind-unknown` (404 of the
 * resource itself), `cluster-api-down` (a webhook or an aggregated API), `cluster-protocol` (no sensible answer). The
 * `cause` is the API server's Status object, where it sent one. 429 and Retry-After are waited for, within the request's
 * time. At most `limits.requestsInFlight` requests run at once; further ones wait in order, those that yield
 * after the others.
 */
export interface Cluster {
  identity(signal?: AbortSignal): Promise<ClusterIdentity>;
  /** Cached; `fresh` asks again (after a CRD was applied). */
  surface(options?: { readonly fresh?: boolean; readonly signal?: AbortSignal }): Promise<ApiSurface>;
  /** Server-side apply of exactly these JSON bytes. */
  apply(ref: VersionedRef, json: Uint8Array, options: ApplyOptions): Promise<ApplyAnswer>;
  /** Undefined when the object does not exist. */
  read(
    ref: VersionedRef,
    options?: { readonly metadataOnly?: boolean; readonly signal?: AbortSignal },
  ): Promise<KubeObject | undefined>;
  /** JSON patch (a list) or merge patch (an object) by kind of body. `subresource` as in the URL. */
  patch(
    ref: VersionedRef,
    body: unknown,
    options: {
      readonly manager: string;
      readonly subresource?: string;
      readonly dryRun?: boolean;
      readonly signal?: AbortSignal;
      /** What tells of work goes after the work, where many requests wait. */
      readonly yields?: boolean;
    },
  ): Promise<KubeObject>;
  /** PUT with the object's resourceVersion. */
  replace(
    ref: VersionedRef,
    object: KubeObject,
    options: { readonly manager: string; readonly dryRun?: boolean; readonly signal?: AbortSignal },
  ): Promise<KubeObject>;
  /** POST; 409 AlreadyExists is `apply-conflict`. */
  create(
    ref: VersionedRef,
    object: KubeObject,
    options: {
      readonly manager: string;
      readonly dryRun?: boolean;
      readonly signal?: AbortSignal;
      readonly yields?: boolean;
    },
  ): Promise<KubeObject>;
  /** Resolves to false when it was gone already. `uid` guards against deleting a namesake. */
  remove(
    ref: VersionedRef,
    options: {
      readonly uid?: string;
      readonly propagation: 'Background' | 'Foreground' | 'Orphan';
      readonly dryRun?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<boolean>;
  /** All objects of a kind, in pages, each handed over and dropped. */
  list(
    gvk: Gvk,
    options: {
      readonly namespace?: string;
      readonly labelSelector?: string;
      readonly metadataOnly: boolean;
      readonly signal?: AbortSignal;
    },
    each: (object: KubeObject) => void,
  ): Promise<void>;
  /**
   * Lists, then watches, and keeps doing so through 410, expired tokens, closed connections and restarts of the API
   * server, with bookmarks, until the signal aborts. A kind that is not served is waited for.
   */
  watch(gvk: Gvk, options: WatchOptions): Promise<void>;
}
