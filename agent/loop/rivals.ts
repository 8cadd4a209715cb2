import type { SyncResult } from '../../src/cycle/index.ts';
import type { LiveView, ObjectId } from '../../src/model/index.ts';
import { noteCorrection, rivalry } from '../../src/schedule/index.ts';
import type { LoopEnv } from './env.ts';
import type { KustomizationRun } from './kustomization-state.ts';

/** Counts corrections, so that two writers who undo each other are found. */
export function noteDrift(run: KustomizationRun, drift: ReadonlySet<ObjectId>, live: LiveView, env: LoopEnv): void {
  const now = env.clock.monotonic();
  for (const id of drift) {
    const fact = live.facts.get(id);
    const seen = live.seen.get(id);
    const before = run.corrections.get(id);
    if (fact === undefined || rivalry(before, now) !== '') continue;
    if (seen !== undefined && seen.mark === fact.mark && seen.takeover.length === 0) continue;
    run.corrections.set(id, noteCorrection(before, now, seen?.lastOther ?? ''));
  }
}

/** Whoever sets a field that is left to others undoes nothing; nor is what waits for its Namespace undone again. */
export function uncount(
  run: KustomizationRun,
  before: ReadonlyMap<ObjectId, Parameters<typeof noteCorrection>[0]>,
  result: SyncResult,
): void {
  for (const { id, did, fault } of result.receipts) {
    if (did !== 'unchanged' && fault !== 'apply-waits') continue;
    const counted = before.get(id);
    if (counted === undefined) run.corrections.delete(id);
    else run.corrections.set(id, counted);
  }
}

export function rivalsOf(run: KustomizationRun, env: LoopEnv): ReadonlyMap<ObjectId, string> {
  const now = env.clock.monotonic();
  const rivals = new Map<ObjectId, string>();
  for (const [id, corrections] of run.corrections) {
    const text = rivalry(corrections, now);
    if (text !== '') rivals.set(id, text);
  }
  return rivals;
}

/** Milliseconds until the first correction that waits may go on; undefined when none waits. */
export function rivalWait(run: KustomizationRun, env: LoopEnv): number | undefined {
  const now = env.clock.monotonic();
  const waits = [...run.corrections.values()].map((one) => one.waitUntil - now).filter((ms) => ms > 0);
  return waits.length === 0 ? undefined : Math.min(...waits) + 1;
}
