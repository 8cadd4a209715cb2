import type { JsonObject } from '../model/index.ts';
import type { Bucket } from './bucket.ts';
import type { ExternalArtifact } from './external.ts';
import type { CrossRef, FluxMeta, NameRef } from './meta.ts';
import type { OCIRepository } from './oci.ts';

/** `GitRepository`, source.toolkit.fluxcd.io/v1, defaults filled in, durations in milliseconds. */
export interface GitRepository {
  readonly kind: 'GitRepository';
  readonly meta: FluxMeta;
  /** What the status repeats, as it is written; absent where the object does not have it. */
  readonly written: {
    readonly sparseCheckout?: readonly string[];
    readonly include?: readonly {
      readonly repository: NameRef;
      readonly fromPath?: string;
      readonly toPath?: string;
    }[];
  };
  readonly spec: GitRepositorySpec;
}

export interface GitRef {
  readonly branch?: string;
  readonly tag?: string;
  readonly semver?: string;
  readonly name?: string;
  readonly commit?: string;
}

export interface GitRepositorySpec {
  readonly url: string;
  readonly interval: number;
  readonly timeout: number;
  readonly ref: GitRef;
  readonly secretRef?: NameRef;
  readonly proxySecretRef?: NameRef;
  readonly provider: string;
  readonly serviceAccountName?: string;
  readonly ignore?: string;
  readonly sparseCheckout: readonly string[];
  readonly suspend: boolean;
  readonly recurseSubmodules: boolean;
  readonly include: readonly { readonly repository: NameRef; readonly fromPath: string; readonly toPath: string }[];
  readonly verify?: { readonly mode: string; readonly secretRef: NameRef };
}

/** `Kustomization`, kustomize.toolkit.fluxcd.io/v1, defaults filled in, durations in milliseconds. */
export interface Kustomization {
  readonly kind: 'Kustomization';
  readonly meta: FluxMeta;
  /** `spec` as it is written. */
  readonly written: JsonObject;
  readonly spec: KustomizationSpec;
}

export interface PatchSelector {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

/** `spec.healthCheckExprs[]`: conditions in CEL over objects of a group, or of one kind of it ('' for all). */
export interface HealthExpressions {
  readonly apiVersion: string;
  readonly kind: string;
  readonly current: string;
  readonly inProgress: string;
  readonly failed: string;
}

/** `spec.ignore[]`: fields of objects, by JSON pointer, that others may set. */
export interface IgnoreRule {
  readonly paths: readonly string[];
  readonly target?: PatchSelector;
}

export interface KustomizationSpec {
  readonly interval: number;
  readonly retryInterval: number;
  readonly timeout: number;
  readonly sourceRef: CrossRef;
  /** Relative, cleaned; '' is the root of the source. */
  readonly path: string;
  readonly prune: boolean;
  readonly deletionPolicy: 'MirrorPrune' | 'Delete' | 'WaitForTermination' | 'Orphan';
  readonly wait: boolean;
  readonly force: boolean;
  readonly suspend: boolean;
  readonly targetNamespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly commonMetadata?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly dependsOn: readonly { readonly name: string; readonly namespace: string; readonly readyExpr?: string }[];
  readonly healthChecks: readonly CrossRef[];
  readonly healthCheckExprs: readonly HealthExpressions[];
  readonly patches: readonly { readonly patch: string; readonly target?: PatchSelector }[];
  readonly images: readonly {
    readonly name: string;
    readonly newName?: string;
    readonly newTag?: string;
    readonly digest?: string;
  }[];
  readonly components: readonly string[];
  readonly ignoreMissingComponents: boolean;
  readonly buildMetadata: readonly string[];
  readonly ignore: readonly IgnoreRule[];
  readonly postBuild?: {
    readonly substitute: Readonly<Record<string, string>>;
    readonly substituteFrom: readonly {
      readonly kind: 'ConfigMap' | 'Secret';
      readonly name: string;
      readonly optional: boolean;
    }[];
    readonly substituteStrategy: string;
  };
  readonly decryption?: {
    readonly provider: string;
    readonly secretRef?: NameRef;
    readonly serviceAccountName?: string;
  };
  readonly serviceAccountName?: string;
  /** Exactly one of the two. */
  readonly kubeConfig?: {
    readonly secretRef?: { readonly name: string; readonly key?: string };
    readonly configMapRef?: NameRef;
  };
}

/** A place that desired state comes from. */
export type SourceObject = GitRepository | OCIRepository | Bucket | ExternalArtifact;

export type FluxObject = SourceObject | Kustomization;
