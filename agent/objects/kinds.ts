import { type Gvk, type KubeObject, textAt, type VersionedRef } from '../../src/model/index.ts';

/** A kind of the Flux API whose objects are read from the cluster. */
export interface FluxKind extends Gvk {
  /** Who Flux's own tools expect to speak of it. */
  readonly component: string;
}

const SOURCE = { group: 'source.toolkit.fluxcd.io', version: 'v1', component: 'source-controller' } as const;

/** Kinds of which objects are watched. */
export const FLUX_KINDS: readonly FluxKind[] = [
  { ...SOURCE, kind: 'GitRepository' },
  { ...SOURCE, kind: 'OCIRepository' },
  { ...SOURCE, kind: 'Bucket' },
  { ...SOURCE, kind: 'ExternalArtifact' },
  { group: 'kustomize.toolkit.fluxcd.io', version: 'v1', kind: 'Kustomization', component: 'kustomize-controller' },
];

/** Objects of this kind belong to another controller: nothing is written to them. */
export const isForeign = ({ kind }: Pick<Gvk, 'kind'>): boolean => kind === 'ExternalArtifact';

/** The finalizer of Flux: whoever looks after an object settles what hangs on it before it goes. */
export const FINALIZER = 'finalizers.fluxcd.io';

export function refOf(kind: Gvk, object: KubeObject): VersionedRef {
  const { group, version } = kind;
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  return { group, version, kind: kind.kind, namespace, name: object.metadata.name };
}

/** `Kind/namespace/name`. */
export const keyOfRef = (ref: VersionedRef): string => `${ref.kind}/${ref.namespace}/${ref.name}`;
