import {
  type Digest,
  Fault,
  fromJson,
  isDigest,
  isObject,
  type Json,
  type JsonObject,
  type RenderedObject,
  type RenderedSet,
  type SsaMode,
  toJson,
} from '../model/index.ts';
import { KIND } from './pack.ts';
import { listOf, numberOf, stringOf } from './parse.ts';
import type { KindStore } from './store.ts';
import type { KindWriter } from './writer.ts';

const FORMAT = 'holdfast-render/1';
const SSA_MODES: readonly SsaMode[] = ['Override', 'Merge', 'IfNotPresent', 'Ignore'];
const RECONCILE = 1;
const FORCE = 2;
const PRUNE = 4;

/** Finds the JSON of a rendered object by its digest. */
export type Bodies = (digest: Digest) => Uint8Array | undefined;

/** A render to be stored. */
interface Wanted {
  readonly set: RenderedSet;
  readonly bodies: Bodies;
  readonly beside: readonly Uint8Array[];
}

interface Waiting extends Wanted {
  readonly resolve: (digest: Digest) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores renders: the JSON of objects that are not there already, then the manifest. Durable on return. `bodies` is asked
 * only for what the store lacks; what it does not know is Fault `internal`. `beside` are contents that belong to it. What
 * comes while others are written goes together into the next pack: one wait for the disk, one file for all.
 */
export function renderWriter(
  store: Pick<KindStore, 'writer'>,
): (set: RenderedSet, bodies: Bodies, beside?: readonly Uint8Array[]) => Promise<Digest> {
  const open: Waiting[] = [];
  let writing = false;
  const work = async (): Promise<void> => {
    writing = true;
    for (let jobs = open.splice(0); jobs.length > 0; jobs = open.splice(0)) await writeTogether(store, jobs);
    writing = false;
  };
  return (set, bodies, beside = []) =>
    new Promise((resolve, reject) => {
      open.push({ set, bodies, beside, resolve, reject });
      if (!writing) void work();
    });
}

/** One that fails must not fail the others: then each goes alone. */
async function writeTogether(store: Pick<KindStore, 'writer'>, jobs: readonly Waiting[]): Promise<void> {
  try {
    const digests = await write(store, jobs);
    for (const [i, job] of jobs.entries()) job.resolve(digests[i] as Digest);
  } catch (error) {
    if (jobs.length === 1) jobs[0]?.reject(error);
    else for (const job of jobs) await writeTogether(store, [job]);
  }
}

async function write(store: Pick<KindStore, 'writer'>, jobs: readonly Wanted[]): Promise<readonly Digest[]> {
  const writer = await store.writer();
  try {
    const digests: Digest[] = [];
    for (const job of jobs) digests.push(await put(writer, job));
    await writer.commit();
    return digests;
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function put(writer: KindWriter, { set, bodies, beside }: Wanted): Promise<Digest> {
  for (const object of set.objects) {
    if (writer.has(object.digest)) continue;
    const body = bodies(object.digest);
    if (body === undefined || writer.put(body) !== object.digest)
      throw new Fault('internal', `the JSON of ${object.id} is not what its digest says`);
    if (body.length > DRAIN_BYTES) await writer.drain();
  }
  for (const bytes of beside) writer.put(bytes);
  return writer.putKind(Buffer.from(encodeRender(set)), KIND.render);
}

const DRAIN_BYTES = 256 * 1024;

/** Reads a stored render back. Fault `cache-damaged` when it is not whole. */
export function loadRender(store: Pick<KindStore, 'get'>, digest: Digest): RenderedSet {
  const set = decodeRender(store.get(digest));
  if (set === undefined) throw new Fault('cache-damaged', `${digest} is not a stored render`);
  return set;
}

/** The digests that a stored render names, or undefined when the bytes are not one. */
export function renderedDigests(bytes: Uint8Array): readonly Digest[] | undefined {
  return decodeRender(bytes)?.objects.map((object) => object.digest);
}

function encodeRender(set: RenderedSet): string {
  const index = new Map(set.objects.map((object, i) => [object.id, i]));
  const objects = set.objects.map((one): Json => {
    const { ref, settings } = one;
    const flags = (settings.reconcile ? RECONCILE : 0) | (settings.force ? FORCE : 0) | (settings.prune ? PRUNE : 0);
    // What an object needs is nearly always in the same render: its position is shorter than its id.
    const needs = one.needs.map((id): Json => index.get(id) ?? id);
    const names = [ref.group, ref.version, ref.kind, ref.namespace, ref.name];
    return [one.id, names, one.digest.slice(7), one.size, one.origin, SSA_MODES.indexOf(settings.ssa), flags, needs];
  });
  return toJson({ format: FORMAT, objects });
}

function decodeRender(bytes: Uint8Array): RenderedSet | undefined {
  let data: Json;
  try {
    data = fromJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(data) || stringOf(data, 'format') !== FORMAT) return undefined;
  const ids = listOf(data, 'objects', (item) => (Array.isArray(item) ? (item as readonly Json[])[0] : undefined));
  const shared: Shared = { texts: new Map(), settings: new Map() };
  const objects = ids === undefined ? undefined : listOf(data, 'objects', (item) => decodeObject(item, ids, shared));
  return objects === undefined ? undefined : { objects };
}

/** What many objects of a render have in common is kept once. */
interface Shared {
  readonly texts: Map<string, string>;
  readonly settings: Map<string, RenderedObject['settings']>;
}

const NO_NEEDS: readonly string[] = [];

function decodeObject(item: Json, ids: readonly Json[], shared: Shared): RenderedObject | undefined {
  if (!Array.isArray(item)) return undefined;
  const [id, names, hex, size, origin, ssaIndex, flags, needs] = item as readonly Json[];
  const row: JsonObject = { names: names ?? null, needs: needs ?? null, size: size ?? null };
  const text = listOf(row, 'names', (name) => (typeof name === 'string' ? name : undefined));
  const needed = listOf(row, 'needs', (need) => {
    const found = typeof need === 'number' ? ids[need] : need;
    return typeof found === 'string' ? found : undefined;
  });
  const digest = `sha256:${String(hex)}`;
  const ssa = typeof ssaIndex === 'number' ? SSA_MODES[ssaIndex] : undefined;
  const bytes = numberOf(row, 'size');
  if (typeof id !== 'string' || typeof origin !== 'string' || typeof flags !== 'number' || bytes === undefined)
    return undefined;
  if (text?.length !== 5 || needed === undefined || ssa === undefined || !isDigest(digest)) return undefined;
  const once = (one: string): string => onceOf(one, shared.texts);
  const [group = '', version = '', kind = '', namespace = '', name = ''] = text;
  const ref = { group: once(group), version: once(version), kind: once(kind), namespace: once(namespace), name };
  const settings = settingsOf(ssa, flags, shared);
  return { id, ref, digest, size: bytes, origin, settings, needs: needed.length === 0 ? NO_NEEDS : needed };
}

function onceOf(text: string, texts: Map<string, string>): string {
  const known = texts.get(text);
  if (known === undefined) texts.set(text, text);
  return known ?? text;
}

function settingsOf(ssa: SsaMode, flags: number, { settings }: Shared): RenderedObject['settings'] {
  const key = `${ssa} ${flags}`;
  const known = settings.get(key);
  if (known !== undefined) return known;
  const fresh = {
    reconcile: (flags & RECONCILE) !== 0,
    ssa,
    force: (flags & FORCE) !== 0,
    prune: (flags & PRUNE) !== 0,
  };
  settings.set(key, fresh);
  return fresh;
}
