import { type Digest, type InventoryEntry, isObject, type Json, type JsonObject } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import type { DamageBook } from './damage.ts';
import { fileNameOf } from './names.ts';
import { digestOf, listOf, numberOf, stringOf } from './parse.ts';
import { keyedQueue, type StateFile, stateBases, stateFile } from './state.ts';

const FOLDER = 'kustomizations';
const INVENTORIES = 'inventories';

/** `namespace/name`. */
export type KustomizationKey = string;

/** A revision together with what it rendered to. */
export interface RenderPointer {
  readonly revision: string;
  /** What the source says this revision was made from; absent where it says nothing. */
  readonly origin?: string;
  /** Of the stored RenderedSet (`loadRender`). */
  readonly rendered: Digest;
  /** Of what was built, for the history; absent in what older agents wrote. */
  readonly built?: Digest;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
}

/** What the disk knows of one Kustomization, apart from its inventory and facts. */
export interface KustomizationRecord {
  readonly key: KustomizationKey;
  /** uid of the cluster (its kube-system namespace) that the pointers speak of; '' before any. */
  readonly clusterUid: string;
  /** Last one of which an apply was begun; '' before any. */
  readonly lastAttempted: string;
  /** Last one whose apply ran to its end. */
  readonly lastApplied: RenderPointer | undefined;
  /** Last one that was applied and healthy: what an offline site falls back to. */
  readonly lastGood: RenderPointer | undefined;
  /** What is being applied right now: its content is kept, so that a restart can go on with it. */
  readonly applying: RenderPointer | undefined;
  /** Owned by the report room; opaque here. */
  readonly status: JsonObject;
}

/** Everything that may be in a cluster on account of a Kustomization. */
export interface StoredInventory {
  readonly clusterUid: string;
  readonly entries: readonly InventoryEntry[];
}

export interface KustomizationStates {
  get(key: KustomizationKey): KustomizationRecord | undefined;
  /** Changes the given fields; writes nothing when they are so already. True when it wrote. */
  update(key: KustomizationKey, change: Partial<Omit<KustomizationRecord, 'key'>>): Promise<boolean>;
  inventory(key: KustomizationKey): StoredInventory | undefined;
  /** Durable on return, to be called before the first object is applied. Writes nothing when equal. True when it wrote. */
  putInventory(key: KustomizationKey, inventory: StoredInventory): Promise<boolean>;
  remove(key: KustomizationKey): Promise<void>;
  all(): readonly KustomizationRecord[];
  /** Every render that a record names; with `twins` also the version of each record before the last write. */
  named(twins: boolean): readonly Digest[];
  /** Keys that have an inventory, a record, or both. */
  keys(): readonly KustomizationKey[];
  /** True when a record exists that cannot be read. */
  lost(): boolean;
}

export interface KustomizationOptions {
  readonly disk: Disk;
  readonly damage: DamageBook;
  /** Called when a pointer has been written. */
  readonly pointed: (rendered: Digest) => void;
}

/** The records of Kustomizations, `kustomizations/<namespace>_<name>` and `inventories/<namespace>_<name>`. */
export function kustomizationStates(options: KustomizationOptions): KustomizationStates {
  const { disk, damage } = options;
  const queue = keyedQueue();
  const recordAt = (base: string): StateFile<KustomizationRecord> =>
    stateFile({ disk, damage, base, parse: parseRecord });
  const inventoryAt = (base: string): StateFile<KeyedInventory> =>
    stateFile({ disk, damage, base, parse: parseInventory });
  const recordOf = (key: string): StateFile<KustomizationRecord> =>
    recordAt(`${FOLDER}/${fileNameOf(...key.split('/'))}`);
  const inventoryOf = (key: string): StateFile<KeyedInventory> =>
    inventoryAt(`${INVENTORIES}/${fileNameOf(...key.split('/'))}`);
  const get = (key: string): KustomizationRecord | undefined => {
    const found = recordOf(key).load().value;
    return found?.key === key ? found : undefined;
  };
  const all = (): readonly KustomizationRecord[] =>
    stateBases(disk, FOLDER).flatMap((base) => recordAt(base).load().value ?? []);
  return {
    get,
    update: (key, change) =>
      queue(key, async () => {
        const record: KustomizationRecord = { ...(get(key) ?? emptyRecord(key)), ...change, key };
        const wrote = await recordOf(key).save(encodeRecord(record));
        for (const pointer of [change.lastApplied, change.lastGood, change.applying])
          if (pointer !== undefined) options.pointed(pointer.rendered);
        return wrote;
      }),
    inventory: (key) => {
      const found = inventoryOf(key).load().value;
      return found?.key === key ? { clusterUid: found.clusterUid, entries: found.entries } : undefined;
    },
    putInventory: (key, { clusterUid, entries }) =>
      queue(`${key} inventory`, () =>
        inventoryOf(key).save({ key, clusterUid, entries: entries.map((entry) => [entry.id, entry.v]) }),
      ),
    remove: (key) =>
      queue(key, async () => {
        await recordOf(key).remove();
        await inventoryOf(key).remove();
      }),
    all,
    named: (twins) =>
      stateBases(disk, FOLDER)
        .flatMap((base) => (twins ? recordAt(base).versions() : recordAt(base).versions().slice(0, 1)))
        .flatMap((record) => [record.lastApplied, record.lastGood, record.applying])
        .flatMap((pointer) => pointer?.rendered ?? []),
    keys: () => {
      const inventories = stateBases(disk, INVENTORIES).flatMap((base) => inventoryAt(base).load().value ?? []);
      return [...new Set([...all(), ...inventories].map((one) => one.key))].sort();
    },
    lost: () => stateBases(disk, FOLDER).some((base) => recordAt(base).load().lost),
  };
}

