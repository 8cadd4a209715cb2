import { BUILT_IN } from '../health/index.ts';
import { type Gvk, groupKind, type Health, type ObjectId, type SeenObject } from '../model/index.ts';
import type { WatchEvent } from '../ports/index.ts';
import {
  beginList,
  clear,
  endList,
  forget,
  type KindWatch,
  newPicture,
  note,
  type ObserverPorts,
  ofKind,
  type Picture,
  put,
  remove,
  type Scope,
} from './picture.ts';
import { type SharedSurvey, sharedSurvey } from './shared.ts';

/** What the watches show. One object a managed object, reduced; nothing else is kept. */
export interface Observer {
  /**
   * Watches the kinds of these objects from now on; those already watched go on. Where the whole cluster may not be
   * watched, their namespaces are.
   */
  want(objects: Iterable<Gvk & { readonly namespace: string }>): void;
  readonly seen: ReadonlyMap<ObjectId, SeenObject>;
  readonly health: ReadonlyMap<ObjectId, Health>;
  /** True when this `group/kind` is watched, or about to be. */
  wants(kind: string): boolean;
  /** True when everything of this `group/kind` that carries owner labels has been seen. */
  synced(kind: string): boolean;
  /** True when all wanted kinds are synced. */
  allSynced(): boolean;
  /** Puts in what an own apply answered, so that nobody waits for the watch to say the same. */
  note(id: ObjectId, seen: SeenObject, verdict: Health | undefined): void;
  forget(id: ObjectId): void;
  /** Lists the kinds that are watched and meant again, since their objects are judged by other rules now. */
  judgeAnew(meant: (kind: Gvk) => boolean): void;
  /** Looks for objects that nobody knows anything about. */
  readonly survey: SharedSurvey['survey'];
  /** Ends all watches and forgets all: another cluster answers now. */
  reset(): void;
}

const OWNER_LABEL = 'kustomize.toolkit.fluxcd.io/name';

/**
 * Watches every kind in use, by owner label, and keeps the reduced picture. Kinds that have a health are watched whole,
 * so that their status needs no request of its own; all others by metadata only.
 */
export function createObserver(ports: ObserverPorts): Observer {
  const watching: Watching = { ports, watches: new Map(), picture: newPicture(ports), surveys: sharedSurvey(ports) };
  const { watches, picture } = watching;
  return {
    seen: picture.seen,
    health: picture.verdicts,
    want: (objects) => {
      for (const ref of objects) want(watching, ref);
    },
    survey: (refs, signal) => watching.surveys.survey(refs, signal),
    wants: (kind) => watches.has(kind),
    synced: (kind) => isSynced(watches.get(kind)),
    allSynced: () => [...watches.values()].every(isSynced),
    note: (id, now, verdict) => note(picture, id, { now, verdict, watches: watches.values() }),
    forget: (id) => forget(picture, id),
    judgeAnew: (meant) => {
      for (const watch of watches.values()) if (meant(watch.gvk)) restart(watching, watch);
    },
    reset: () => {
      for (const watch of watches.values()) for (const scope of watch.scopes.values()) scope.stop.abort();
      watches.clear();
      clear(picture);
    },
  };
}

interface Watching {
  readonly ports: ObserverPorts;
  readonly watches: Map<string, KindWatch>;
  readonly picture: Picture;
  readonly surveys: SharedSurvey;
}

function isSynced(watch: KindWatch | undefined): boolean {
  return watch !== undefined && watch.scopes.size > 0 && [...watch.scopes.values()].every((scope) => scope.synced);
}

function want(watching: Watching, ref: Gvk & { readonly namespace: string }): void {
  const key = groupKind(ref);
  let watch = watching.watches.get(key);
  if (watch === undefined) {
    const { group, version, kind } = ref;
    watch = { gvk: { group, version, kind }, namespaces: new Set(), scopes: new Map(), narrow: false };
    watching.watches.set(key, watch);
  }
  watch.namespaces.add(ref.namespace);
  const scope = watch.narrow ? ref.namespace : '';
  if (!watch.scopes.has(scope)) start(watching, watch, scope);
}

/** Begins the watches of a kind anew. What exists stays known until the list is there; what was thought of it does not. */
function restart(watching: Watching, watch: KindWatch): void {
  const scopes = [...watch.scopes.keys()];
  for (const scope of watch.scopes.values()) scope.stop.abort();
  watch.scopes.clear();
  const isOfKind = ofKind(watch.gvk);
  const { verdicts } = watching.picture;
  for (const id of verdicts.keys()) if (isOfKind(id)) verdicts.delete(id);
  for (const namespace of scopes) start(watching, watch, namespace);
}

function start(watching: Watching, watch: KindWatch, namespace: string): void {
  const { gvk } = watch;
  const { ports } = watching;
  const scope: Scope = { namespace, stop: new AbortController(), synced: false, list: undefined };
  watch.scopes.set(namespace, scope);
  const options = {
    labelSelector: OWNER_LABEL,
    metadataOnly: !(ports.whole?.(gvk) ?? BUILT_IN.hasHealth(gvk)),
    signal: scope.stop.signal,
    onEvent: (event: WatchEvent) => onEvent(watching, event, watch, scope),
    ...(namespace === '' ? {} : { namespace }),
  };
  ports.cluster.watch(gvk, options).catch((error: unknown) => {
    if (scope.stop.signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    ports.log.error('watch ended', { kind: groupKind(gvk), error: text });
    watch.scopes.delete(namespace);
  });
}

function onEvent(watching: Watching, event: WatchEvent, watch: KindWatch, scope: Scope): void {
  if (scope.stop.signal.aborted) return;
  const { gvk } = watch;
  const { ports, picture } = watching;
  if (event.type === 'put') put(picture, event.object, gvk, scope);
  else if (event.type === 'delete') remove(picture, event.object, gvk);
  else if (event.type === 'restart') beginList(picture, gvk, scope, event.anew === true);
  else if (event.type === 'lost') {
    if (event.code === 'cluster-denied') onDenied(watching, event.message, watch, scope);
    else ports.onLink(event.message);
  } else {
    endList(picture, scope, event.version ?? '');
    scope.synced = true;
    watching.surveys.forget(groupKind(gvk));
    ports.onLink('');
    if (isSynced(watch)) ports.onSynced(gvk);
  }
}

/** Who may not watch the whole cluster watches the namespaces that it has objects in. */
function onDenied(watching: Watching, message: string, watch: KindWatch, scope: Scope): void {
  const spaces = [...watch.namespaces].filter((namespace) => namespace !== '');
  const narrow = scope.namespace === '' && spaces.length > 0;
  const kind = groupKind(watch.gvk);
  if (narrow) watching.ports.log.info('kind watched by namespace', { kind, namespaces: spaces });
  else watching.ports.log.warn('kind not watched', { kind, namespace: scope.namespace, error: message });
  if (!narrow) return;
  watch.narrow = true;
  scope.stop.abort();
  watch.scopes.delete('');
  for (const namespace of spaces) start(watching, watch, namespace);
}
