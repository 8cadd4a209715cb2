import type { Digest } from './digest.ts';
import type { ObjectId, VersionedRef } from './ref.ts';

/** `kustomize.toolkit.fluxcd.io/ssa`. */
export type SsaMode = 'Override' | 'Merge' | 'IfNotPresent' | 'Ignore';

/** What an object's own annotations (or labels) ask of the agent. */
export interface ObjectSettings {
  readonly reconcile: boolean;
  readonly ssa: SsaMode;
  readonly force: boolean;
  readonly prune: boolean;
}

/** One object of a render. Its JSON is content of the store, found by digest; it does not travel with this value. */
export interface RenderedObject {
  readonly id: ObjectId;
  readonly ref: VersionedRef;
  /** Of the JSON bytes exactly as they are sent to the API server, or of their sealed form where it was decrypted. */
  readonly digest: Digest;
  /** Bytes of that. */
  readonly size: number;
  /** The file it came from, for messages. */
  readonly origin: string;
  readonly settings: ObjectSettings;
  /** Objects of the same render that this one hangs on: it is useless, or refused, without them. */
  readonly needs: readonly ObjectId[];
}

/** The result of a render: everything a plan needs to know of the desired state. */
export interface RenderedSet {
  /** In apply order (Flux's stages and kind order), which is total. */
  readonly objects: readonly RenderedObject[];
}
