import { seenOf } from '../../src/apply/index.ts';
import { changesOf, type SyncInput, type SyncPorts, type SyncResult, sync } from '../../src/cycle/index.ts';
import {
  applyWidth,
  type Digest,
  Fault,
  groupKind,
  type InventoryEntry,
  isBad,
  type LiveView,
  type ObjectId,
  type RenderedSet,
} from '../../src/model/index.ts';
import { ALLOW_PRUNE, type FactJournal, type KustomizationRecord, type LoopEnv } from './env.ts';
import { isAsked } from './kustomization-report.ts';
import type { Chosen } from './kustomization-revision.ts';
import {
  judgeOf,
  type KustomizationPorts,
  type KustomizationRun,
  keepRecord,
  lookUpScopes,
  noteRecord,
  placeOf,
  renderedOf,
} from './kustomization-state.ts';
import type { Place } from './place.ts';
import { noteDrift, rivalsOf, uncount } from './rivals.ts';
import { openedBodies } from './sealed.ts';
import { ADOPTED } from './seed.ts';

export interface Task {
  /** What the cluster is to be kept at from now on. */
  readonly chosen: Chosen;
  /** Only these objects, and only what was applied before. */
  readonly only: ReadonlySet<ObjectId> | undefined;
  readonly causes: ReadonlySet<string>;
}

interface Known {
  readonly facts: FactJournal;
  readonly uid: string;
  readonly place: Place;
}

/** Makes the cluster as the task says. What watches have shown and could not be corrected stays noted. */
export async function syncNow(run: KustomizationRun, task: Task, ports: KustomizationPorts): Promise<SyncResult> {
  const { env } = ports;
  const place = placeOf(run);
  const known = knownOf(run, ports);
  await lookUpScopes(run, task.chosen.target.rendered, ports);
  const { drift } = run;
  run.drift = new Set();
  const input = inputOf(run, task, known, ports);
  // A first apply is not watched: a list afterwards costs less than an event for each object.
  const { only } = task;
  const { objects } = input.desired;
  const worked = only === undefined ? objects : objects.filter((object) => only.has(object.id));
  const watch = (): void => place.observer.want(worked.map((object) => object.ref));
  if (input.installed) watch();
  const counted = new Map(run.corrections);
  noteDrift(run, drift, input.live, env);
  try {
    const result = await sync({ ...input, rivals: rivalsOf(run, env) }, portsOf(run, task, known, ports), ports.signal);
    for (const receipt of result.receipts) if (isBad(receipt) && drift.has(receipt.id)) run.drift.add(receipt.id);
    uncount(run, counted, result);
    tell(run, task, result, env);
    if (input.check) run.fullCheckAt = env.clock.monotonic();
    // It was let do all of it.
    if (task.only === undefined && place.account !== run.record.account && !result.receipts.some(isBad))
      noteRecord(run, { account: place.account });
    return result;
  } catch (error) {
    for (const id of drift) run.drift.add(id);
    throw error;
  } finally {
    watch();
  }
}

/**
 * Deletes all that is in the inventory and may be deleted; what could not be stays in the inventory. For a Kustomization
 * that was deleted itself: somebody asked for just this, so no guard counts it.
 */
export async function pruneAll(run: KustomizationRun, ports: KustomizationPorts): Promise<SyncResult> {
  const { env } = ports;
  const known = knownOf(run, ports);
  const { inventory, clusterUid } = run.record;
  const input: SyncInput = {
    owner: ownerOf(run),
    revision: run.record.target?.revision ?? '',
    desired: { objects: [] },
    inventory: clusterUid === known.uid ? inventory : [],
    live: { facts: known.facts.map, seen: known.place.observer.seen, absent: () => false },
    prune: true,
    force: false,
    check: false,
    installed: true,
    only: undefined,
    whole: false,
    rivals: new Map(),
    guard: { share: 1, minimum: Number.MAX_SAFE_INTEGER },
    allowedPrune: '*',
    stageTimeoutMs: 0,
    width: 1,
  };
  const writeInventory = (left: readonly InventoryEntry[]): Promise<void> => keepRecord(run, { inventory: left }, env);
  return sync(input, { ...effectsOf(run, known, ports), writeInventory }, ports.signal);
}

