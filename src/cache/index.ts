import { DEFAULT_LIMITS, type Digest, type Limits, type RenderedSet, type SourceRevision } from '../model/index.ts';
import type { ContentStore, Disk, Log, Partials } from '../ports/index.ts';
import { type AgentState, agentState } from './agent-state.ts';
import { collector, type GcResult } from './collect.ts';
import { type Damage, damageBook } from './damage.ts';
import { type DeclaredStates, declaredStates } from './declared.ts';
import { type FactsLog, factsLog, type LogState } from './facts.ts';
import { type KustomizationKey, type KustomizationStates, kustomizationStates } from './kustomizations.ts';
import { openPacks } from './packs.ts';
import { openPartials } from './partials.ts';
import { partStates } from './parts.ts';
import { proveRevision } from './prove.ts';
import { type Bodies, loadRender, renderWriter } from './renders.ts';
import { type SourceStates, sourceStates } from './sources.ts';
import { keyedQueue } from './state.ts';
import { contentStore } from './store.ts';

export type { AgentRecord, AgentState } from './agent-state.ts';
export type { GcResult } from './collect.ts';
export type { Damage } from './damage.ts';
export type { DeclaredRecord, DeclaredStates } from './declared.ts';
export type { FactChange, FactsLog } from './facts.ts';
export type {
  KustomizationKey,
  KustomizationRecord,
  KustomizationStates,
  RenderPointer,
  StoredInventory,
} from './kustomizations.ts';
export type { Bodies } from './renders.ts';
export type { Fetched, SourceRecord, SourceStates } from './sources.ts';

/** Everything that survives: content by digest, and small records that point into it. */
export interface Cache {
  readonly store: ContentStore;
  /** What has come of transfers that were cut. */
  readonly partials: Partials;
  readonly sources: SourceStates;
  readonly kustomizations: KustomizationStates;
  readonly agent: AgentState;
  readonly declared: DeclaredStates;
  /** Secrets and ConfigMaps of a cluster that its Flux objects name, sealed, for a cluster that lost them. */
  readonly secrets: DeclaredStates;
  facts(key: KustomizationKey): FactsLog;
  /** Stores a render, durable on return; answers what a RenderPointer names. */
  storeRender(set: RenderedSet, bodies: Bodies, beside?: readonly Uint8Array[]): Promise<Digest>;
  /** Fault `cache-damaged` when it is not whole. The objects' JSON is in `store`. */
  loadRender(digest: Digest): RenderedSet;
  /** Frees what no pointer names. Does nothing while a writer is open. */
  gc(): Promise<GcResult>;
  /** True when enough has changed since the last `gc` for it to be worth its reads. */
  gcDue(): boolean;
  /** Reads and verifies everything that a pointer reaches. */
  verify(): Promise<Verified>;
  /** What is known to be damaged and not healed yet. */
  damage(): readonly Damage[];
  usage(): Usage;
  /** Drops from memory what can be read again. */
  rest(): void;
  /**
   * For a process that writes content beside this one: sets pack numbers aside, to be given to its `firstPack`. While
   * it works, `hold` this cache until a pointer names what it wrote or found.
   */
  reserve(packs: number): number;
  /** What another process has written becomes readable; it is kept until a pointer names it, or for two collections. */
  rescan(): void;
  /** Frees nothing from when it resolves until the answer is called. */
  hold(): Promise<() => void>;
  /**
   * Makes room for a writer in another process, which can't itself: collects garbage, then gives up previous revisions.
   * False when there is still not room for so many bytes, or while something is held or written.
   */
  relieve(bytes: number): Promise<boolean>;
}

export interface Verified {
  readonly contents: number;
  readonly bytes: number;
  readonly missing: number;
  readonly damage: readonly Damage[];
}

export interface Usage {
  readonly packs: number;
  /** Bytes of all packs. */
  readonly bytes: number;
  /** `limits.cacheBytes`. */
  readonly limit: number;
  /** Bytes free on the disk, or undefined where unknown. */
  readonly free: number | undefined;
}

export interface CacheOptions {
  readonly disk: Disk;
  readonly limits: Pick<Limits, 'cacheBytes' | 'cacheRevisions'> &
    Partial<Pick<Limits, 'keptParts' | 'partialBytes' | 'partialMs'>>;
  readonly log?: Log;
  /** Number of the first pack to write, set aside by `reserve` of the process that owns the folder. */
  readonly firstPack?: number;
  /** Contents that another process has found damaged: they are read once now, so that damage is known here too. */
  readonly suspects?: readonly Digest[];
  /** Lets other work run (setImmediate in the agent); long walks call it often. */
  readonly pause?: () => Promise<void>;
}

/**
 * Opens the cache of a stateDir: lists the packs and reads nothing else. The agent takes `disk.lock()` and runs
 * `disk.sweep()` before; commands that only read need neither.
 */
export function openCache(options: CacheOptions): Cache {
  const { disk, limits } = options;
  const pause = options.pause ?? (async () => undefined);
  const damage = damageBook(options.log);
  const packs = openPacks(disk, damage, options.firstPack);
  for (const digest of options.suspects ?? []) {
    const found = packs.find(digest);
    if (found !== undefined) packs.readCopy(found, digest);
  }
  const facts = new Map<string, LogState>();
  const queue = keyedQueue();
  const pointed = (digest: Digest): void => gc.pointed(digest);
  const prove = (revision: SourceRevision, before: SourceRevision | undefined): Promise<void> =>
    proveRevision({ store, pause }, revision, before);
  const parts = partStates({ disk, damage, most: limits.keptParts ?? DEFAULT_LIMITS.keptParts });
  const { named } = parts;
  const sources = sourceStates({ disk, damage, keep: limits.cacheRevisions, prove, pointed, named });
  const kustomizations = kustomizationStates({ disk, damage, pointed });
  const agent = agentState(disk, damage);
  const gc = collector({
    disk,
    packs,
    limits,
    sources,
    kustomizations,
    parts,
    pause,
    log: options.log,
    owner: options.firstPack === undefined,
  });
  const store = contentStore(packs, { disk, packs, damage, ...gc.room }, { begin: gc.begin, parts });
  return {
    store,
    partials: openPartials(disk, { ...DEFAULT_LIMITS, ...limits }),
    sources,
    kustomizations,
    agent,
    declared: declaredStates({ disk, damage, folder: 'declared' }),
    secrets: declaredStates({ disk, damage, folder: 'secrets' }),
    facts: (key) => factsLog(disk, queue, facts, key),
    storeRender: renderWriter(store),
    loadRender: (digest) => loadRender(store, digest),
    gc: gc.collect,
    gcDue: gc.due,
    verify: async () => {
      agent.get();
      kustomizations.keys();
      const { contents, bytes, missing } = await gc.walk();
      return { contents, bytes, missing, damage: damage.list() };
    },
    damage: () => damage.list(),
    usage: () => ({ packs: packs.all().length, bytes: packs.bytes(), limit: limits.cacheBytes, free: disk.free() }),
    rest: () => packs.rest(),
    reserve: (count) => packs.reserve(count),
    rescan: () => packs.rescan(),
    hold: gc.hold,
    relieve: gc.relieve,
  };
}
