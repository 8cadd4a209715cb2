import { durationText, sourceKeyOf } from '../../src/flux/index.ts';
import { Fault, type KubeObject, type ObjectId } from '../../src/model/index.ts';
import { kustomizationObject } from '../../src/report/index.ts';
import { includedKeys, includesOf } from '../../src/source/index.ts';
import type { FetchWork } from './env.ts';
import { statusOf } from './flux-status.ts';
import { desiredOf, isReadyForOthers, type KustomizationRun } from './kustomization-state.ts';
import { wakeUsers } from './order.ts';
import type { Runner } from './runner.ts';
import type { Site } from './site.ts';
import { awaitsPart } from './source-part.ts';
import { isSuspended, type SourceRun } from './source-state.ts';

/** A source has a new revision, or is gone: wakes those that are made of it. */
export function wakeMadeOf(site: Site, source: string, runner: Runner): void {
  wakeUsers(site, source, runner);
  wakeIncluders(site, source, runner);
}

/** Sources that include it; the network is not needed for that. */
function wakeIncluders(site: Site, changed: string, runner: Runner): void {
  for (const key of includersOf(site, changed)) runner.wake(key, 'include');
}

/** Keys of the sources that include this one: their status shows its artifact. */
function includersOf(site: Site, source: string): readonly string[] {
  if (!source.startsWith('GitRepository/')) return [];
  return [...site.sources.values()].flatMap(({ key, object }) => (includedKeys(object).includes(source) ? key : []));
}

/** The archive of what they include is known by now: their status names it. */
export function tellIncluders(site: Site, changed: string): void {
  for (const key of includersOf(site, changed)) site.env.news.changed(key);
}

/** What a source includes, as it is on this disk. Fault `include-unavailable`. */
export function includesNow(site: Site, run: SourceRun): FetchWork['includes'] {
  return includesOf(run.object, {
    declared: (key) => site.sources.get(key)?.object,
    current: (key) => site.env.records.source(key)?.current,
  });
}

/** A Kustomization is ready: wakes those that wait for it. */
export function wakeDependants(site: Site, done: string, runner: Runner): void {
  for (const [key, run] of site.kustomizations) {
    if (run.object.spec.dependsOn.some((one) => `Kustomization/${one.namespace}/${one.name}` === done))
      runner.wake(key, 'dependency');
  }
}

/** Throws `dependency-not-ready` for the first dependency that is not ready at the newest revision of a common source. */
export function checkDependencies(site: Site, run: KustomizationRun): void {
  for (const one of run.object.spec.dependsOn) {
    const key = `Kustomization/${one.namespace}/${one.name}`;
    const other = site.kustomizations.get(key);
    if (other === undefined)
      throw new Fault(
        'dependency-not-ready',
        `dependency '${one.namespace}/${one.name}' not found: no Kustomization of this name is declared`,
      );
    if (one.readyExpr !== undefined) {
      checkExpression(run, other, one.readyExpr);
      continue;
    }
    if (!isReadyForOthers(other)) throw notReady(one, `is not ready${circle(site, run.key, key)}`);
    const source = sourceKeyOf(run.object);
    const newest = sourceKeyOf(other.object) === source ? site.env.records.source(source)?.current.revision : undefined;
    if (newest !== undefined && other.record.good?.revision !== newest)
      throw notReady(one, `revision is not up to date${circle(site, run.key, key)}`);
  }
}

function notReady({ namespace, name }: { readonly namespace: string; readonly name: string }, what: string): Fault {
  return new Fault('dependency-not-ready', `dependency '${namespace}/${name}' ${what}`);
}

/** `readyExpr` stands in place of the check; what it says of a Kustomization is what Flux shows of one. */
function checkExpression(run: KustomizationRun, other: KustomizationRun, text: string): void {
  const test = run.rules?.ready.get(text);
  if (test instanceof Fault) throw test;
  const { meta } = other.object;
  let ready: boolean;
  try {
    ready = test?.({ self: shownAs(run), dep: shownAs(other) }) === true;
  } catch (error) {
    throw new Fault('dependency-not-ready', error instanceof Error ? error.message : String(error));
  }
  if (!ready) throw notReady(meta, 'is not ready according to readyExpr eval');
}