/** Logs and counts what a run changed. */
function tell(run: KustomizationRun, task: Task, result: SyncResult, env: LoopEnv): void {
  const pruned = changesOf(result.receipts.filter((one) => one.did === 'deleted'));
  const applied = changesOf(result.receipts.filter((one) => one.did !== 'deleted'));
  const changed = [...applied, ...pruned];
  if (changed.length === 0) return;
  const now = env.clock.now();
  run.lastAppliedAt = now;
  const healed = result.plan.stages
    .flatMap((stage) => stage.steps)
    .filter((step) => step.do === 'apply' && (step.why === 'drift' || step.why === 'missing'));
  const done = new Set(
    changesOf(result.receipts.filter((one) => healed.some((s) => s.do === 'apply' && s.id === one.id))),
  );
  if (done.size > 0) run.healed = { count: run.healed.count + done.size, lastAt: now, lastObject: [...done][0] ?? '' };
  const { revision, origin } = task.chosen.target;
  // What was pruned is told by itself, as Flux does.
  for (const message of [applied.join('\n'), pruned.join('\n')])
    if (message !== '')
      env.news.event({ key: run.key, type: 'Normal', reason: 'Progressing', message, revision, origin });
  env.log.info(done.size === changed.length ? 'drift corrected' : 'applied', {
    kustomization: run.key,
    revision,
    objects: changed.length,
    first: changed[0],
  });
}

/** The cluster as it is known now. Throws `cluster-unreachable` when it does not answer. */
function knownOf(run: KustomizationRun, { env }: KustomizationPorts): Known {
  const place = placeOf(run);
  const { presence } = place;
  const uid = presence.state().state === 'up' ? presence.identity()?.uid : undefined;
  if (uid === undefined) {
    const code = presence.fault()?.code === 'cluster-auth' ? 'cluster-auth' : 'cluster-unreachable';
    throw new Fault(code, presence.state().message || 'the API server has not answered yet');
  }
  if (run.record.clusterUid === ADOPTED) noteRecord(run, { clusterUid: uid });
  return { facts: factsOf(run, uid, env), uid, place };
}

const ownerOf = (run: KustomizationRun): string => run.key.slice('Kustomization/'.length);

function factsOf(run: KustomizationRun, uid: string, env: LoopEnv): FactJournal {
  if (run.facts === undefined || run.record.clusterUid !== uid) run.facts = env.records.facts(run.key, uid);
  return run.facts;
}

function inputOf(
  run: KustomizationRun,
  task: Task,
  known: Known,
  { env, declares }: KustomizationPorts,
): Omit<SyncInput, 'rivals'> {
  const { spec, meta } = run.object;
  const { record } = run;
  const desired = renderedOf(run, task.chosen.target.rendered, env);
  // An inventory of another cluster says nothing about this one: nothing of it may be deleted here.
  const same = record.clusterUid === known.uid;
  const { observer, account } = known.place;
  const full = task.only === undefined;
  const live = liveOf(desired, known);
  const unseen = (): readonly string[] =>
    [...new Set(desired.objects.map((object) => groupKind(object.ref)))].filter((kind) => !observer.synced(kind));
  return {
    owner: ownerOf(run),
    revision: task.chosen.target.revision,
    desired,
    inventory: same ? record.inventory : [],
    live,
    prune: spec.prune,
    force: spec.force,
    check: full && (fullCheckDue(run, env) || task.causes.has('check') || provesRights(run, known.place, task)),
    blind: new Set(run.confirmed && task.causes.has('interval') ? unseen() : []),
    stored: (digest) => env.records.has(digest),
    // Who is asked for takes what another has, as in Flux.
    ...(full && isAsked(run) ? {} : { declares }),
    ignore: (ref) => run.rules?.ignore(ref) ?? [],
    installed: same && known.facts.map.size > 0,
    only: task.only,
    whole: account !== '',
    guard: env.settings.guard,
    allowedPrune: meta.annotations[ALLOW_PRUNE] ?? '',
    stageTimeoutMs: Math.min(spec.timeout, 60_000),
    width: applyWidth(env.settings.limits),
  };
}

