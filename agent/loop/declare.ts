import {
  buildRefs,
  type FluxObject,
  FROM_CLUSTER,
  type Kustomization,
  keyOf,
  type SourceObject,
} from '../../src/flux/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { includedKeys } from '../../src/source/index.ts';
import { wakeMadeOf, wakeWatchers } from './dependencies.ts';
import { ALLOW_PRUNE, FETCH, type Objects } from './env.ts';
import { type KustomizationRun, newKustomizationRun } from './kustomization-state.ts';
import type { Runner } from './runner.ts';
import { ADOPTED, seedKustomization, seedSource } from './seed.ts';
import type { Site } from './site.ts';
import { wakeForFolder, wakeForMore } from './source-part.ts';
import { newSourceRun, type SourceRun } from './source-state.ts';

/** What is new of an object, besides itself. */
interface Declared {
  /** Secrets or ConfigMaps changed, perhaps of those that it names. */
  readonly dataChanged: boolean;
  /** Its status on the API server; undefined for an object from a file. */
  readonly status: JsonObject | undefined;
}

/** Takes over the objects of files as they are now: what is new or changed runs, what is gone is let go of. */
export function declare(site: Site, objects: Objects, runner: Runner): void {
  const { env } = site;
  const dataChanged = JSON.stringify(site.objects.data.map(shape)) !== JSON.stringify(objects.data.map(shape));
  site.objects = objects;
  for (const problem of objects.problems)
    env.log.error('configuration', { where: problem.where, error: problem.message });
  const all: readonly FluxObject[] = [...objects.kustomizations, ...objects.sources];
  const declared = new Set(all.map(keyOf));
  for (const object of all) {
    const before = runOf(site, keyOf(object))?.object.meta.origin;
    if (before === FROM_CLUSTER) refuseTwin(site, keyOf(object), object.meta.origin);
    take(site, object, { dataChanged, status: undefined }, runner);
  }
  if (objects.complete)
    for (const run of [...site.sources.values(), ...site.kustomizations.values()])
      if (run.object.meta.origin !== FROM_CLUSTER && !declared.has(run.key)) {
        drop(site, run.key);
        env.news.freed(run.key);
      }
  site.looked = true;
}

/**
 * Takes over one object of the cluster, with its status there. Answers '' or why it is not taken: a file declares it, too.
 */
export function put(site: Site, object: FluxObject, status: JsonObject, runner: Runner): string {
  const key = keyOf(object);
  const origin = runOf(site, key)?.object.meta.origin;
  if (origin !== undefined && isOfFile(site, key)) return refuseTwin(site, key, origin);
  site.unread.delete(key);
  take(site, object, { dataChanged: false, status }, runner);
  return '';
}

/**
 * Lets go of an object that is no longer there. Absence never deletes: what it has applied stays as it is, unless it was
 * deleted on purpose and all is `settled`.
 */
function drop(site: Site, key: string, settled = false): void {
  const run = runOf(site, key);
  site.unread.delete(key);
  if (run === undefined) return;
  if ('timer' in run) run.timer?.();
  else for (const cancel of Object.values(run.timers)) cancel?.();
  if (site.sources.delete(key)) site.env.workshop.forget(key);
  site.kustomizations.delete(key);
  site.places.settle();
  const { kind, meta } = run.object;
  site.env.meter.forget({ kind, namespace: meta.namespace, name: meta.name });
  if (settled) site.env.log.info('deleted', { object: key });
  else site.env.log.warn('no longer declared; what it has applied stays', { object: key });
}

/**
 * Somebody has deleted an object of the cluster that cannot be read any more: the last state that could be is settled, with
 * its status there. False when none is known, or a file declares it.
 */
export function settle(site: Site, key: string, status: JsonObject, runner: Runner): boolean {
  const object = runOf(site, key)?.object;
  if (object === undefined || isOfFile(site, key)) return false;
  put(site, { ...object, meta: { ...object.meta, deleting: true } }, status, runner);
  return true;
}

/** As `Loop.remove`. What a file declares stays as it is: nobody worked for its twin in the cluster. */
export async function remove(site: Site, key: string, meant: boolean, runner: Runner): Promise<void> {
  if (isOfFile(site, key)) return void site.unread.delete(key);
  drop(site, key, meant);
  site.roots.delete(key);
  if (meant) await site.env.records.forget(key);
  // Who was made of it, or waits for it, can say so now.
  wakeMadeOf(site, key, runner);
}

