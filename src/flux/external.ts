import type { CrossRef, FluxMeta } from './meta.ts';

/** `ExternalArtifact`, source.toolkit.fluxcd.io/v1: another controller makes the artifact and names it in the status. */
export interface ExternalArtifact {
  readonly kind: 'ExternalArtifact';
  readonly meta: FluxMeta;
  readonly spec: ExternalArtifactSpec;
  /** `status.artifact`; undefined while nobody has made one. */
  readonly artifact: ExternalArtifactNote | undefined;
}

export interface ExternalArtifactSpec {
  /** The object that the artifact is made from. Shown, never read. */
  readonly sourceRef?: CrossRef;
}

/** Where an artifact is, and what it must be. Nothing of it is trusted but by its digest. */
export interface ExternalArtifactNote {
  readonly url: string;
  /** `sha256:` and 64 hex digits when well-formed; the fetch refuses any other. */
  readonly digest: string;
  readonly revision: string;
  /** Bytes; undefined where it is not told. */
  readonly size: number | undefined;
  /** RFC 3339; '' where it is not told. */
  readonly lastUpdateTime: string;
}
