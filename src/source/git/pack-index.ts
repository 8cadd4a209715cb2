import type { ObjectType } from './objects.ts';

const TYPES: readonly ObjectType[] = ['commit', 'tree', 'blob', 'tag'];

/** What is known of the objects of a pack, in typed arrays: about 50 bytes each. */
export interface PackIndex {
  /** Adds the object that begins at this offset, not yet resolved; its slot. Offsets must rise. */
  add(offset: number): number;
  /** The slot of the object that begins at an offset. */
  at(offset: number): number | undefined;
  resolve(slot: number, facts: ObjectFacts): void;
  /** Undefined until resolved. */
  facts(slot: number): ObjectFacts | undefined;
  /** The slot of a resolved object. */
  find(oid: string): number | undefined;
}

export interface ObjectFacts {
  readonly oid: string;
  readonly type: ObjectType;
  readonly size: number;
  /** Deltas between it and a whole object. */
  readonly depth: number;
}

/** An empty index. It grows with what is added, not with what a header promises. */
export function createPackIndex(): PackIndex {
  let room = 1024;
  let used = 0;
  let offsets = new Float64Array(room);
  let oids = Buffer.alloc(room * 20);
  let sizes = new Float64Array(room);
  let depths = new Uint16Array(room);
  let types = new Uint8Array(room);
  let table = new Int32Array(room * 2).fill(-1);

  const hash = (bytes: Uint8Array, from: number): number => {
    const value = (bytes[from] ?? 0) | ((bytes[from + 1] ?? 0) << 8) | ((bytes[from + 2] ?? 0) << 16);
    return (value ^ ((bytes[from + 3] ?? 0) << 7)) % table.length;
  };
  const seat = (slot: number): void => {
    let place = hash(oids, slot * 20);
    while ((table[place] ?? -1) >= 0) place = (place + 1) % table.length;
    table[place] = slot;
  };
  const grow = (): void => {
    room *= 2;
    offsets = widen(offsets, new Float64Array(room));
    sizes = widen(sizes, new Float64Array(room));
    depths = widen(depths, new Uint16Array(room));
    types = widen(types, new Uint8Array(room));
    oids = Buffer.concat([oids], room * 20);
    table = new Int32Array(room * 2).fill(-1);
    for (let slot = 0; slot < used; slot++) if ((types[slot] ?? 0) > 0) seat(slot);
  };

  return {
    add(offset) {
      if (used === room) grow();
      offsets[used] = offset;
      return used++;
    },
    at(offset) {
      let low = 0;
      let high = used - 1;
      while (low <= high) {
        const middle = (low + high) >> 1;
        const value = offsets[middle] ?? 0;
        if (value === offset) return middle;
        if (value < offset) low = middle + 1;
        else high = middle - 1;
      }
      return undefined;
    },
    resolve(slot, { oid, type, size, depth }) {
      oids.write(oid, slot * 20, 20, 'hex');
      sizes[slot] = size;
      depths[slot] = depth;
      types[slot] = TYPES.indexOf(type) + 1;
      seat(slot);
    },
    facts(slot) {
      const type = TYPES[(types[slot] ?? 0) - 1];
      if (type === undefined) return undefined;
      const oid = oids.toString('hex', slot * 20, slot * 20 + 20);
      return { oid, type, size: sizes[slot] ?? 0, depth: depths[slot] ?? 0 };
    },
    find(oid) {
      const wanted = Buffer.from(oid, 'hex');
      for (let place = hash(wanted, 0); ; place = (place + 1) % table.length) {
        const slot = table[place] ?? -1;
        if (slot < 0) return undefined;
        if (wanted.compare(oids, slot * 20, slot * 20 + 20) === 0) return slot;
      }
    },
  };
}

function widen<T extends Float64Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
