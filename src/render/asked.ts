import { type DataObject, decryptionKeys, type Kustomization, sealingKey } from '../flux/index.ts';
import { byCodeUnit, sha256 } from '../model/index.ts';

/** Raised when the same inputs may render to something else than an earlier version of this software made of them. */
const RENDER_FORMAT = 3;

/** Fields that need kustomize even where the folder is plain; decryption too, so that no short cut keeps what it makes. */
export function needsKustomize(kustomization: Kustomization): boolean {
  const { spec } = kustomization;
  const { patches, images, components, buildMetadata, namePrefix, nameSuffix, postBuild } = spec;
  if (spec.decryption !== undefined) return true;
  const lists = patches.length + images.length + components.length + buildMetadata.length;
  return lists > 0 || namePrefix !== undefined || nameSuffix !== undefined || postBuild !== undefined;
}

/** The objects that `substituteFrom` may name: those of the Kustomization's own namespace. */
export function finderOf(kustomization: Kustomization, data: readonly DataObject[]) {
  return (kind: 'ConfigMap' | 'Secret', name: string): DataObject | undefined =>
    data.find((one) => one.kind === kind && one.name === name && one.namespace === kustomization.meta.namespace);
}

/** Digest of everything but files that a render depends on. */
export function askedDigest(kustomization: Kustomization, data: readonly DataObject[]): string {
  const { spec, meta } = kustomization;
  const { path, targetNamespace, namePrefix, nameSuffix, commonMetadata, patches, images, components } = spec;
  const fields = [path, targetNamespace, namePrefix, nameSuffix, commonMetadata, patches, images, components];
  const more = [spec.ignoreMissingComponents, spec.buildMetadata, spec.postBuild];
  const find = finderOf(kustomization, data);
  const values = (spec.postBuild?.substituteFrom ?? []).map(({ kind, name }) => {
    const entries = [...(find(kind, name)?.data ?? [])].sort((a, b) => byCodeUnit(a[0], b[0]));
    return entries.map(([key, bytes]) => [key, sha256(bytes)]);
  });
  // What is sealed with another key reads otherwise.
  const seal = [...(sealingKey(kustomization, data)?.data.values() ?? [])].map((bytes) => sha256(bytes));
  const all = [RENDER_FORMAT, meta.namespace, meta.name, fields, more, values, ...seal];
  return sha256(JSON.stringify(spec.decryption === undefined ? all : [...all, keysAsked(kustomization, data)]));
}

/** With other keys the same files may render, or fail, otherwise; and what was decrypted is sealed with them. */
function keysAsked(kustomization: Kustomization, data: readonly DataObject[]): unknown {
  const entries = [...(decryptionKeys(kustomization, data)?.data ?? [])];
  return [
    kustomization.spec.decryption,
    entries.sort((a, b) => byCodeUnit(a[0], b[0])).map(([key, bytes]) => [key, sha256(bytes)]),
  ];
}
