import { BUILT_IN } from '../health/index.ts';
import {
  type Gvk,
  groupKind,
  type Health,
  isOlder,
  type KubeObject,
  type ObjectId,
  objectId,
  type SeenObject,
} from '../model/index.ts';
import type { Cluster, Log, WatchEvent } from '../ports/index.ts';
import { type SharedSurvey, sharedSurvey } from './shared.ts';

/** One watched change of an object that carries owner labels. */
export interface Change {
  readonly id: ObjectId;
  /** `namespace/name` by the labels of the object (the last ones, when it was deleted). */
  readonly owner: string;
  readonly type: 'put' | 'delete';
  /** It was held in deletion before it went. */
  readonly held?: boolean;
}

export interface ObserverPorts {
  readonly cluster: Cluster;
  readonly log: Log;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Reduces metadata to what decides. */
  readonly seenOf: (meta: KubeObject['metadata']) => SeenObject;
  /** Whether objects of a kind are watched whole, for their health; where kstatus knows one without. */
  readonly whole?: (kind: Gvk) => boolean;
  /** The health of an object that `namespace/name` owns by its labels; undefined where it has none. */
  readonly judge?: (object: KubeObject, kind: Gvk, owner: string) => Health | undefined;
  /** Called for each change, in order; must not throw. */
  readonly onChange: (change: Change) => void;
  /** A kind has been seen completely (again): what is not in `seen` does not exist. */
  readonly onSynced: (kind: Gvk) => void;
  /** Called when a watch is interrupted ('' when it is whole again). */
  readonly onLink: (message: string) => void;
}

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

/** One watch: of the whole cluster (''), or of a namespace. */
interface Scope {
  readonly namespace: string;
  readonly stop: AbortController;
  synced: boolean;
  /** During a fresh list: what was known before and has not come again. */
  stale: Set<ObjectId> | undefined;
}

interface KindWatch {
  readonly gvk: Gvk;
  readonly namespaces: Set<string>;
  readonly scopes: Map<string, Scope>;
  /** The whole cluster may not be watched. */
  narrow: boolean;
}

const OWNER_LABEL = 'kustomize.toolkit.fluxcd.io/name';

/**
 * Watches every kind in use, by owner label, and keeps the reduced picture. Kinds that have a health are watched whole,
 * so that their status needs no request of its own; all others by metadata only.
 */
export function createObserver(ports: ObserverPorts): Observer {
  const picture: Picture = {
    ports,
    watches: new Map(),
    seen: new Map(),
    verdicts: new Map(),
    surveys: sharedSurvey(ports),
    owners: new Map(),
  };
  const { watches, seen, verdicts } = picture;
  return {
    seen,
    health: verdicts,
    want: (objects) => {
      for (const ref of objects) want(picture, ref);
    },
    survey: (refs, signal) => picture.surveys.survey(refs, signal),
    wants: (kind) => watches.has(kind),
    synced: (kind) => isSynced(watches.get(kind)),
    allSynced: () => [...watches.values()].every(isSynced),
    note: (id, now, verdict) => {
      // An own apply is newer than the list that is being read.
      for (const watch of watches.values()) for (const scope of watch.scopes.values()) scope.stale?.delete(id);
      const before = seen.get(id);
      // A controller may have been quicker than the answer: what a watch showed since then is not unlearned.
      if (before?.uid === now.uid && isOlder(before.resourceVersion, now.resourceVersion)) return;
      seen.set(id, kept(now, before, picture.owners));
      if (verdict !== undefined) verdicts.set(id, verdict);
    },
    forget: (id) => {
      seen.delete(id);
      verdicts.delete(id);
    },
    judgeAnew: (meant) => {
      for (const watch of watches.values()) if (meant(watch.gvk)) restart(picture, watch);
    },
    reset: () => {
      for (const watch of watches.values()) for (const scope of watch.scopes.values()) scope.stop.abort();
      watches.clear();
      seen.clear();
      verdicts.clear();
      picture.owners.clear();
    },
  };
}

interface Picture {
  readonly ports: ObserverPorts;
  readonly watches: Map<string, KindWatch>;
  readonly seen: Map<ObjectId, SeenObject>;
  readonly verdicts: Map<ObjectId, Health>;
  readonly surveys: SharedSurvey;
  /** Each owner's name once. */
  readonly owners: Map<string, string>;
}

function isSynced(watch: KindWatch | undefined): boolean {
  return watch !== undefined && watch.scopes.size > 0 && [...watch.scopes.values()].every((scope) => scope.synced);
}

function want(picture: Picture, ref: Gvk & { readonly namespace: string }): void {
  const key = groupKind(ref);
  let watch = picture.watches.get(key);
  if (watch === undefined) {
    const { group, version, kind } = ref;
    watch = { gvk: { group, version, kind }, namespaces: new Set(), scopes: new Map(), narrow: false };
    picture.watches.set(key, watch);
  }
  watch.namespaces.add(ref.namespace);
  const scope = watch.narrow ? ref.namespace : '';
  if (!watch.scopes.has(scope)) start(picture, watch, scope);
}

/** Begins the watches of a kind anew. What exists stays known until the list is there; what was thought of it does not. */
function restart(picture: Picture, watch: KindWatch): void {
  const scopes = [...watch.scopes.keys()];
  for (const scope of watch.scopes.values()) scope.stop.abort();
  watch.scopes.clear();
  const isOfKind = ofKind(watch.gvk);
  for (const id of picture.verdicts.keys()) if (isOfKind(id)) picture.verdicts.delete(id);
  for (const namespace of scopes) start(picture, watch, namespace);
}

