import type { FluxMeta, NameRef } from './meta.ts';

/** `Bucket`, source.toolkit.fluxcd.io/v1, defaults filled in, durations in milliseconds. */
export interface Bucket {
  readonly kind: 'Bucket';
  readonly meta: FluxMeta;
  readonly spec: BucketSpec;
}

export type BucketProvider = 'generic' | 'aws' | 'gcp' | 'azure';

/** `spec.sts`: a service that gives temporary credentials. */
export interface BucketSts {
  readonly provider: 'aws' | 'ldap';
  readonly endpoint: string;
  readonly secretRef?: NameRef;
  readonly certSecretRef?: NameRef;
}

export interface BucketSpec {
  readonly provider: BucketProvider;
  readonly bucketName: string;
  /** Host and port; an address with scheme for azure. */
  readonly endpoint: string;
  /** '' when not named. */
  readonly region: string;
  /** '' for all objects. */
  readonly prefix: string;
  readonly insecure: boolean;
  readonly interval: number;
  readonly timeout: number;
  readonly sts?: BucketSts;
  readonly secretRef?: NameRef;
  readonly certSecretRef?: NameRef;
  readonly proxySecretRef?: NameRef;
  readonly serviceAccountName?: string;
  readonly ignore?: string;
  readonly suspend: boolean;
}

/** Names of the Secrets that a Bucket reads, all of its own namespace, each once. */
export function bucketSecrets({ spec }: Bucket): readonly string[] {
  const refs = [spec.secretRef, spec.certSecretRef, spec.proxySecretRef, spec.sts?.secretRef, spec.sts?.certSecretRef];
  return [...new Set(refs.flatMap((ref) => (ref === undefined || ref.name === '' ? [] : [ref.name])))];
}
