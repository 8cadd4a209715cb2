import { sourceKeyOf } from '../../src/flux/index.ts';
import type { KustomizationRun } from './kustomization-state.ts';
import type { Runner } from './runner.ts';
import type { Later, Site } from './site.ts';
import { isSuspended } from './source-state.ts';

/** Somebody who asked for a look at everything waits no longer than this for a source that does not answer, milliseconds. */
const SOURCE_FIRST_MS = 1_000;

/** Of a new revision, what changes nothing waits for what does no longer than this, milliseconds. */
const CHANGED_FIRST_MS = 300;

/**
 * Looks at everything: sources at once, what is made of them when each was looked at. So a new revision comes first, and the
 * look at what was there before is one run with it.
 */
export function lookAtAll(site: Site, runner: Runner): void {
  site.wallClock.accept();
  for (const key of site.sources.keys()) runner.wake(key, 'requested');
  for (const [key, run] of site.kustomizations) {
    const source = site.sources.get(sourceKeyOf(run.object));
    if (source === undefined || isSuspended(source.object)) runner.wake(key, 'requested');
    else site.asked.keys.add(key);
  }
  site.asked.late ??= site.env.clock.after(SOURCE_FIRST_MS, () => {
    site.asked.late = undefined;
    wakeAsked(site, () => true, runner);
  });
}

/** The state folder takes writes again: what failed for it is tried now. */
export function wakeDiskBound(site: Site, runner: Pick<Runner, 'wake'>): void {
  for (const { key, standing } of [...site.sources.values(), ...site.kustomizations.values()])
    if (standing?.code === 'cache-full' || standing?.code === 'cache-io') runner.wake(key, 'retry');
}

/** A source was looked at: those who waited for that run now. */
export function wakeAskedOf(site: Site, source: string, runner: Pick<Runner, 'wake'>): void {
  wakeAsked(site, (run) => sourceKeyOf(run.object) === source, runner);
}

function wakeAsked(site: Site, which: (run: KustomizationRun) => boolean, runner: Pick<Runner, 'wake'>): void {
  for (const key of [...site.asked.keys]) {
    const run = site.kustomizations.get(key);
    if (run !== undefined && !which(run)) continue;
    site.asked.keys.delete(key);
    if (run !== undefined) runner.wake(key, 'requested');
  }
}

/**
 * A source has a new revision: wakes what is made of it. Those whose folder is another one now go first; for the others mostly
 * the revision's name moved, and they begin when those have ended.
 */
export function wakeUsers(site: Site, source: string, runner: Runner): void {
  const users = [...site.kustomizations.values()]
    .filter((run) => sourceKeyOf(run.object) === source)
    .map((run) => run.key);
  const changed = changedOf(site, source, users);
  // The end of the source's own run must not wake them before their turn.
  const asked = new Set(users.filter((key) => site.asked.keys.delete(key)));
  const wake = (keys: Iterable<string>): void => {
    for (const key of keys) {
      runner.wake(key, 'revision');
      if (asked.has(key)) runner.wake(key, 'requested');
    }
  };
  const rest = users.filter((key) => !changed.has(key));
  const split = changed.size > 0 && rest.length > 0;
  wake(split ? changed : users);
  if (!split) return;
  const later: Later = {
    after: changed,
    go: () => {
      later.cancel();
      site.later.delete(later);
      wake(rest);
    },
    cancel: site.env.clock.after(CHANGED_FIRST_MS, () => later.go()),
  };
  site.later.add(later);
}

/** A run has ended: who waited for it alone begins. */
export function runEnded(site: Site, key: string): void {
  for (const later of [...site.later]) if (later.after.delete(key) && later.after.size === 0) later.go();
}

/** Keys of those whose folder is another one in the newest revision of the source; of none where that is not known. */
function changedOf(site: Site, source: string, users: readonly string[]): Set<string> {
  const { records, workshop } = site.env;
  const before = site.roots.get(source);
  const now = records.source(source)?.current.root;
  if (users.length < 2 || before === undefined || now === undefined) return new Set();
  const paths = users.map((key) => site.kustomizations.get(key)?.object.spec.path ?? '');
  try {
    const [old, fresh] = [workshop.folders(before, paths), workshop.folders(now, paths)];
    return new Set(users.filter((_, i) => old[i] !== fresh[i]));
  } catch {
    // What cannot be read is met again by the runs themselves; the order is only a kindness.
    return new Set();
  }
}

/** True when something is to run that is not woken yet. */
export const awaitsTurn = (site: Site): boolean => site.asked.keys.size > 0 || site.later.size > 0;

/** The loop ends: nobody is woken any more. */
export function stopWaiting(site: Site): void {
  site.asked.late?.();
  for (const { cancel } of site.later) cancel();
}
