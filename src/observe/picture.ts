import { BUILT_IN } from '../health/index.ts';
import {
  type Gvk,
  type Health,
  isOlder,
  type KubeObject,
  type ObjectId,
  objectId,
  type SeenObject,
} from '../model/index.ts';
import type { Cluster, Log } from '../ports/index.ts';

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

/** One watch: of the whole cluster (''), or of a namespace. */
export interface Scope {
  readonly namespace: string;
  readonly stop: AbortController;
  synced: boolean;
  /** While a fresh list is read. */
  list: Listing | undefined;
}

/** What a list that is being read has not shown. */
interface Listing {
  readonly unseen: Set<ObjectId>;
  /** Of those, what an own apply answered meanwhile: it may be newer than the list. */
  readonly noted: Set<ObjectId>;
  /** What was known before is no measure: the datastore was put back. */
  readonly anew: boolean;
}

/** The watches of one kind. */
export interface KindWatch {
  readonly gvk: Gvk;
  readonly namespaces: Set<string>;
  readonly scopes: Map<string, Scope>;
  /** The whole cluster may not be watched. */
  narrow: boolean;
}

type Version = Pick<SeenObject, 'uid' | 'resourceVersion'>;

/** What the watches, and the answers of own applies, have shown. */
export interface Picture {
  readonly ports: PicturePorts;
  readonly seen: Map<ObjectId, SeenObject>;
  readonly verdicts: Map<ObjectId, Health>;
  /** Each owner's name once. */
  readonly owners: Map<string, string>;
  /** As which an object went, of the last ones that did. */
  readonly gone: Map<ObjectId, Version>;
}

type PicturePorts = Pick<ObserverPorts, 'seenOf' | 'judge' | 'onChange'>;

export function newPicture(ports: PicturePorts): Picture {
  return { ports, seen: new Map(), verdicts: new Map(), owners: new Map(), gone: new Map() };
}

export function forget({ seen, verdicts }: Picture, id: ObjectId): void {
  seen.delete(id);
  verdicts.delete(id);
}

export function clear({ seen, verdicts, owners, gone }: Picture): void {
  for (const map of [seen, verdicts, owners, gone]) map.clear();
}

/** So many deletions are remembered, for answers of applies that were sent before them and come after them. */
const KEPT_GONE = 256;

/**
 * What an own apply answered. A watch may have been quicker to tell of what was done to the object since then: that is
 * not unlearned, and whoever applied it hears of it now that it can be compared.
 */
export function note(picture: Picture, id: ObjectId, answer: Answered): void {
  const { seen, verdicts, ports, owners, gone } = picture;
  const { now, verdict, watches } = answer;
  const before = seen.get(id);
  if (isOutdated(now, before ?? gone.get(id))) {
    ports.onChange({ id, owner: now.owner, type: before === undefined ? 'delete' : 'put' });
    return;
  }
  for (const { gvk, scopes } of watches)
    for (const scope of scopes.values())
      if (scope.list !== undefined && isIn(gvk, scope)(id)) noteListing(scope.list, id, before !== undefined);
  seen.set(id, kept(now, before, owners));
  if (verdict !== undefined) verdicts.set(id, verdict);
}

/** What came of an own apply. */
interface Answered {
  readonly now: SeenObject;
  readonly verdict: Health | undefined;
  /** Those that may be reading a list meanwhile. */
  readonly watches: Iterable<Pick<KindWatch, 'gvk' | 'scopes'>>;
}

/** The same object is known as it was later. */
const isOutdated = (now: Version, known: Version | undefined): boolean =>
  known?.uid === now.uid && isOlder(known.resourceVersion, now.resourceVersion);

/** What the list has put already needs no second look. */
function noteListing({ unseen, noted }: Listing, id: ObjectId, known: boolean): void {
  if (known && !unseen.has(id)) return;
  unseen.add(id);
  noted.add(id);
}

/** A fresh list begins: what it does not put is gone. */
export function beginList({ seen }: Picture, gvk: Gvk, scope: Scope, anew: boolean): void {
  scope.list = { unseen: new Set([...seen.keys()].filter(isIn(gvk, scope))), noted: new Set(), anew };
}

/** What a list has not shown is gone; but what an own apply answered meanwhile only where the list is newer. */
export function endList(picture: Picture, scope: Scope, version: string): void {
  const { list } = scope;
  scope.list = undefined;
  if (list === undefined) return;
  const { unseen, noted } = list;
  for (const id of unseen)
    if (!noted.has(id) || isOlder(version, picture.seen.get(id)?.resourceVersion ?? '')) drop(picture, id);
}

/** Deleted, or its owner label was. */
export function remove(picture: Picture, object: KubeObject, gvk: Gvk): void {
  const id = idOf(object, gvk);
  const { gone } = picture;
  const { uid, resourceVersion } = picture.ports.seenOf(object.metadata);
  gone.delete(id);
  gone.set(id, { uid, resourceVersion });
  const [oldest] = gone.keys();
  if (oldest !== undefined && gone.size > KEPT_GONE) gone.delete(oldest);
  drop(picture, id);
}

function drop({ seen, verdicts, ports }: Picture, id: ObjectId): void {
  const before = seen.get(id);
  seen.delete(id);
  verdicts.delete(id);
  ports.onChange({ id, owner: before?.owner ?? '', type: 'delete', held: before?.deleting === true });
}

export function put(
  { seen, verdicts, ports, owners, gone }: Picture,
  object: KubeObject,
  gvk: Gvk,
  scope: Scope,
): void {
  const id = idOf(object, gvk);
  const next = ports.seenOf(object.metadata);
  scope.list?.unseen.delete(id);
  gone.delete(id);
  const before = seen.get(id);
  if (scope.list?.anew !== true && isOutdated(next, before)) return;
  if (before?.resourceVersion !== next.resourceVersion || before.uid !== next.uid)
    seen.set(id, kept(next, before, owners));
  const verdict = judged(ports, object, gvk, next.owner);
  const was = verdicts.get(id)?.status;
  if (verdict === undefined) verdicts.delete(id);
  else verdicts.set(id, verdict);
  if (before?.resourceVersion !== next.resourceVersion || was !== verdict?.status)
    ports.onChange({ id, owner: next.owner, type: 'put' });
}

function judged(ports: PicturePorts, object: KubeObject, gvk: Gvk, owner: string): Health | undefined {
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
