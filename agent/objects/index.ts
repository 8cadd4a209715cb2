import { timestamp } from '../../src/flux/index.ts';
import { asFault, type FaultCode, type JsonObject, type KubeObject, textAt } from '../../src/model/index.ts';
import type { Clock, Cluster, Log, WatchEvent } from '../../src/ports/index.ts';
import { backoff } from '../../src/schedule/index.ts';
import type { News, ReadData } from '../loop/env.ts';
import type { Loop } from '../loop/index.ts';
import { clusterData } from './data.ts';
import { claim, release } from './finalizer.ts';
import type { Keeper, Kept } from './keeper.ts';
import { keepAnswers, keptData } from './kept-data.ts';
import { FLUX_KINDS, type FluxKind, keyOfRef, refOf } from './kinds.ts';
import { firstLists } from './listing.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { createReach, type Reach } from './reach.ts';
import { createRecorder } from './recorder.ts';
import { type Refusal, readObject, refusedStatus } from './refusal.ts';
import { restoreObjects } from './restore.ts';
import { createRival, type Rival } from './rival.ts';
import { isHeld, statusOf, type Tracked, track } from './tracked.ts';
import { createTurns } from './turns.ts';
import type { Vault } from './vault.ts';

/** Longest wait before an object is asked for again, milliseconds. */
const LONGEST_WAIT_MS = 60_000;

export interface ClusterObjectsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** Only of these namespaces; of all when empty. */
  readonly namespaces: readonly string[];
  /** Only objects with these labels; '' for all. Several agents may so share the work. */
  readonly labelSelector: string;
  readonly keeper: Keeper;
  /** Keeps what they name; undefined for not. */
  readonly vault?: Vault | undefined;
  /** The definitions of the Flux kinds, for a cluster that has lost them. */
  readonly definitions: () => Promise<readonly KubeObject[]>;
}

