import {
  at,
  type Condition,
  type InventoryEntry,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  parseObjectId,
  textAt,
} from '../../src/model/index.ts';
import type { HistoryEntry } from '../../src/report/index.ts';
import { type KustomizationRun, noteRecord } from './kustomization-state.ts';
import type { SourceRun } from './source-state.ts';

/** The cluster of an inventory that was taken over from a status and speaks of a cluster that is not known yet. */
export const ADOPTED = 'adopted';

/**
 * Begins where the status on the API server stands: where this agent's own disk knows nothing, another agent (Flux, or
 * this one on another disk) has worked before, and what it applied is adopted by its inventory. `uid` of the cluster.
 */
export function seedKustomization(run: KustomizationRun, status: JsonObject | undefined, uid: string): void {
  if (status === undefined || uid === '' || run.seeded) return;
  run.seeded = true;
  const { record } = run;
  const theirs = inventoryOf(status);
  const fresh = record.clusterUid === '' && record.target === undefined;
  if (!fresh) {
    // Another agent may have worked in between: what it left is ours to look after, too.
    const known = new Set(record.inventory.map((entry) => entry.id));
    const more = record.clusterUid === uid ? theirs.filter((entry) => !known.has(entry.id)) : [];
    if (more.length > 0) noteRecord(run, { inventory: [...record.inventory, ...more] });
    return;
  }
  noteRecord(run, {
    attempted: textAt(status, 'lastAttemptedRevision') ?? '',
    inventory: theirs,
    clusterUid: uid,
    conditions: conditionsOf(status),
    handledRequest: textAt(status, 'lastHandledReconcileAt') ?? '',
    observedGeneration: generationOf(status),
    history: historyOf(status),
    takenOver: textAt(status, 'lastAppliedRevision') ?? '',
  });
  run.unsaved = theirs.length > 0;
}

/**
 * Another agent worked until now: what it says of the object counts, and what it applied is ours to look after, too.
 * `uid` of the cluster. A source was fetched all the while.
 */
export function adopt(run: KustomizationRun | SourceRun | undefined, status: JsonObject, uid: string): void {
  if (run === undefined || !('record' in run)) return;
  run.seeded = false;
  seedKustomization(run, status, uid);
  if (run.record.clusterUid !== uid) return;
  noteRecord(run, {
    conditions: conditionsOf(status),
    handledRequest: textAt(status, 'lastHandledReconcileAt') ?? '',
    observedGeneration: generationOf(status),
    history: historyOf(status),
  });
}

/** The same for a source: its conditions keep their times, and what was asked for is not asked for again. */
export function seedSource(run: SourceRun, status: JsonObject | undefined): void {
  if (status === undefined) return;
  const theirs = conditionsOf(status);
  if (run.conditions.length > 0) {
    // It ran before the API server told: what holds already did not begin to hold just now.
    run.conditions = run.conditions.map((one) => {
      const since = theirs.find(({ type, status: state }) => type === one.type && state === one.status);
      return since !== undefined && since.lastTransitionTime < one.lastTransitionTime
        ? { ...one, lastTransitionTime: since.lastTransitionTime }
        : one;
    });
    return;
  }
  run.conditions = theirs;
  run.handledRequest = textAt(status, 'lastHandledReconcileAt') ?? '';
  run.observedGeneration = generationOf(status);
}

function generationOf(status: JsonObject): number {
  const found = at(status, 'observedGeneration');
  return typeof found === 'number' ? found : -1;
}

function inventoryOf(status: JsonObject): readonly InventoryEntry[] {
  return listAt(status, 'inventory', 'entries').flatMap((entry) => {
    const [id, v] = [textAt(entry, 'id'), textAt(entry, 'v')];
    return id === undefined || v === undefined || parseObjectId(id) === undefined ? [] : [{ id, v }];
  });
}

const STATES: ReadonlySet<string> = new Set(['True', 'False', 'Unknown']);

function conditionsOf(status: JsonObject): readonly Condition[] {
  return listAt(status, 'conditions').flatMap((one): Condition[] => {
    const state = textAt(one, 'status') ?? '';
    const generation = at(one, 'observedGeneration');
    const type = textAt(one, 'type');
    if (type === undefined || !STATES.has(state)) return [];
    return [
      {
        type,
        status: state as Condition['status'],
        reason: textAt(one, 'reason') ?? '',
        message: textAt(one, 'message') ?? '',
        lastTransitionTime: textAt(one, 'lastTransitionTime') ?? '',
        observedGeneration: typeof generation === 'number' ? generation : 0,
      },
    ];
  });
}

function historyOf(status: JsonObject): readonly HistoryEntry[] {
  return listAt(status, 'history').filter(isEntry);
}

function isEntry(value: Json): value is Json & HistoryEntry {
  return (
    isObject(value) &&
    ['digest', 'firstReconciled', 'lastReconciled', 'lastReconciledDuration', 'lastReconciledStatus'].every(
      (key) => typeof value[key] === 'string',
    ) &&
    typeof value['totalReconciliations'] === 'number' &&
    isObject(value['metadata'] ?? {})
  );
}
