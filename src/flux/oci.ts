import type { DataRef, FluxMeta, NameRef } from './meta.ts';

/** `OCIRepository`, source.toolkit.fluxcd.io/v1, defaults filled in, durations in milliseconds. */
export interface OCIRepository {
  readonly kind: 'OCIRepository';
  readonly meta: FluxMeta;
  readonly spec: OciRepositorySpec;
}

/** Digest over semver over tag; the tag is there when nothing else is. */
export interface OciRef {
  readonly digest?: string;
  readonly tag?: string;
  readonly semver?: string;
  /** RE2; only with `semver`. */
  readonly semverFilter?: string;
}

/** Which layer of an artifact is taken, and what becomes of it. */
export interface OciLayer {
  /** Absent: the first layer. */
  readonly mediaType?: string;
  readonly operation: 'extract' | 'copy';
}

/** The layer that a spec selects; without a selector the first one, unpacked. */
export function layerOf({ layerSelector }: OciRepositorySpec): OciLayer {
  return { operation: 'extract', ...layerSelector };
}

export interface OciRepositorySpec {
  /** `oci://HOST/NAME` as written; whether it can be used is found by the fetch, as in Flux. */
  readonly url: string;
  readonly interval: number;
  readonly timeout: number;
  readonly ref: OciRef;
  /** As written, because the status repeats it; `layerOf` fills in the defaults. */
  readonly layerSelector?: Partial<OciLayer>;
  readonly provider: string;
  readonly secretRef?: NameRef;
  readonly serviceAccountName?: string;
  readonly certSecretRef?: NameRef;
  readonly proxySecretRef?: NameRef;
  readonly insecure: boolean;
  readonly ignore?: string;
  readonly suspend: boolean;
  readonly verify?: {
    readonly provider: 'cosign' | 'notation';
    readonly secretRef?: NameRef;
    readonly trustedRootSecretRef?: NameRef;
    readonly matchOIDCIdentity: readonly { readonly issuer: string; readonly subject: string }[];
  };
}

/** The Secrets that it names itself; those of its service account are known once that was read. */
export function ociDataRefs({ spec, meta }: OCIRepository): readonly DataRef[] {
  const { verify } = spec;
  const refs = [
    spec.secretRef,
    spec.certSecretRef,
    spec.proxySecretRef,
    verify?.secretRef,
    verify?.trustedRootSecretRef,
  ];
  return refs.flatMap((ref) =>
    ref === undefined ? [] : [{ kind: 'Secret' as const, namespace: meta.namespace, name: ref.name }],
  );
}

/** The service account whose `imagePullSecrets` it logs in with; undefined without. */
export function ociAccount({
  spec,
  meta,
}: OCIRepository): { readonly namespace: string; readonly name: string } | undefined {
  const name = spec.serviceAccountName;
  return name === undefined ? undefined : { namespace: meta.namespace, name };
}

/** Fields that are read but not acted upon yet, as rows of features.ts. */
export const OCI_NOT_BUILT: readonly { readonly field: string; readonly used: (spec: OciRepositorySpec) => boolean }[] =
  [{ field: 'provider (other than generic)', used: (spec) => spec.provider !== 'generic' }];