function shownAs(run: KustomizationRun): KubeObject {
  return kustomizationObject(run.object, statusOf(run));
}

/** ': a -> b -> a' where a dependency waits, directly or through others, for who waits for it; '' else. */
function circle(site: Site, from: string, first: string): string {
  // Each with who led to it. No recursion: a chain may be as long as the site is large.
  const trail = new Map([[first, from]]);
  for (const key of trail.keys()) {
    if (key === from) break;
    for (const { namespace, name, readyExpr } of site.kustomizations.get(key)?.object.spec.dependsOn ?? []) {
      const next = `Kustomization/${namespace}/${name}`;
      if (readyExpr === undefined && !trail.has(next)) trail.set(next, key);
    }
  }
  if (!trail.has(from)) return '';
  const ring = [from];
  for (let key = trail.get(from); key !== undefined; key = key === from ? undefined : trail.get(key)) ring.unshift(key);
  return `: dependsOn goes in a circle, ${shortened(ring.map((key) => key.slice('Kustomization/'.length))).join(' -> ')}`;
}

/** Names of a circle that a person can read. */
const MOST_NAMES = 12;

function shortened(names: readonly string[]): readonly string[] {
  if (names.length <= MOST_NAMES) return names;
  const half = MOST_NAMES / 2;
  return [...names.slice(0, half), `(${names.length - MOST_NAMES} more)`, ...names.slice(-half)];
}

/** The status, or the labels, of a Kustomization changed: wakes those whose `readyExpr` said no. */
export function wakeWatchers(site: Site, changed: string, runner: Runner): void {
  for (const [key, run] of site.kustomizations) {
    if (run.standing?.code !== 'dependency-not-ready') continue;
    const looks = run.object.spec.dependsOn.some(
      (one) =>
        one.readyExpr !== undefined && (key === changed || `Kustomization/${one.namespace}/${one.name}` === changed),
    );
    if (looks) runner.wake(key, 'dependency');
  }
}

/**
 * What it is made of, or waits for, is not known yet: a list of the cluster's objects is on its way, or the first attempt
 * of its source is still to end. Whatever comes of it wakes this.
 */
export function awaitsSource(site: Site, run: KustomizationRun): boolean {
  const { kind } = run.object.spec.sourceRef;
  const source = site.sources.get(sourceKeyOf(run.object));
  const lists = [
    source === undefined ? site.unlisted.get(kind) : undefined,
    run.object.spec.dependsOn.every((one) => site.kustomizations.has(`Kustomization/${one.namespace}/${one.name}`))
      ? undefined
      : site.unlisted.get('Kustomization'),
  ].filter((list) => list !== undefined);
  for (const list of lists) list.add(run.key);
  if (lists.length > 0) return true;
  if (source === undefined || isSuspended(source.object) || source.standing !== undefined) return false;
  return site.env.records.source(source.key) === undefined || awaitsPart(site, run);
}

/** Why nothing of a source is on this disk, as Flux says it: there is no such object, or nothing of it came yet. */
export function noSource(site: Site, key: string, retryMs: number): Fault {
  const why = site.unread.get(key);
  const [kind = '', namespace = '', name = ''] = key.split('/');
  if (!site.sources.has(key) && why === undefined)
    return new Fault(
      'source-missing',
      `${kind}.source.toolkit.fluxcd.io "${name}" not found in namespace ${namespace}`,
    );
  const text = why === undefined ? 'has no revision on this disk yet' : `cannot be used: ${why}`;
  return new Fault(
    'source-not-ready',
    `Source artifact not found, retrying in ${durationText(retryMs)}: ${key} ${text}`,
  );
}

/** Whether this Kustomization (`namespace/name`) keeps an object applied. */
export function declares(site: Site, owner: string, id: ObjectId): boolean {
  const run = site.kustomizations.get(`Kustomization/${owner}`);
  if (run === undefined || run.object.spec.suspend) return false;
  return desiredOf(run, site.env)?.objects.some((object) => object.id === id) === true;
}
