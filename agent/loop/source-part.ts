import { sourceKeyOf } from '../../src/flux/index.ts';
import type { Fault, SourceRevision } from '../../src/model/index.ts';
import { isCovered } from '../../src/model/index.ts';
import { answers, type Scope, scopeOf } from './fetch-scope.ts';
import type { KustomizationRun } from './kustomization-state.ts';
import type { Runner } from './runner.ts';
import type { Site } from './site.ts';
import { isSuspended, type SourceRun } from './source-state.ts';

/** How much of a source is to be fetched now. */
export function scopeNow(site: Site, run: SourceRun): Scope {
  const { env } = site;
  const users = [...site.kustomizations.values()].filter((one) => sourceKeyOf(one.object) === run.key);
  // Who is not listed yet, or cannot be read, may still need what is here.
  const late = !site.objects.complete || site.unknown.has('Kustomization');
  const here = late ? (env.records.source(run.key)?.current.part?.paths ?? []) : [];
  return scopeOf(run.object, {
    kustomizations: users.map(({ object }) => object),
    sources: [...site.sources.values()].map(({ object }) => object),
    fetchScope: env.settings.fetchScope,
    asked: [...here, ...users.flatMap(({ reached }) => [...reached])],
  });
}

/** Wakes the source of a Kustomization that needs more of it than is here; looks at no other one. */
export function wakeForFolder(site: Site, run: KustomizationRun, runner: Runner): void {
  const key = sourceKeyOf(run.object);
  const part = site.env.records.source(key)?.current.part;
  if (part === undefined || !site.sources.has(key) || run.object.meta.deleting === true) return;
  if (!isCovered(run.object.spec.path, part.paths)) runner.wake(key, 'needs');
}

/** Wakes a source of which more is needed than is here, by all that use it. */
export function wakeForMore(site: Site, key: string, runner: Runner): void {
  const run = site.sources.get(key);
  const current = site.env.records.source(key)?.current;
  if (run === undefined || current?.part === undefined) return;
  if (!answers(current, scopeNow(site, run))) runner.wake(key, 'needs');
}

/**
 * The folder that a Kustomization names was not fetched, and is being asked for: nothing is wrong yet. What comes of that
 * wakes it again.
 */
export function awaitsPart(site: Site, run: KustomizationRun): boolean {
  const source = site.sources.get(sourceKeyOf(run.object));
  const part = site.env.records.source(sourceKeyOf(run.object))?.current.part;
  if (source === undefined || part === undefined) return false;
  if (isSuspended(source.object) || source.object.meta.deleting === true || source.standing !== undefined) return false;
  return !isCovered(run.object.spec.path, part.paths);
}

/**
 * Notes what a render asked for and was away. What is away although it was fetched is so because it hangs on ignore files
 * anywhere in the repository: then only the whole tells.
 */
export function noteReached(run: KustomizationRun, fault: Fault, { part }: SourceRevision): void {
  if (fault.code !== 'source-incomplete') return;
  for (const path of fault.paths) run.reached.add(isCovered(path, part?.paths ?? []) ? '' : path);
}
