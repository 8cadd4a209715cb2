import type { JsonObject } from '../../src/model/index.ts';
import { type ArtifactFacts, kustomizationStatus, sourceStatus } from '../../src/report/index.ts';
import { includedKey } from '../../src/source/index.ts';
import { artifactFacts, latestUrl } from './artifact.ts';
import type { LoopEnv } from './env.ts';
import type { KustomizationRun } from './kustomization-state.ts';
import type { Site } from './site.ts';
import type { SourceRun } from './source-state.ts';

/** `status` of an object as the API server is to show it; undefined while there is nothing to say of it. */
export function fluxStatus(site: Site, key: string): JsonObject | undefined {
  const source = site.sources.get(key);
  if (source !== undefined) return ofSource(source, site);
  const run = site.kustomizations.get(key);
  return run === undefined ? undefined : ofKustomization(run);
}

function ofKustomization(run: KustomizationRun): JsonObject | undefined {
  const { conditions, attempted, handledRequest } = run.record;
  return conditions.length === 0 && attempted === '' && handledRequest === '' ? undefined : statusOf(run);
}

/** `status` of a Kustomization, also where it has nothing to say yet. */
export function statusOf({ record, object }: KustomizationRun): JsonObject {
  const { conditions, attempted, handledRequest, good, inventory } = record;
  return kustomizationStatus({
    observedGeneration: Math.min(record.observedGeneration, object.meta.generation),
    conditions,
    lastAttemptedRevision: attempted,
    lastAppliedRevision: good?.revision ?? record.takenOver,
    lastAppliedOriginRevision: good?.origin ?? '',
    lastHandledReconcileAt: handledRequest,
    inventory: good === undefined && inventory.length === 0 ? undefined : inventory,
    history: record.history,
  });
}

/** Nothing of an ExternalArtifact: its status belongs to who makes it. */
function ofSource(run: SourceRun, { env }: Site): JsonObject | undefined {
  const { conditions, handledRequest, object, key } = run;
  const record = env.records.source(key);
  if (object.kind === 'ExternalArtifact') return undefined;
  if (conditions.length === 0 && handledRequest === '' && record === undefined) return undefined;
  return sourceStatus({
    observedGeneration: Math.min(run.observedGeneration, object.meta.generation),
    conditions,
    artifact: record === undefined ? undefined : artifactFacts(key, env),
    url: latestUrl(key, env),
    // Told with what it was made for.
    included: run.observed === undefined ? [] : includedFacts(run, env),
    lastHandledReconcileAt: handledRequest,
    observed: run.observed,
    verificationMode: record?.current.verified?.mode ?? '',
  });
}

/** The artifacts that were put in. */
function includedFacts({ key, object }: SourceRun, env: LoopEnv): readonly ArtifactFacts[] {
  const parts = env.records.source(key)?.current.composed?.parts ?? [];
  return parts.flatMap((part) =>
    part.kind === 'include' ? (artifactFacts(includedKey(object, part.source), env, part) ?? []) : [],
  );
}
