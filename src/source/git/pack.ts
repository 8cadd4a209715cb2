import { Fault, type Limits } from '../../model/index.ts';
import { applyDelta } from './delta.ts';
import { type ObjectType, objectId } from './objects.ts';
import { createPackIndex, type PackIndex } from './pack-index.ts';
import { createPackInput, type PackInput } from './pack-input.ts';

/** Where the objects of a pack go, and where the bases come from that it leans on. */
export interface ObjectShelf {
  /** Takes a checked object. */
  add(type: ObjectType, oid: string, bytes: Buffer): void;
  /** An object taken before, or one that was here before the pack; undefined when there is none. */
  get(oid: string): { readonly type: ObjectType; readonly bytes: Uint8Array } | undefined;
  /** Called between objects: waits for disk when much is buffered, else undefined. */
  rest(): Promise<void> | undefined;
}

interface Reading {
  readonly index: PackIndex;
  readonly shelf: ObjectShelf;
  readonly limits: Limits;
  /** Deltas whose base is not there yet, by slot or oid of the base. */
  readonly waiting: Map<number | string, Waiting[]>;
  heldBytes: number;
  madeBytes: number;
}

interface Waiting {
  readonly slot: number;
  readonly delta: Buffer;
}

interface Base {
  readonly type: ObjectType;
  readonly bytes: Uint8Array;
  readonly depth: number;
}

const NAMES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };
const OFS_DELTA = 6;
const REF_DELTA = 7;
/** More than any object's head: type and size, then a distance or an id. */
const OBJECT_HEAD = 48;

/**
 * Reads a pack as it arrives (gitformat-pack, version 2), thin ones too. Each object is named by its own hash, put on
 * the shelf and forgotten, so memory holds one object and the index. Faults: `source-corrupt`, `source-bounds`,
 * `wire-cut`; a delta whose base is nowhere is told by `isMissingBase`.
 */
export async function readPack(
  source: AsyncIterable<Uint8Array>,
  shelf: ObjectShelf,
  limits: Limits,
): Promise<PackIndex> {
  const input = createPackInput(source, limits.packBytes);
  const count = await readHeader(input, limits);
  const reading: Reading = {
    index: createPackIndex(),
    shelf,
    limits,
    waiting: new Map(),
    heldBytes: 0,
    madeBytes: 0,
  };
  for (let i = 0; i < count; i++) {
    await readObject(input, reading);
    const rest = shelf.rest();
    if (rest !== undefined) await rest;
  }
  const expected = input.digest();
  await input.ready(20);
  if (!expected.equals(input.take(20))) throw corrupt('its checksum is wrong');
  if (!(await input.ended())) throw corrupt('it has more objects than it says');
  if (reading.waiting.size > 0) throw new Fault('source-corrupt', MISSING_BASE);
  return reading.index;
}

const MISSING_BASE = 'the pack is incomplete: a delta leans on an object that is not here';

/** True for the Fault of a thin pack whose base is missing: asking again without `have` helps. */
export function isMissingBase(error: unknown): boolean {
  return error instanceof Fault && error.code === 'source-corrupt' && error.message === MISSING_BASE;
}

async function readHeader(input: PackInput, limits: Limits): Promise<number> {
  await input.ready(12);
  const head = input.take(12);
  const version = head.readUInt32BE(4);
  if (head.toString('latin1', 0, 4) !== 'PACK' || (version !== 2 && version !== 3)) throw corrupt('it has no header');
  const count = head.readUInt32BE(8);
  if (count > limits.packObjects)
    throw new Fault(
      'source-bounds',
      `the pack has ${count} objects, more than ${limits.packObjects} (limits.packObjects)`,
    );
  return count;
}

async function readObject(input: PackInput, reading: Reading): Promise<void> {
  const { index, limits } = reading;
  const waiting = input.ready(OBJECT_HEAD);
  if (waiting !== undefined) await waiting;
  const offset = input.offset();
  const slot = index.add(offset);
  let byte = input.byte();
  const kind = (byte >> 4) & 7;
  let size = byte & 15;
  for (let shift = 4; byte >= 0x80; shift += 7) {
    if (shift > 46) throw corrupt('it has an object whose size cannot be read');
    byte = input.byte();
    size += (byte & 0x7f) * 2 ** shift;
  }
  if (size > limits.objectBytes)
    throw new Fault(
      'source-bounds',
      `an object of ${size} bytes is larger than ${limits.objectBytes} (limits.objectBytes)`,
    );
  const type = NAMES[kind];
  if (type !== undefined) {
    settle(reading, slot, type, await input.inflate(size), 0);
    return;
  }
  if (kind === OFS_DELTA) {
    const baseSlot = index.at(offset - readDistance(input));
    if (baseSlot === undefined || baseSlot === slot) throw corrupt('it has a delta whose base is not an object');
    delta(reading, slot, baseSlot, await input.inflate(size));
    return;
  }
  if (kind !== REF_DELTA) throw corrupt('it has an object of an unknown type');
  const baseOid = input.take(20).toString('hex');
  delta(reading, slot, baseOid, await input.inflate(size));
}

