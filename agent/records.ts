import { setTimeout as pause } from 'node:timers/promises';
import type { Cache, FactChange, KustomizationRecord as Stored } from '../src/cache/index.ts';
import {
  type AppliedFact,
  type ArtifactNote,
  type Condition,
  type InventoryEntry,
  type JsonObject,
  NO_TRAFFIC,
  type ObjectId,
} from '../src/model/index.ts';
import type { Log } from '../src/ports/index.ts';
import type { HistoryEntry } from '../src/report/index.ts';
import { type Background, createBackground } from './background.ts';
import type { FactJournal, KustomizationRecord, Records, SourceRecord } from './loop/env.ts';

/** Facts are written together that come within so many milliseconds. */
const FLUSH_MS = 50;

/** The loop's durable side on the cache. What was read or written once is kept in memory; all of it is small. */
export function createRecords(cache: Cache, log: Log): Records & { readonly settle: () => Promise<void> } {
  const sources = new Map<string, SourceRecord | undefined>();
  const artifacts = new Map<string, readonly ArtifactNote[]>();
  const writing = createBackground(log, 'facts not written; they are found out again');
  const source = (key: string): SourceRecord | undefined => {
    if (!sources.has(key)) {
      const stored = cache.sources.get(key);
      sources.set(
        key,
        stored === undefined
          ? undefined
          : { current: stored.current, fetchedAt: stored.fetchedAt, identity: stored.request },
      );
    }
    return sources.get(key);
  };
  return {
    source,
    admit: async (key, record, count) => {
      await cache.sources.admit(key, record.current, {
        at: record.fetchedAt,
        request: record.identity,
        count,
      });
      sources.set(key, record);
    },
    confirmed: async (key, at, count) => {
      const record = source(key);
      if (record === undefined) return;
      sources.set(key, { ...record, fetchedAt: at });
      await cache.sources.checked(key, { at, request: record.identity, count });
    },
    spent: (key, at, count) => cache.sources.spent(key, { at, count }),
    traffic: (key) => cache.sources.get(key)?.total ?? NO_TRAFFIC,
    artifacts: (key) => {
      const found = artifacts.get(key) ?? cache.sources.get(key)?.artifacts ?? [];
      artifacts.set(key, found);
      return found;
    },
    noteArtifacts: async (key, notes) => {
      artifacts.set(key, notes);
      await cache.sources.noteArtifacts(key, notes);
    },
    allArtifacts: () => artifacts,
    kustomization: (key) => readKustomization(cache, nameOf(key)),
    writeKustomization: (key, record) => writeKustomization(cache, nameOf(key), record),
    forget: async (key) => {
      sources.delete(key);
      artifacts.delete(key);
      if (!key.startsWith('Kustomization/')) return cache.sources.remove(key);
      await cache.kustomizations.remove(nameOf(key));
      await cache.facts(nameOf(key)).clear();
    },
    facts: (key, uid) => journal(cache, { name: nameOf(key), uid }, writing),
    loadRender: (digest) => cache.loadRender(digest),
    has: (digest) => cache.store.has(digest),
    body: (digest) => cache.store.get(digest),
    lastCluster: () => cache.agent.get().clusterUid,
    setLastCluster: async (clusterUid) => {
      await cache.agent.update({ clusterUid });
    },
    wallFloor: () => cache.agent.get().wallFloor,
    acceptWall: async (wallFloor) => {
      await cache.agent.acceptWall(wallFloor);
    },
    hold: () => cache.hold(),
    tidy: async () => {
      if (cache.gcDue()) await cache.gc();
      cache.rest();
    },
    usage: () => {
      const { bytes, free } = cache.usage();
      return { bytes, free, damaged: cache.damage().map((one) => `${one.file}: ${one.message}`) };
    },
    settle: async () => {
      await writing.settle();
      await cache.sources.settle();
    },
  };
}

const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1);

function readKustomization(cache: Cache, name: string): KustomizationRecord | undefined {
  const stored: Stored | undefined = cache.kustomizations.get(name);
  const inventory = cache.kustomizations.inventory(name);
  if (stored === undefined && inventory === undefined) return undefined;
  const status = stored?.status ?? {};
  const target = stored?.applying ?? stored?.lastApplied;
  return {
    attempted: stored?.lastAttempted ?? '',
    ...(target === undefined ? {} : { target }),
    ...(stored?.lastGood === undefined ? {} : { good: stored.lastGood }),
    renderKey: typeof status['renderKey'] === 'string' ? status['renderKey'] : '',
    memo: typeof status['memo'] === 'string' ? status['memo'] : '',
    inventory: inventory?.entries ?? [],
    clusterUid: inventory?.clusterUid ?? '',
    conditions: Array.isArray(status['conditions']) ? (status['conditions'] as unknown as readonly Condition[]) : [],
    handledRequest: typeof status['handledRequest'] === 'string' ? status['handledRequest'] : '',
    observedGeneration: typeof status['observedGeneration'] === 'number' ? status['observedGeneration'] : -1,
    history: Array.isArray(status['history']) ? (status['history'] as unknown as readonly HistoryEntry[]) : [],
    takenOver: typeof status['takenOver'] === 'string' ? status['takenOver'] : '',
    account: typeof status['account'] === 'string' ? status['account'] : '',
  };
}

async function writeKustomization(cache: Cache, name: string, record: KustomizationRecord): Promise<void> {
  const { renderKey, handledRequest, memo, observedGeneration, takenOver, account } = record;
  const status: JsonObject = {
    renderKey,
    handledRequest,
    memo,
    observedGeneration,
    takenOver,
    history: record.history.map((one) => ({ ...one, metadata: { ...one.metadata } })),
    ...(account === '' ? {} : { account }),
    conditions: record.conditions.map((one) => ({ ...one })),
  };
  const entries: readonly InventoryEntry[] = record.inventory;
  // The inventory goes first: what may be in the cluster is never less than what it says.
  if (record.clusterUid !== '')
    await cache.kustomizations.putInventory(name, { clusterUid: record.clusterUid, entries });
  await cache.kustomizations.update(name, {
    clusterUid: record.clusterUid,
    lastAttempted: record.attempted,
    applying: record.target,
    lastApplied: record.target,
    lastGood: record.good,
    status,
  });
}

/** Facts in memory, with a log behind that is written in the background: losing its end only means applying again. */
function journal(cache: Cache, of: { readonly name: string; readonly uid: string }, writing: Background): FactJournal {
  const log = cache.facts(of.name);
  const map = new Map<ObjectId, AppliedFact>(log.load(of.uid));
  let open: FactChange[] = [];
  const note = (change: FactChange): void => {
    open.push(change);
    if (open.length > 1) return;
    writing.add(
      pause(FLUSH_MS).then(() => {
        const changes = open;
        open = [];
        return log.record(of.uid, changes);
      }),
    );
  };
  return {
    map,
    set: (id, fact) => {
      map.set(id, fact);
      note([id, fact]);
    },
    remove: (id) => {
      if (map.delete(id)) note([id, undefined]);
    },
  };
}