interface KeyedInventory extends StoredInventory {
  readonly key: KustomizationKey;
}

function emptyRecord(key: KustomizationKey): KustomizationRecord {
  const none = { lastApplied: undefined, lastGood: undefined, applying: undefined };
  return { key, clusterUid: '', lastAttempted: '', ...none, status: {} };
}

function encodeRecord(record: KustomizationRecord): JsonObject {
  return {
    key: record.key,
    clusterUid: record.clusterUid,
    lastAttempted: record.lastAttempted,
    lastApplied: encodePointer(record.lastApplied),
    lastGood: encodePointer(record.lastGood),
    applying: encodePointer(record.applying),
    status: record.status,
  };
}

function encodePointer(pointer: RenderPointer | undefined): Json {
  if (pointer === undefined) return null;
  const { revision, rendered, at } = pointer;
  return { revision, rendered, at, ...known(pointer) };
}

type Found = { readonly [Key in 'built' | 'origin']?: RenderPointer[Key] | undefined };

/** What of a pointer may be missing, without keys for what is. */
function known({ built, origin }: Found): Pick<RenderPointer, 'built' | 'origin'> {
  return { ...(built === undefined ? {} : { built }), ...(origin === undefined ? {} : { origin }) };
}

function parseRecord(data: JsonObject): KustomizationRecord | undefined {
  const [key, clusterUid, lastAttempted] = ['key', 'clusterUid', 'lastAttempted'].map((name) => stringOf(data, name));
  const pointers = ['lastApplied', 'lastGood', 'applying'].map((name) => parsePointer(data[name] ?? null));
  const status = data['status'];
  if (key === undefined || clusterUid === undefined || lastAttempted === undefined) return undefined;
  if (pointers.includes('bad') || !isObject(status)) return undefined;
  const [lastApplied, lastGood, applying] = pointers.map((one) => (one === 'bad' ? undefined : one));
  return { key, clusterUid, lastAttempted, lastApplied, lastGood, applying, status };
}

function parsePointer(value: Json): RenderPointer | undefined | 'bad' {
  if (value === null) return undefined;
  if (!isObject(value)) return 'bad';
  const revision = stringOf(value, 'revision');
  const rendered = digestOf(value, 'rendered');
  const at = numberOf(value, 'at');
  if (revision === undefined || rendered === undefined || at === undefined) return 'bad';
  const [built, origin] = [digestOf(value, 'built'), stringOf(value, 'origin')];
  return { revision, rendered, at, ...known({ built, origin }) };
}

function parseInventory(data: JsonObject): KeyedInventory | undefined {
  const key = stringOf(data, 'key');
  const clusterUid = stringOf(data, 'clusterUid');
  const entries = listOf(data, 'entries', (item) => {
    if (!Array.isArray(item)) return undefined;
    const [id, v] = item as readonly Json[];
    return typeof id === 'string' && typeof v === 'string' ? { id, v } : undefined;
  });
  return key === undefined || clusterUid === undefined || entries === undefined
    ? undefined
    : { key, clusterUid, entries };
}
