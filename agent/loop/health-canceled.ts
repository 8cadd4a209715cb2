import { sourceKeyOf } from '../../src/flux/index.ts';
import { merge } from './conditions.ts';
import { type KustomizationPorts, type KustomizationRun, noteRecord } from './kustomization-state.ts';

const REASON = 'HealthCheckCanceled';

/** Tells that a health check ends because something newer is to be done, in Flux's words; nothing where none is going on. */
export function tellCanceled(run: KustomizationRun, causes: ReadonlySet<string>, { env }: KustomizationPorts): void {
  if (run.waiting === undefined) return;
  const source = sourceKeyOf(run.object);
  const newer = env.records.source(source)?.current.revision !== run.waiting.revision;
  const by = causes.has('revision') && newer ? source : causes.has('requested') ? run.key : undefined;
  if (by !== undefined) tell(run, by, env);
}

/** The same of one that is suspended while it waits: its status says that nobody waits any more. */
export function cancelSuspended(run: KustomizationRun, { env, onStatus }: KustomizationPorts): void {
  if (run.waiting === undefined) return;
  tell(run, run.key, env);
  const { conditions } = run.record;
  const message = `New reconciliation triggered by ${run.key}`;
  const progress = conditions.find((one) => one.type === 'Reconciling')?.message ?? message;
  const next = merge(
    conditions,
    [
      { type: 'Ready', status: 'False', reason: REASON, message },
      { type: 'Reconciling', status: 'True', reason: 'ProgressingWithRetry', message: progress },
    ],
    { without: [], now: env.clock.now(), generation: run.generation },
  );
  run.waiting = undefined;
  noteRecord(run, { conditions: next });
  onStatus(run.key);
}

function tell({ key, waiting }: KustomizationRun, by: string, { news }: KustomizationPorts['env']): void {
  const message = `Health checks canceled due to new reconciliation triggered by ${by}`;
  news.event({ key, type: 'Normal', reason: REASON, message, revision: waiting?.revision ?? '' });
}
