import { troubleOf } from '../../src/cycle/index.ts';
import { asFault, Fault, idText, refText, type VersionedRef } from '../../src/model/index.ts';
import { accountExists } from './account.ts';
import { reportRun, scheduleRun } from './kustomization-report.ts';
import { type KustomizationPorts, type KustomizationRun, placeOf } from './kustomization-state.ts';
import { pruneAll } from './kustomization-sync.ts';

const POLL_MS = 500;

/** Whether the objects of a deleted Kustomization go with it. One that is suspended deletes nothing, as in Flux. */
export function takesAlong({ object }: KustomizationRun): boolean {
  const { suspend, deletionPolicy, prune } = object.spec;
  if (suspend || deletionPolicy === 'Orphan') return false;
  return deletionPolicy === 'MirrorPrune' ? prune : true;
}

/**
 * Settles what hangs on a Kustomization that somebody has deleted, by its deletionPolicy, and lets it go. What fails is
 * tried again; until then it stays. Never throws.
 */
export async function deleteKustomization(run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  for (const cancel of Object.values(run.timers)) cancel?.();
  run.waiting = undefined;
  if (!ports.leads(run) || ports.presence.state().state === 'unknown') return;
  try {
    if (takesAlong(run) && run.record.inventory.length > 0) {
      const place = await ports.place(run);
      if (place.presence.state().state === 'unknown') return;
      if (await accountExists(place, ports.signal)) await removeObjects(run, ports);
      else leaveObjects(run, place.account, ports);
    }
    await ports.env.news.released(run.key);
  } catch (error) {
    if (ports.signal.aborted) return;
    await reportRun(run, { fault: asFault(error) }, ports).catch(() => undefined);
    if (asFault(error).code === 'cluster-unreachable') (run.place ?? ports).presence.suspect(asFault(error).message);
    scheduleRun(run, ports);
  }
}

async function removeObjects(run: KustomizationRun, ports: KustomizationPorts): Promise<void> {
  const { receipts } = await pruneAll(run, ports);
  const trouble = troubleOf(receipts);
  if (trouble !== undefined) throw new Fault(trouble.code, trouble.message, { reason: trouble.reason });
  const gone = receipts.filter((one) => one.did === 'deleted');
  if (gone.length === 0) return;
  const reason = run.record.conditions.find((one) => one.type === 'Ready')?.reason ?? 'Progressing';
  const names = gone.map((one) => refText(one.ref));
  const revision = run.record.good?.revision ?? '';
  const message = names.map((name) => `${name} deleted`).join('\n');
  ports.env.news.event({ key: run.key, type: 'Normal', reason, message, revision });
  if (run.object.spec.deletionPolicy === 'WaitForTermination')
    await untilGone(
      run,
      gone.map((one) => one.ref),
      ports,
    );
}

/** Nobody may delete for an account that is gone: its objects stay, as in Flux. */
function leaveObjects(run: KustomizationRun, account: string, { env }: KustomizationPorts): void {
  const names = run.record.inventory.map((entry) => idText(entry.id));
  const reason = run.record.conditions.find((one) => one.type === 'Ready')?.reason ?? 'Progressing';
  const message = `unable to prune objects: ServiceAccount ${account} does not exist\n${names.join('\n')}`;
  env.log.error('objects of a deleted Kustomization stay: its ServiceAccount is gone', {
    kustomization: run.key,
    account,
    objects: names.length,
  });
  env.news.event({ key: run.key, type: 'Warning', reason, message, revision: run.record.good?.revision ?? '' });
}

/** Waits until these have ended, at most `spec.timeout`; then the Kustomization goes all the same, as in Flux. */
async function untilGone(
  run: KustomizationRun,
  refs: readonly VersionedRef[],
  { env, signal }: KustomizationPorts,
): Promise<void> {
  const { cluster } = placeOf(run);
  const end = env.clock.monotonic() + run.object.spec.timeout;
  let open = refs;
  for (;;) {
    const there = await Promise.all(open.map((ref) => cluster.read(ref, { metadataOnly: true, signal })));
    open = open.filter((_, index) => there[index] !== undefined);
    if (open.length === 0) return;
    if (env.clock.monotonic() > end) break;
    await env.clock.sleep(POLL_MS, signal);
  }
  env.log.warn('objects of a deleted Kustomization still end', { kustomization: run.key, objects: open.length });
  const reason = run.record.conditions.find((one) => one.type === 'Ready')?.reason ?? 'Progressing';
  const message = 'failed to wait for resources termination';
  env.news.event({ key: run.key, type: 'Warning', reason, message, revision: run.record.good?.revision ?? '' });
}