function readDistance(input: PackInput): number {
  let byte = input.byte();
  let distance = byte & 0x7f;
  while (byte >= 0x80) {
    if (distance > 2 ** 40) throw corrupt('it has a delta whose base is too far away');
    byte = input.byte();
    distance = (distance + 1) * 128 + (byte & 0x7f);
  }
  return distance;
}

function delta(reading: Reading, slot: number, key: number | string, bytes: Buffer): void {
  const base = baseOf(reading, key);
  if (base !== undefined) {
    resolve(reading, slot, base, bytes);
    return;
  }
  hold(reading, bytes.length);
  const list = reading.waiting.get(key);
  if (list === undefined) reading.waiting.set(key, [{ slot, delta: bytes }]);
  else list.push({ slot, delta: bytes });
}

function baseOf(reading: Reading, key: number | string): Base | undefined {
  const { index, shelf } = reading;
  const slot = typeof key === 'number' ? key : index.find(key);
  const facts = slot === undefined ? undefined : index.facts(slot);
  if (facts === undefined && typeof key === 'number') return undefined;
  const oid = facts?.oid ?? String(key);
  const found = shelf.get(oid);
  if (found === undefined) return undefined;
  return { ...found, depth: facts?.depth ?? 0 };
}

function resolve(reading: Reading, slot: number, base: Base, bytes: Buffer): void {
  settle(reading, slot, base.type, unfold(reading, base, bytes), base.depth + 1);
}

function unfold(reading: Reading, base: Base, bytes: Buffer): Buffer {
  const { deltaDepth, objectBytes } = reading.limits;
  if (base.depth >= deltaDepth)
    throw new Fault('source-bounds', `a chain of more than ${deltaDepth} deltas (limits.deltaDepth)`);
  return applyDelta(base.bytes, bytes, objectBytes);
}

/** Shelves an object, then those that waited for it, those that waited for these, and so on. */
function settle(reading: Reading, slot: number, type: ObjectType, bytes: Buffer, depth: number): void {
  const ready = [...place(reading, slot, { type, bytes, depth })];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    const made = { type, bytes: unfold(reading, next.base, next.delta), depth: next.base.depth + 1 };
    ready.push(...place(reading, next.slot, made));
  }
}

/** Names an object by its hash and shelves it; the deltas that waited for it. */
function place(reading: Reading, slot: number, base: Base & { readonly bytes: Buffer }): (Waiting & { base: Base })[] {
  const { index, shelf, limits, waiting } = reading;
  const { type, bytes, depth } = base;
  reading.madeBytes += bytes.length;
  if (reading.madeBytes > limits.treeBytes)
    throw new Fault('source-bounds', `the pack unfolds to more than ${limits.treeBytes} bytes (limits.treeBytes)`);
  const oid = objectId(type, bytes);
  if (type !== 'blob') hold(reading, bytes.length);
  index.resolve(slot, { oid, type, size: bytes.length, depth });
  shelf.add(type, oid, bytes);
  if (waiting.size === 0) return [];
  const ready = [...(waiting.get(slot) ?? []), ...(waiting.get(oid) ?? [])].map((w) => ({ ...w, base }));
  waiting.delete(slot);
  waiting.delete(oid);
  return ready;
}

function hold(reading: Reading, bytes: number): void {
  reading.heldBytes += bytes;
  if (reading.heldBytes > reading.limits.packHeldBytes)
    throw new Fault(
      'source-bounds',
      `the pack's folders and open deltas need more than ${reading.limits.packHeldBytes} bytes of memory (limits.packHeldBytes)`,
    );
}

function corrupt(why: string): Fault {
  return new Fault('source-corrupt', `the pack is broken: ${why}`);
}