/** A file declares it, whatever the cluster has of this name. */
function isOfFile(site: Site, key: string): boolean {
  const origin = runOf(site, key)?.object.meta.origin;
  return origin !== undefined && origin !== FROM_CLUSTER;
}

export const runOf = (site: Site, key: string): SourceRun | KustomizationRun | undefined =>
  site.sources.get(key) ?? site.kustomizations.get(key);

function refuseTwin(site: Site, key: string, origin: string): string {
  const why = `${key} is declared in ${origin} and in the cluster: the file is used; remove one of them`;
  if (site.unread.get(key) !== why) site.env.log.error('configuration', { where: origin, error: why });
  site.unread.set(key, why);
  return why;
}

function take(site: Site, object: FluxObject, how: Declared, runner: Runner): void {
  if (object.kind === 'Kustomization') takeKustomization(site, object, how, runner);
  else takeSource(site, object, how, runner);
}

/** What of an object starts a run when it changes; other annotations and labels start nothing, as in Flux. */
const asks = (object: FluxObject): string => {
  const { spec, meta } = object;
  const made = object.kind === 'ExternalArtifact' ? object.artifact : undefined;
  const wishes = [meta.annotations[ALLOW_PRUNE], meta.annotations[FETCH]];
  return JSON.stringify([spec, made, meta.generation, meta.deleting, meta.requestedAt, wishes]);
};

/** What of a Secret or ConfigMap tells that it changed, without its values. */
const shape = (data: Objects['data'][number]): unknown => [
  data.kind,
  data.namespace,
  data.name,
  [...data.data].map(([key, bytes]) => [key, Buffer.from(bytes).toString('base64')]),
];

function takeSource(site: Site, object: SourceObject, how: Declared, runner: Runner): void {
  const key = keyOf(object);
  const run = site.sources.get(key);
  if (run === undefined) {
    const fresh = newSourceRun(key, object, site.env);
    seedSource(fresh, how.status);
    site.sources.set(key, fresh);
    runner.wake(key, 'start');
    wakeIncluded(site, object, runner);
    return;
  }
  seedSource(run, how.status);
  const changed = asks(run.object) !== asks(object);
  run.object = object;
  // Other keys count for a revision that is here, too.
  const concerned = run.standing !== undefined || ('verify' in object.spec && object.spec.verify !== undefined);
  if (changed || (how.dataChanged && concerned)) runner.wake(key, 'requested');
  if (changed) wakeIncluded(site, object, runner);
}

/** What another source includes is needed as a whole. */
function wakeIncluded(site: Site, object: SourceObject, runner: Runner): void {
  for (const key of includedKeys(object)) wakeForMore(site, key, runner);
}

/** The cluster that a status speaks of: with a kubeconfig that of its first run. */
function seedUid(site: Site, { spec }: Kustomization): string {
  return spec.kubeConfig === undefined ? (site.presence.identity()?.uid ?? '') : ADOPTED;
}

function takeKustomization(site: Site, object: Kustomization, how: Declared, runner: Runner): void {
  const key = keyOf(object);
  const run = site.kustomizations.get(key);
  if (run === undefined) {
    const fresh = newKustomizationRun(key, object, site.env);
    seedKustomization(fresh, how.status, seedUid(site, object));
    site.kustomizations.set(key, fresh);
    runner.wake(key, 'start');
    wakeForFolder(site, fresh, runner);
    return;
  }
  seedKustomization(run, how.status, seedUid(site, object));
  const before = asks(run.object);
  const shown = JSON.stringify([run.object.meta, run.object.written]) !== JSON.stringify([object.meta, object.written]);
  if (before !== asks(object)) run.reached.clear();
  run.object = object;
  if (shown) wakeWatchers(site, key, runner);
  const reads = buildRefs(object).length > 0;
  if (before !== asks(object) || (how.dataChanged && reads)) runner.wake(key, 'requested');
  else if (how.dataChanged && object.spec.kubeConfig !== undefined) runner.wake(key, 'kubeconfig');
  wakeForFolder(site, run, runner);
  site.places.settle();
}