function start(picture: Picture, watch: KindWatch, namespace: string): void {
  const { gvk } = watch;
  const { ports } = picture;
  const scope: Scope = { namespace, stop: new AbortController(), synced: false, stale: undefined };
  watch.scopes.set(namespace, scope);
  const options = {
    labelSelector: OWNER_LABEL,
    metadataOnly: !(ports.whole?.(gvk) ?? BUILT_IN.hasHealth(gvk)),
    signal: scope.stop.signal,
    onEvent: (event: WatchEvent) => onEvent(picture, event, watch, scope),
    ...(namespace === '' ? {} : { namespace }),
  };
  ports.cluster.watch(gvk, options).catch((error: unknown) => {
    if (scope.stop.signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    ports.log.error('watch ended', { kind: groupKind(gvk), error: text });
    watch.scopes.delete(namespace);
  });
}

function onEvent(picture: Picture, event: WatchEvent, watch: KindWatch, scope: Scope): void {
  if (scope.stop.signal.aborted) return;
  const { gvk } = watch;
  const { ports, seen } = picture;
  if (event.type === 'put') put(picture, event.object, gvk, scope);
  else if (event.type === 'delete') drop(picture, idOf(event.object, gvk));
  else if (event.type === 'restart') scope.stale = new Set([...seen.keys()].filter(isIn(gvk, scope)));
  else if (event.type === 'lost') {
    if (event.code === 'cluster-denied') onDenied(picture, event.message, watch, scope);
    else ports.onLink(event.message);
  } else {
    for (const id of scope.stale ?? []) drop(picture, id);
    scope.stale = undefined;
    scope.synced = true;
    picture.surveys.forget(groupKind(gvk));
    ports.onLink('');
    if (isSynced(watch)) ports.onSynced(gvk);
  }
}

/** Who may not watch the whole cluster watches the namespaces that it has objects in. */
function onDenied(picture: Picture, message: string, watch: KindWatch, scope: Scope): void {
  const spaces = [...watch.namespaces].filter((namespace) => namespace !== '');
  const narrow = scope.namespace === '' && spaces.length > 0;
  const kind = groupKind(watch.gvk);
  if (narrow) picture.ports.log.info('kind watched by namespace', { kind, namespaces: spaces });
  else picture.ports.log.warn('kind not watched', { kind, namespace: scope.namespace, error: message });
  if (!narrow) return;
  watch.narrow = true;
  scope.stop.abort();
  watch.scopes.delete('');
  for (const namespace of spaces) start(picture, watch, namespace);
}

function drop({ seen, verdicts, ports }: Picture, id: ObjectId): void {
  const before = seen.get(id);
  seen.delete(id);
  verdicts.delete(id);
  ports.onChange({ id, owner: before?.owner ?? '', type: 'delete', held: before?.deleting === true });
}

function put({ seen, verdicts, ports, owners }: Picture, object: KubeObject, gvk: Gvk, scope: Scope): void {
  const id = idOf(object, gvk);
  const next = ports.seenOf(object.metadata);
  scope.stale?.delete(id);
  const before = seen.get(id);
  if (before !== undefined && before.uid === next.uid && isOlder(before.resourceVersion, next.resourceVersion)) return;
  if (before?.resourceVersion !== next.resourceVersion || before.uid !== next.uid)
    seen.set(id, kept(next, before, owners));
  const verdict = judged(ports, object, gvk, next.owner);
  const was = verdicts.get(id)?.status;
  if (verdict === undefined) verdicts.delete(id);
  else verdicts.set(id, verdict);
  if (before?.resourceVersion !== next.resourceVersion || was !== verdict?.status)
    ports.onChange({ id, owner: next.owner, type: 'put' });
}

function judged(ports: ObserverPorts, object: KubeObject, gvk: Gvk, owner: string): Health | undefined {
  if (ports.judge !== undefined) return ports.judge(object, gvk, owner);
  return BUILT_IN.hasHealth(gvk) ? BUILT_IN.health(object) : undefined;
}

/** The same, with the texts that are known already: most are those of before, or of many objects. */
function kept(next: SeenObject, before: SeenObject | undefined, owners: Map<string, string>): SeenObject {
  const owner = owners.get(next.owner) ?? next.owner;
  if (!owners.has(owner)) owners.set(owner, owner);
  const same = before !== undefined && before.uid === next.uid;
  return {
    ...next,
    owner,
    uid: same ? before.uid : next.uid,
    mark: same && before.mark === next.mark ? before.mark : next.mark,
  };
}

/** Tells whether an inventory id speaks of this group and kind. */
export function ofKind(kind: { readonly group: string; readonly kind: string }): (id: ObjectId) => boolean {
  const end = `_${kind.group}_${kind.kind}`;
  return (id) => id.endsWith(end);
}

function isIn(gvk: Gvk, scope: Scope): (id: ObjectId) => boolean {
  const isOfKind = ofKind(gvk);
  return (id) => isOfKind(id) && (scope.namespace === '' || id.startsWith(`${scope.namespace}_`));
}

function idOf(object: KubeObject, gvk: Gvk): ObjectId {
  const namespace = object.metadata['namespace'];
  return objectId({ ...gvk, namespace: typeof namespace === 'string' ? namespace : '', name: object.metadata.name });
}
