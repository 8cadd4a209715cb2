import type { GitRepository, SourceObject } from '../flux/index.ts';
import type { Condition, InventoryEntry, Json, JsonObject } from '../model/index.ts';
import type { HistoryEntry } from './history.ts';

/** What `status` of a Kustomization is made of. */
export interface KustomizationFacts {
  /** Generation of the spec that was last brought to an end; -1 before any. */
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly lastAttemptedRevision: string;
  readonly lastAppliedRevision: string;
  readonly lastAppliedOriginRevision: string;
  readonly lastHandledReconcileAt: string;
  /** Undefined before anything was applied. */
  readonly inventory: readonly InventoryEntry[] | undefined;
  readonly history: readonly HistoryEntry[];
}

/** An artifact as Flux names it in the status of a source. */
export interface ArtifactFacts {
  readonly path: string;
  readonly url: string;
  readonly revision: string;
  /** `sha256:` of the archive; '' where none is made. */
  readonly digest: string;
  readonly size: number;
  readonly lastUpdateTime: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What `status` of a source is made of. */
export interface SourceFacts {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly artifact: ArtifactFacts | undefined;
  /** Where the newest artifact is, whatever its revision; '' for none. */
  readonly url: string;
  /** Of what was put in from other sources, in the order of `include`. */
  readonly included: readonly ArtifactFacts[];
  readonly lastHandledReconcileAt: string;
  /** What `artifact` was made for; undefined before the first. */
  readonly observed: SourceObject | undefined;
  /** `verify.mode` that `artifact` was proven by; '' for none, and where there are no modes. */
  readonly verificationMode: string;
}

const condition = (one: Condition): JsonObject => ({
  type: one.type,
  status: one.status,
  observedGeneration: one.observedGeneration,
  reason: one.reason,
  message: one.message,
  lastTransitionTime: one.lastTransitionTime,
});

/** Only what has a value: Flux leaves empty texts out, but for rules that are set and empty. */
function filled(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, Json] => entry[1] !== undefined && (entry[1] !== '' || entry[0] === 'observedIgnore'),
    ),
  );
}

/** `status` of a Kustomization (kustomize.toolkit.fluxcd.io/v1). */
export function kustomizationStatus(facts: KustomizationFacts): JsonObject {
  const { inventory, history } = facts;
  return filled({
    observedGeneration: facts.observedGeneration,
    conditions: facts.conditions.map(condition),
    lastAttemptedRevision: facts.lastAttemptedRevision,
    lastAppliedRevision: facts.lastAppliedRevision,
    lastAppliedOriginRevision: facts.lastAppliedOriginRevision,
    lastHandledReconcileAt: facts.lastHandledReconcileAt,
    inventory: inventory === undefined ? undefined : { entries: inventory.map(({ id, v }) => ({ id, v })) },
    history: history.length === 0 ? undefined : history.map((one) => ({ ...one, metadata: { ...one.metadata } })),
  });
}

/** `status` of a GitRepository, OCIRepository or Bucket (source.toolkit.fluxcd.io/v1). */
export function sourceStatus(facts: SourceFacts): JsonObject {
  const { artifact, observed, included = [] } = facts;
  return filled({
    observedGeneration: facts.observedGeneration,
    conditions: facts.conditions.map(condition),
    artifact: artifact === undefined ? undefined : artifactStatus(artifact),
    url: facts.url,
    includedArtifacts: some(included.map(artifactStatus)),
    ...observedFields(observed),
    sourceVerificationMode: facts.verificationMode,
    lastHandledReconcileAt: facts.lastHandledReconcileAt,
  });
}

/** What of the spec decides about the content. */
function observedFields(observed: SourceObject | undefined): Readonly<Record<string, Json | undefined>> {
  if (observed === undefined || observed.kind === 'ExternalArtifact') return {};
  if (observed.kind === 'GitRepository') return ofGit(observed);
  const observedIgnore = observed.spec.ignore;
  if (observed.kind === 'Bucket') return { observedIgnore };
  const { layerSelector } = observed.spec;
  return { observedIgnore, observedLayerSelector: layerSelector && filled({ ...layerSelector }) };
}

function ofGit({ spec, written }: GitRepository): Readonly<Record<string, Json | undefined>> {
  const { ignore, recurseSubmodules } = spec;
  const includes = (written.include ?? []).map(({ repository, ...paths }) => ({
    repository: { name: repository.name },
    ...paths,
  }));
  return {
    observedIgnore: ignore,
    observedRecurseSubmodules: recurseSubmodules ? true : undefined,
    observedSparseCheckout: some(written.sparseCheckout ?? []),
    observedInclude: some(includes),
  };
}

function some(list: readonly Json[]): Json | undefined {
  return list.length === 0 ? undefined : list;
}

function artifactStatus(artifact: ArtifactFacts): JsonObject {
  const { metadata, ...rest } = artifact;
  return filled({ ...rest, metadata: Object.keys(metadata).length === 0 ? undefined : { ...metadata } });
}

/** `status` of an object that nothing can be done for until it, or the agent, is another one; what else it says stays. */
export function stalledStatus(generation: number, conditions: readonly Condition[]): JsonObject {
  return { observedGeneration: generation, conditions: conditions.map(condition) };
}