/** What is known of the cluster. Of an object that is not desired nothing says that it is absent. */
function liveOf(desired: RenderedSet, { facts, place }: Known): LiveView {
  const { observer } = place;
  let kinds: ReadonlyMap<ObjectId, string> | undefined;
  return {
    facts: facts.map,
    seen: observer.seen,
    absent: (id) => {
      if (!facts.map.has(id) || observer.seen.has(id)) return false;
      kinds ??= new Map(desired.objects.map((object) => [object.id, groupKind(object.ref)]));
      const kind = kinds.get(id);
      return kind !== undefined && observer.synced(kind);
    },
  };
}

/** Nothing tells of rights that were given or taken: an account that is new, or who asks, has them proven. */
function provesRights(run: KustomizationRun, { account }: Place, { causes }: Task): boolean {
  return account !== run.record.account || (account !== '' && causes.has('requested'));
}

function fullCheckDue(run: KustomizationRun, env: LoopEnv): boolean {
  const now = env.clock.monotonic();
  const every = env.settings.fullCheckMs;
  if (run.fullCheckAt === 0) run.fullCheckAt = now;
  return every > 0 && now - run.fullCheckAt >= every;
}

function portsOf(run: KustomizationRun, task: Task, known: Known, ports: KustomizationPorts): SyncPorts {
  return {
    ...effectsOf(run, known, ports),
    writeInventory: (inventory) => {
      if (ports.over(run)) throw new Fault('internal', `${run.key} went before anything was done for it`);
      return choose(run, { inventory, clusterUid: known.uid, ...task.chosen }, ports.env);
    },
  };
}

function effectsOf(
  run: KustomizationRun,
  known: Known,
  { env, data }: KustomizationPorts,
): Omit<SyncPorts, 'writeInventory'> {
  const { cluster } = known.place;
  const stored = (digest: Digest): Uint8Array => env.records.body(digest);
  return {
    ...openedBodies({
      kustomization: run.object,
      data: () => data(run.object),
      own: () => env.sealKey?.(run.object.meta.namespace),
      stored,
      cluster,
    }),
    clock: env.clock,
    log: env.log.with({ kustomization: run.key }),
    seenOf,
    judge: judgeOf(run),
    // Who acts as an account asks for itself.
    ...(known.place.account === '' ? { survey: known.place.observer.survey } : {}),
    ledger: {
      applied: (id, fact, seen, health) => {
        known.facts.set(id, fact);
        // One that is being deleted may be gone with this very apply: only the watch knows.
        if (!seen.deleting) known.place.observer.note(id, seen, health);
      },
      gone: (id) => known.facts.remove(id),
    },
  };
}

/** Writes down what was chosen before anything is done for it; nothing is, where only the revision's name moved. */
async function choose(
  run: KustomizationRun,
  changes: Chosen & Pick<KustomizationRecord, 'inventory' | 'clusterUid'>,
  env: LoopEnv,
): Promise<void> {
  const { record } = run;
  const same =
    record.target?.rendered === changes.target.rendered &&
    record.inventory === changes.inventory &&
    record.clusterUid === changes.clusterUid;
  if (!same) await keepRecord(run, changes, env);
  else if (record.target?.revision !== changes.target.revision || record.renderKey !== changes.renderKey)
    noteRecord(run, changes);
}