/** The Flux objects of the cluster's API: read by watch, told of by status and events. */
export interface ClusterObjects {
  readonly news: News;
  readonly readData: ReadData;
  /** Begins once the API server answers; hands objects to the loop. */
  start(loop: Loop): void;
  /** Drops from disk what no object names any more. */
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

interface Parts extends ClusterObjectsOptions {
  readonly tracked: Map<string, Tracked>;
  /** What stands in the way of reading an object. */
  readonly refused: Map<string, Refusal>;
  readonly publisher: Publisher;
  readonly reach: Reach;
  readonly rival: Rival;
  readonly loop: () => Loop | undefined;
  /** uid of the cluster that is watched; '' before. */
  readonly uid: () => string;
  /** Objects of the disk that this cluster has not shown yet. */
  readonly awaited: Map<string, Kept>;
}

export function clusterObjects(options: ClusterObjectsOptions): ClusterObjects {
  const tracked = new Map<string, Tracked>();
  const refused = new Map<string, Refusal>();
  const kept = { vault: options.vault, uid: () => uid };
  const data = clusterData({ ...options, saw: keepAnswers({ ...options, ...kept }) });
  const awaited = new Map<string, Kept>();
  const ended = new AbortController();
  let loop: Loop | undefined;
  let watching: AbortController | undefined;
  let uid = '';
  /** What an object of the disk names is not known. */
  let unread = false;
  const tell = (where: string, why: string): void => loop?.refuse(where, why);
  const speaks = (): boolean => loop?.leads() === true && rival.why() === undefined;
  const wanted = (key: string): JsonObject | undefined => {
    const refusal = refused.get(key);
    return refusal === undefined ? loop?.fluxStatus(key) : refusedStatus(refusal);
  };
  const reach = createReach({ ...options, tell });
  const turns = createTurns({ ...options, signal: ended.signal, loop: () => loop, onTurn: () => takeTurn(parts) });
  const rival = createRival({ ...options, onChange: turns });
  const publisher = createPublisher({ ...options, tracked, wanted, speaks });
  const recorder = createRecorder({ ...options, tracked, speaks });
  const parts: Parts = {
    ...options,
    tracked,
    refused,
    publisher,
    reach,
    rival,
    loop: () => loop,
    uid: () => uid,
    awaited,
  };
  const begin = (now: string): void => {
    if (loop === undefined || uid === now || ended.signal.aborted) return;
    watching?.abort();
    uid = now;
    watching = new AbortController();
    meet(parts);
    rival.begin(watching.signal);
    void reach.look(watching.signal).catch(() => undefined);
    const lost = [...awaited.values()].filter((one) => one.clusterUid !== uid);
    // A cluster that has lost its objects has no Flux at work that is known of yet.
    const restores = (): boolean => loop?.leads() === true && (rival.why() ?? '') === '';
    const named = (): ReadonlySet<string> | undefined => loop?.named('known');
    void restoreObjects(lost, { ...options, uid: now, named, speaks: restores, tell }, watching.signal).catch((error) =>
      options.log.error('Flux objects not put back', { error: asFault(error).message }),
    );
    watchAll(parts, loop, watching.signal);
    data.watch((ref) => loop?.dataChanged(ref), watching.signal);
  };
  return {
    readData: keptData({ ...kept, read: data.read }),
    news: {
      up: (now) => {
        begin(now);
        publisher.flush();
      },
      changed: (key) => {
        if (tracked.has(key)) publisher.changed(key);
      },
      event: (event) => recorder.event(event),
      claim: (key) => claim(key, parts),
      released: (key) => release(key, parts),
      freed: (key) => void takeAnew(parts, key, watching?.signal),
      ending: async () => {
        await Promise.all([publisher.stop(), recorder.stop()]);
      },
    },
    start: (started) => {
      loop = started;
      started.standBack('');
      for (const kept of options.keeper.load()) {
        const read = readObject(kept.object);
        unread ||= !('flux' in read);
        if ('flux' in read && started.put(read.flux, {}) === '') awaited.set(kept.key, kept);
      }
    },
    tidy: async () => {
      const named = loop?.named('all');
      if (named !== undefined && !unread) await options.vault?.trim(named);
    },
    stop: async () => {
      ended.abort();
      watching?.abort();
      await Promise.all([options.keeper.settle(), options.vault?.settle()]);
    },
  };
}

function watchAll(parts: Parts, loop: Loop, signal: AbortSignal): void {
  const { namespaces, labelSelector, cluster, log } = parts;
  const scopes = namespaces.length === 0 ? [''] : namespaces;
  const tell = firstLists({ ...parts, loop, namespaces: scopes }, signal);
  for (const kind of FLUX_KINDS)
    for (const namespace of scopes) {
      const stale = new Set<string>();
      const watch = cluster.watch(kind, {
        metadataOnly: false,
        signal,
        onEvent: (event) => {
          parts.reach.event(kind, namespace, event);
          onEvent(parts, { kind, namespace, stale }, event);
          tell(kind.kind, namespace, event);
        },
        ...(namespace === '' ? {} : { namespace }),
        ...(labelSelector === '' ? {} : { labelSelector }),
      });
      watch.catch((error: unknown) => log.error('watch ended', { kind: kind.kind, error: asFault(error).message }));
    }
}

/** Runs that ended while another agent might have been at work have claimed and told nothing. */
function takeTurn(parts: Parts): void {
  for (const key of parts.tracked.keys()) if (!parts.refused.has(key)) void claim(key, parts);
  parts.publisher.flush();
}

/** Another cluster answers: what was seen in the one before is on the disk, and awaited here. */
function meet({ tracked, refused, awaited, keeper }: Parts): void {
  if (tracked.size > 0) for (const kept of keeper.load()) if (tracked.has(kept.key)) awaited.set(kept.key, kept);
  tracked.clear();
  refused.clear();
}

interface Scope {
  readonly kind: FluxKind;
  readonly namespace: string;
  /** During a fresh list: what was known before and has not come again. */
  readonly stale: Set<string>;
}

function onEvent(parts: Parts, scope: Scope, event: WatchEvent): void {
  if (event.type === 'put') {
    scope.stale.delete(keyOfRef(refOf(scope.kind, event.object)));
    onPut(parts, scope.kind, event.object);
  } else if (event.type === 'delete') onGone(parts, keyOfRef(refOf(scope.kind, event.object)));
  else if (event.type === 'restart') {
    for (const [key, { ref }] of parts.tracked)
      if (ref.kind === scope.kind.kind && (scope.namespace === '' || ref.namespace === scope.namespace))
        scope.stale.add(key);
  } else if (event.type === 'synced') {
    const awaited = [...parts.awaited.values()].filter(
      (kept) => kept.object.kind === scope.kind.kind && isIn(kept, scope) && kept.clusterUid === parts.uid(),
    );
    const missing = [...scope.stale, ...awaited.map((kept) => kept.key)];
    scope.stale.clear();
    if (missing.length > 0) void confirmGone(parts, missing);
  } else parts.log.debug('watch interrupted', { kind: scope.kind.kind, error: event.message });
}

/** A list without an object may be that of another cluster: only this one's says that it is gone. */
async function confirmGone(parts: Parts, keys: readonly string[]): Promise<void> {
  const uid = parts.uid();
  try {
    const seen = new Map(keys.map((key) => [key, parts.tracked.get(key)]));
    const now = await parts.cluster.identity();
    if (now.uid !== uid || parts.uid() !== uid) return;
    for (const key of keys) if (parts.tracked.get(key) === seen.get(key)) onGone(parts, key);
  } catch (error) {
    parts.log.debug('not known whether objects are gone', { objects: keys.length, error: asFault(error).message });
  }
}

const isIn = ({ object }: Kept, { namespace }: Scope): boolean =>
  namespace === '' || textAt(object.metadata, 'namespace') === namespace;

function onPut(parts: Parts, kind: FluxKind, object: KubeObject): void {
  const ref = refOf(kind, object);
  const key = keyOfRef(ref);
  const before = parts.tracked.get(key);
  const now = track(ref, object, before);
  parts.tracked.set(key, now);
  parts.rival.saw(key, object);
  parts.awaited.delete(key);
  // Held by others only: what hung on it is settled.
  if (now.deleting && !isHeld(now)) return;
  if (before?.shape === now.shape && before.uid === now.uid) {
    if (before.status.digest !== now.status.digest) parts.publisher.changed(key);
    return;
  }
  const read = readObject(object);
  const why = 'flux' in read ? parts.loop()?.put(read.flux, statusOf(object)) : read.message;
  if (why === undefined || why === '') {
    parts.refused.delete(key);
    if (!now.deleting) parts.keeper.keep(key, object, parts.uid());
    if (before?.uid !== now.uid) greet(key, parts);
    return;
  }
  const code: FaultCode = 'flux' in read ? 'object-duplicate' : read.code;
  parts.refused.set(key, { code, message: why, generation: now.generation, at: timestamp(parts.clock.now()) });
  if (!('flux' in read)) parts.loop()?.refuse(key, why);
  // Nobody works for it, so nothing has to be settled when it goes.
  if (now.deleting) void release(key, parts).catch(() => undefined);
  else parts.publisher.changed(key);
}

/** The file that declared an object as well is gone: that of the cluster, which no watch tells of again, is taken up. */
async function takeAnew(parts: Parts, key: string, signal: AbortSignal | undefined): Promise<void> {
  const one = parts.tracked.get(key);
  if (one === undefined || signal === undefined) return;
  // What a watch shows meanwhile is taken up by that.
  one.shape = '';
  for (let failures = 1; !signal.aborted && parts.tracked.get(key) === one; failures++) {
    try {
      const object = await parts.cluster.read(one.ref, { signal });
      const kind = FLUX_KINDS.find((each) => each.kind === one.ref.kind);
      if (parts.tracked.get(key) !== one || kind === undefined) return;
      if (object === undefined) onGone(parts, key);
      else onPut(parts, kind, object);
      return;
    } catch (error) {
      parts.log.debug('not taken up yet', { object: key, error: asFault(error).message });
      await parts.clock.sleep(backoff(failures, LONGEST_WAIT_MS, key), signal).catch(() => undefined);
    }
  }
}

/** An object that is new here may be one that the loop knows from disk: nothing else would make it run. */
function greet(key: string, parts: Parts): void {
  if (parts.loop()?.leads() === true && parts.rival.why() === undefined) void claim(key, parts);
  parts.publisher.changed(key);
}

function onGone(parts: Parts, key: string): void {
  const before = parts.tracked.get(key);
  parts.tracked.delete(key);
  parts.rival.forget(key);
  parts.refused.delete(key);
  const known = parts.awaited.delete(key) || before !== undefined;
  if (!known) return;
  parts.keeper.forget(key);
  // An object of this name that is made anew, later, is another one.
  void parts
    .loop()
    ?.remove(key, before?.deleting === true)
    .catch((error: unknown) => parts.log.warn('state not removed', { object: key, error: asFault(error).message }));
}
