import { seenOf } from '../../src/apply/index.ts';
import { BUILT_IN } from '../../src/health/index.ts';
import { isOlder, type ObjectId } from '../../src/model/index.ts';
import { type Change, createObserver, type Observer, ofKind } from '../../src/observe/index.ts';
import type { Cluster, Log } from '../../src/ports/index.ts';
import { asksForHealth, isIn, judgeOf, type KustomizationRun } from './kustomization-state.ts';
import type { Area } from './place.ts';
import type { Site } from './site.ts';

type Wake = (key: string, cause: string) => void;

/** A cluster that is watched. */
export interface Watched {
  readonly site: Site;
  /** Of its area. */
  readonly key: Area['key'];
  readonly cluster: Cluster;
  readonly log: Log;
  /** The Kustomizations that are applied there. */
  readonly runs: () => readonly KustomizationRun[];
  /** Something hints that it is gone. */
  readonly suspect: (message: string) => void;
}

/** Watches for the loop: what differs from what was applied wakes the Kustomization that applied it. */
export function observe(watched: Watched, wake: Wake): Observer {
  const observer = createObserver({
    cluster: watched.cluster,
    log: watched.log,
    seenOf,
    now: () => watched.site.env.clock.monotonic(),
    onLink: (message) => {
      if (message !== '') watched.suspect(message);
    },
    whole: (kind) => BUILT_IN.hasHealth(kind) || watched.runs().some((run) => judgeOf(run).ruleOf(kind) !== undefined),
    judge: (object, kind, owner) => {
      const judge = judgeOf(namedIn(watched, owner));
      return judge.hasHealth(kind) ? judge.health(object) : undefined;
    },
    onChange: (change) => onChange(watched, change, observer, wake),
    onSynced: (kind) => onSynced(watched, kind, observer, wake),
  });
  return observer;
}

/** Whoever waited for the end of an object that was held in deletion is given so long to see it, milliseconds. */
const HELD_MS = 700;

function onChange(watched: Watched, change: Change, observer: Observer, wake: Wake): void {
  const run = ownerOf(watched, change);
  if (run === undefined) return;
  if (differs(run, change.id, observer)) {
    run.drift.add(change.id);
    if (change.held !== true) wake(run.key, 'drift');
    else watched.site.env.clock.after(HELD_MS, () => wake(run.key, 'drift'));
  } else if (asksForHealth(run)) wake(run.key, 'health');
  else if (comesLate(watched, run, change.id, observer)) wake(run.key, 'late');
}

/** What was so before somebody asked for a run counts for that run, though another watch was quicker to tell of the wish. */
function comesLate({ key }: Watched, run: KustomizationRun, id: ObjectId, observer: Observer): boolean {
  const seen = observer.seen.get(id);
  return key === '' && run.asked !== undefined && seen !== undefined && isOlder(run.asked, seen.resourceVersion);
}

/** Another cluster may have objects of a Kustomization of the same name that is not this agent's. */
function namedIn({ site, key }: Pick<Watched, 'site' | 'key'>, owner: string): KustomizationRun | undefined {
  const found = site.kustomizations.get(`Kustomization/${owner}`);
  return found !== undefined && isIn(found, key) ? found : undefined;
}

/** By its labels, or, where somebody changed those, by who applied it. */
function ownerOf(watched: Watched, change: Change): KustomizationRun | undefined {
  const named = namedIn(watched, change.owner);
  if (named?.facts?.map.has(change.id) === true) return named;
  const runs = watched.runs();
  // Of a first apply a watch may tell before the answer does; many others need not be asked then.
  const own = named?.record.inventory ?? [];
  if (own.length < runs.length && own.some(({ id }) => id === change.id)) return named;
  for (const run of runs) if (run.facts?.map.has(change.id) === true) return run;
  return named;
}

/** What a watch told of an own correction before its answer came differs no longer. */
export function settleDrift(run: KustomizationRun, observer: Observer): void {
  for (const id of run.drift) if (run.facts?.map.has(id) === true && !differs(run, id, observer)) run.drift.delete(id);
}

function differs(run: KustomizationRun, id: ObjectId, observer: Observer): boolean {
  const fact = run.facts?.map.get(id);
  const seen = observer.seen.get(id);
  if (fact === undefined) return false;
  return seen === undefined || seen.uid !== fact.uid || seen.mark !== fact.mark || seen.takeover.length > 0;
}

/** Nothing tells of a deletion that happened before a watch began, but that the object is not in its list. */
function onSynced(
  watched: Watched,
  kind: { readonly group: string; readonly kind: string },
  observer: Observer,
  wake: Wake,
): void {
  const isOfKind = ofKind(kind);
  for (const run of watched.runs()) {
    let found = false;
    for (const id of run.facts?.map.keys() ?? []) {
      if (!isOfKind(id) || observer.seen.has(id)) continue;
      run.drift.add(id);
      found = true;
    }
    if (found) wake(run.key, 'drift');
    else if (asksForHealth(run)) wake(run.key, 'health');
  }
}
