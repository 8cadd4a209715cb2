import { bucketSecrets } from './bucket.ts';
import type { DataObject, DataRef } from './meta.ts';
import { ociAccount, ociDataRefs } from './oci.ts';
import type { FluxObject, Kustomization, SourceObject } from './types.ts';

/** Milliseconds that an attempt to fetch it may take. */
export function attemptMs({ spec }: SourceObject): number {
  return 'timeout' in spec ? spec.timeout : ATTEMPT_MS;
}

/** Of a kind whose objects do not say it. */
const ATTEMPT_MS = 60_000;

/** The Secrets and ConfigMaps that an object names; all of its own namespace, each once. */
export function dataRefs(object: FluxObject): readonly DataRef[] {
  const refs = object.kind === 'Kustomization' ? ofKustomization(object) : ofSource(object);
  return [...new Map(refs.map((ref) => [dataKey(ref), ref])).values()];
}

/** `Kind/namespace/name`. */
export function dataKey(ref: DataRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** `Kind/namespace/name`, by which an object is known in records, logs and commands. */
export function keyOf({ kind, meta }: Pick<FluxObject, 'kind' | 'meta'>): string {
  return `${kind}/${meta.namespace}/${meta.name}`;
}

/** `Kind/namespace/name` of the source that a Kustomization is made of. */
export function sourceKeyOf({ spec: { sourceRef } }: Kustomization): string {
  return `${sourceRef.kind}/${sourceRef.namespace}/${sourceRef.name}`;
}

/** Name of the DataObject with the agent's own keys for decryption: no Secret can have it. */
export const AGENT_KEYS = '';

/** Name of the DataObject with the agent's own Sigstore trusted root: no Secret can have it. */
export const AGENT_ROOT = '.trusted-root';

/** Key of a Sigstore trusted root in a Secret. */
export const TRUSTED_ROOT = 'trusted_root.json';

/** It trusts identities, and no Secret of its own says who vouches for them. */
export function needsTrustedRoot(object: FluxObject): boolean {
  const verify = object.kind === 'OCIRepository' ? object.spec.verify : undefined;
  const keyless = verify?.provider === 'cosign' && verify.secretRef === undefined;
  return keyless && verify.trustedRootSecretRef === undefined;
}

/** Name of the DataObject with the agent's own key for sealing: no Secret can have it. */
export const AGENT_SEAL = '.seal';

/** Its build puts values of Secrets into objects. */
export function substitutesSecrets({ spec }: Kustomization): boolean {
  return spec.postBuild?.substituteFrom.some(({ kind }) => kind === 'Secret') === true;
}

/** The agent's own key for sealing among the data of a Kustomization; undefined where there is none, or no need. */
export function sealingKey(kustomization: Kustomization, data: readonly DataObject[]): DataObject | undefined {
  return substitutesSecrets(kustomization) ? data.find(({ name }) => name === AGENT_SEAL) : undefined;
}

/** A Secret by its name; undefined when it does not exist. */
export function findSecret(
  name: string | undefined,
  namespace: string,
  data: readonly DataObject[],
): DataObject | undefined {
  return data.find((one) => one.kind === 'Secret' && one.name === name && one.namespace === namespace);
}

/**
 * Where the keys of a Kustomization's decryption are: the Secret that it names, else what the agent has itself. Undefined
 * when there are none.
 */
export function decryptionKeys({ spec, meta }: Kustomization, data: readonly DataObject[]): DataObject | undefined {
  const named = (name: string): DataObject | undefined => findSecret(name, meta.namespace, data);
  return named(spec.decryption?.secretRef?.name ?? AGENT_KEYS) ?? named(AGENT_KEYS);
}

const secret = (namespace: string, name: string | undefined): readonly DataRef[] =>
  name === undefined || name === '' ? [] : [{ kind: 'Secret', namespace, name }];

function ofSource(object: SourceObject): readonly DataRef[] {
  const { kind, spec, meta } = object;
  const { namespace } = meta;
  if (kind === 'OCIRepository') {
    const account = ociAccount(object);
    return [
      ...ociDataRefs(object),
      ...(account === undefined ? [] : [{ kind: 'ServiceAccount' as const, ...account }]),
    ];
  }
  const names =
    kind === 'GitRepository'
      ? [spec.secretRef?.name, spec.proxySecretRef?.name, spec.verify?.secretRef.name]
      : kind === 'Bucket'
        ? bucketSecrets(object)
        : [];
  return names.flatMap((name) => secret(namespace, name));
}

/** The Secrets that service accounts among these name for pulling: known only once the accounts have been read. */
export function pullSecretRefs(data: readonly DataObject[]): readonly DataRef[] {
  return data.flatMap((one) => {
    if (one.kind !== 'ServiceAccount') return [];
    const names = Buffer.from(one.data.get(PULL_SECRETS) ?? []).toString('utf8');
    return names.split('\n').flatMap((name) => secret(one.namespace, name));
  });
}

/** Key of a service account's DataObject. */
export const PULL_SECRETS = 'imagePullSecrets';

function ofKustomization(object: Kustomization): readonly DataRef[] {
  const kubeconfig = kubeconfigRef(object);
  return [...buildRefs(object), ...(kubeconfig === undefined ? [] : [kubeconfig])];
}

/** What of it the build of a Kustomization may see. */
export function buildRefs({ spec, meta }: Kustomization): readonly DataRef[] {
  const { namespace } = meta;
  return [
    ...(spec.postBuild?.substituteFrom ?? []).map(({ kind, name }) => ({ kind, namespace, name })),
    ...secret(namespace, spec.decryption?.secretRef?.name),
  ];
}

/** The Secret with the kubeconfig of another cluster, or the ConfigMap that says how it is reached; undefined without. */
export function kubeconfigRef({ spec, meta }: Kustomization): DataRef | undefined {
  const { namespace } = meta;
  const { secretRef, configMapRef } = spec.kubeConfig ?? {};
  if (secretRef !== undefined) return { kind: 'Secret', namespace, name: secretRef.name };
  return configMapRef === undefined ? undefined : { kind: 'ConfigMap', namespace, name: configMapRef.name };
}
