import { asFault, type JsonObject } from '../../src/model/index.ts';
import type { News, ReadData } from '../loop/env.ts';
import type { Loop } from '../loop/index.ts';
import { isCurrent, isGone } from './current.ts';
import { clusterData } from './data.ts';
import { claim, claimUnseen, release } from './finalizer.ts';
import type { Kept } from './keeper.ts';
import { keepAnswers, keptData } from './kept-data.ts';
import { FLUX_KINDS } from './kinds.ts';
import { firstLists } from './listing.ts';
import type { ClusterObjectsOptions, Parts } from './parts.ts';
import { createPublisher } from './publisher.ts';
import { createReach } from './reach.ts';
import { createRecorder } from './recorder.ts';
import { type Refusal, readObject, refusedStatus } from './refusal.ts';
import { restoreObjects } from './restore.ts';
import { createRival } from './rival.ts';
import { onEvent, takeAnew } from './seen.ts';
import type { Tracked } from './tracked.ts';
import { createTurns } from './turns.ts';

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
    signal: () => watching?.signal,
  };
  const begin = (now: string): void => {
    if (loop === undefined || uid === now || ended.signal.aborted) return;
    watching?.abort();
    for (const { kind } of FLUX_KINDS) loop.knows(kind, false);
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
      claim: (key, first) => {
        const unseen = first && !tracked.has(key) ? awaited.get(key) : undefined;
        return unseen !== undefined && unseen.clusterUid === uid ? claimUnseen(unseen, parts) : claim(key, parts);
      },
      isCurrent: (key) => isCurrent(key, parts),
      isGone: (key) => isGone(key, parts),
      released: (key) => release(key, parts),
      freed: (key) => void takeAnew(parts, key),
      ending: async () => {
        await Promise.all([publisher.stop(), recorder.stop()]);
      },
    },
    start: (started) => {
      loop = started;
      started.standBack('');
      for (const { kind } of FLUX_KINDS) started.knows(kind, false);
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
