import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type Limits } from '../../../src/model/index.ts';
import { isMissingBase, type ObjectShelf, readPack } from '../../../src/source/git/pack.ts';
import {
  buildPack,
  copy,
  delta,
  deltaSize,
  inPieces,
  insert,
  oidOf,
  type PackItem,
  type PackLies,
} from '../../support/pack-builder.ts';

interface TestShelf extends ObjectShelf {
  readonly objects: Map<string, { type: 'commit' | 'tree' | 'blob' | 'tag'; bytes: Buffer }>;
}

function shelf(...before: readonly Buffer[]): TestShelf {
  const objects: TestShelf['objects'] = new Map();
  const old = new Map(before.map((bytes) => [oidOf('blob', bytes), { type: 'blob' as const, bytes }]));
  return {
    objects,
    add: (type, oid, bytes) => void objects.set(oid, { type, bytes }),
    get: (oid) => objects.get(oid) ?? old.get(oid),
    rest: () => Promise.resolve(),
  };
}

async function read(pack: Uint8Array, on: ObjectShelf = shelf(), limits: Partial<Record<keyof Limits, number>> = {}) {
  return readPack(inPieces(pack, [7, 1, 400]), on, { ...DEFAULT_LIMITS, ...limits });
}

async function failure(pack: Uint8Array, on?: ObjectShelf, limits?: Parameters<typeof read>[2]): Promise<Fault> {
  const error = await read(pack, on, limits).then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error instanceof Fault) return error;
  throw error ?? new Error('the pack was taken');
}

const blob = (text: string): Buffer => Buffer.from(text);
const base = blob('a base of some length\n'.repeat(20));

describe('a pack', () => {
  it('gives its objects by their ids, whole ones and deltas by offset and by id', async () => {
    const one = delta(base, 100, blob('added'));
    const made = Buffer.concat([base.subarray(0, 100), blob('added')]);
    const items: PackItem[] = [
      { type: 'blob', data: base },
      { base: 0, delta: one },
      { base: oidOf('blob', made), delta: delta(made, 10, blob('!')) },
      { type: 'tree', data: blob('') },
      { type: 'blob', data: blob('') },
    ];
    const on = shelf();
    const index = await read(buildPack(items), on);
    const last = Buffer.concat([made.subarray(0, 10), blob('!')]);
    const expected = [base, made, last, blob('')].map((data) => oidOf('blob', data));
    expect([...on.objects.keys()]).toEqual([...expected.slice(0, 3), oidOf('tree', blob('')), expected[3]]);
    const facts = expected.map((oid) => index.facts(index.find(oid) ?? -1));
    expect(facts.map((f) => [f?.size, f?.depth])).toEqual([
      [base.length, 0],
      [105, 1],
      [11, 2],
      [0, 0],
    ]);
    expect(index.find('0'.repeat(40))).toBeUndefined();
  });

  it('resolves deltas whose base comes later, in any order', async () => {
    const chain = [base];
    for (let i = 0; i < 30; i++) chain.push(Buffer.concat([chain.at(-1) ?? base, blob(`line ${i}\n`)]));
    const items: PackItem[] = chain.slice(1).map((data, i) => {
      const from = chain[i] ?? base;
      return { base: oidOf('blob', from), delta: delta(from, from.length, data.subarray(from.length)) };
    });
    for (const order of [items, items.toReversed(), [...items.slice(15), ...items.slice(0, 15)]]) {
      const on = shelf();
      await read(buildPack([...order, { type: 'blob', data: base }]), on);
      expect([...on.objects.keys()].sort()).toEqual(chain.map((data) => oidOf('blob', data)).sort());
    }
  });

  it('may lean on what is here already, and says when that is not so', async () => {
    const items: PackItem[] = [{ base: oidOf('blob', base), delta: delta(base, 50, blob('new')) }];
    const on = shelf(base);
    await read(buildPack(items), on);
    expect([...on.objects.keys()]).toEqual([oidOf('blob', Buffer.concat([base.subarray(0, 50), blob('new')]))]);
    expect(isMissingBase(await failure(buildPack(items)))).toBe(true);
  });

  it('may be empty', async () => {
    const on = shelf();
    await read(buildPack([]), on);
    expect(on.objects.size).toBe(0);
  });

  it('is noticed when it ends anywhere', async () => {
    const pack = buildPack([
      { type: 'blob', data: base },
      { base: 0, delta: delta(base, 9, blob('x')) },
    ]);
    for (let end = 0; end < pack.length; end++)
      expect((await failure(pack.subarray(0, end))).code).toMatch(/^(wire-cut|source-corrupt)$/);
  });

  it('is noticed when any bit of it changed', async () => {
    const pack = buildPack([
      { type: 'blob', data: base },
      { base: 0, delta: delta(base, 9, blob('x')) },
    ]);
    for (let bit = 0; bit < pack.length * 8; bit += 3) {
      const bad = Buffer.from(pack);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect((await failure(bad)).code).toMatch(/^(wire-cut|source-corrupt|source-bounds)$/);
    }
  });
});

describe('a hostile pack is refused', () => {
  const two: PackItem[] = [
    { type: 'blob', data: base },
    { base: 0, delta: delta(base, 9, blob('x')) },
  ];
  it.each<[string, readonly PackItem[], PackLies, string]>([
    ['no header', [], { badTrailer: true }, 'source-corrupt'],
    ['a wrong checksum', two, { badTrailer: true }, 'source-corrupt'],
    ['more objects than it says', two, { count: 1 }, 'source-corrupt'],
    ['fewer objects than it says', two, { count: 3 }, 'source-corrupt'],
    ['four thousand million objects', two, { count: 0xffffffff }, 'source-bounds'],
    ['an object of 4 GB', two, { sizes: { 0: 2 ** 32 } }, 'source-bounds'],
    ['an object of 2^50 bytes', two, { sizes: { 0: 2 ** 50 } }, 'source-bounds'],
    ['an object longer than it says', two, { sizes: { 0: 10 } }, 'source-corrupt'],
    ['an object shorter than it says', two, { sizes: { 0: 1_000_000 } }, 'source-corrupt'],
    ['an unknown type', two, { types: { 0: 5 } }, 'source-corrupt'],
    ['type zero', two, { types: { 0: 0 } }, 'source-corrupt'],
    ['a delta on itself', two, { distances: { 1: 0 } }, 'source-corrupt'],
    ['a base before the pack', two, { distances: { 1: 100_000 } }, 'source-corrupt'],
    ['a base inside another object', two, { distances: { 1: 3 } }, 'source-corrupt'],
    ['deltas in a ring', ring(), {}, 'source-corrupt'],
  ])('with %s', async (_what, items, lies, code) => {
    expect((await failure(buildPack(items, lies))).code).toBe(code);
  });

  it.each<[string, Buffer]>([
    ['a base of another size', Buffer.concat([deltaSize(5), deltaSize(1), insert(blob('x'))])],
    ['a copy beyond the base', Buffer.concat([deltaSize(base.length), deltaSize(9_000), copy(0, 9_000)])],
    ['a copy from beyond the base', Buffer.concat([deltaSize(base.length), deltaSize(5), copy(4_000_000_000, 5)])],
    ['less than it says', Buffer.concat([deltaSize(base.length), deltaSize(50), insert(blob('x'))])],
    ['more than it says', Buffer.concat([deltaSize(base.length), deltaSize(1), insert(blob('xyz'))])],
    ['an instruction cut off', Buffer.concat([deltaSize(base.length), deltaSize(9), Buffer.from([9, 1, 2])])],
    ['a copy cut off', Buffer.concat([deltaSize(base.length), deltaSize(9), Buffer.from([0xff])])],
    ['the reserved instruction', Buffer.concat([deltaSize(base.length), deltaSize(0), Buffer.from([0])])],
    ['an endless size', Buffer.alloc(30, 0xff)],
    ['nothing at all', Buffer.alloc(0)],
  ])('with a delta of %s', async (_what, bytes) => {
    expect(
      (
        await failure(
          buildPack([
            { type: 'blob', data: base },
            { base: 0, delta: bytes },
          ]),
        )
      ).code,
    ).toBe('source-corrupt');
  });

  it('with a delta that claims a gigabyte, before any memory is taken', async () => {
    const bomb = Buffer.concat([deltaSize(base.length), deltaSize(2 ** 30), copy(0, base.length)]);
    const failed = await failure(
      buildPack([
        { type: 'blob', data: base },
        { base: 0, delta: bomb },
      ]),
    );
    expect(failed.message).toContain('limits.objectBytes');
  });

  it('with deltas that double again and again', async () => {
    let data = Buffer.alloc(65_536);
    const items: PackItem[] = [{ type: 'blob', data }];
    for (let i = 0; i < 9; i++) {
      const size = data.length;
      const copies = Array.from({ length: (2 * size) / 65_536 }, (_, n) => copy((n * 65_536) % size, 65_536));
      items.push({ base: i, delta: Buffer.concat([deltaSize(size), deltaSize(2 * size), ...copies]) });
      data = Buffer.alloc(2 * size);
    }
    const failed = await failure(buildPack(items), undefined, { treeBytes: 10_000_000 });
    expect(failed).toMatchObject({ code: 'source-bounds', message: expect.stringContaining('limits.treeBytes') });
  });

  it('with a chain of deltas that is too long, forward or backward', async () => {
    const chain = [base];
    for (let i = 0; i < 60; i++) chain.push(Buffer.concat([base, blob(`${i}`)]));
    const forward: PackItem[] = chain
      .slice(1)
      .map((data, i) => ({ base: i, delta: delta(chain[i] ?? base, base.length, data.subarray(base.length)) }));
    const all: PackItem[] = [{ type: 'blob', data: base }, ...forward];
    const failed = await failure(buildPack(all), undefined, { deltaDepth: 50 });
    expect(failed.message).toContain('limits.deltaDepth');
    await read(buildPack(all), undefined, { deltaDepth: 60 });
    const byId: PackItem[] = chain.slice(1).map((data, i) => ({
      base: oidOf('blob', chain[i] ?? base),
      delta: delta(chain[i] ?? base, base.length, data.subarray(base.length)),
    }));
    const backward = buildPack([...byId.toReversed(), { type: 'blob', data: base }]);
    expect((await failure(backward, undefined, { deltaDepth: 50 })).message).toContain('limits.deltaDepth');
  });

  it('with open deltas or folders past limits.packHeldBytes', async () => {
    const open: PackItem[] = Array.from({ length: 20 }, (_, i) => ({
      base: '1'.repeat(40),
      delta: Buffer.alloc(1_000, i),
    }));
    expect((await failure(buildPack(open), undefined, { packHeldBytes: 10_000 })).code).toBe('source-bounds');
    const trees: PackItem[] = Array.from({ length: 20 }, (_, i) => ({ type: 'tree', data: Buffer.alloc(1_000, i) }));
    expect((await failure(buildPack(trees), undefined, { packHeldBytes: 10_000 })).code).toBe('source-bounds');
  });

  it('past limits.packBytes, while it arrives', async () => {
    let x = 1;
    const noise = Array.from({ length: 5_000 }, () => {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
      return x >>> 24;
    });
    const pack = buildPack([{ type: 'blob', data: Buffer.from(noise) }]);
    expect((await failure(pack, undefined, { packBytes: 1_000 })).message).toContain('limits.packBytes');
  });
});

/** Two deltas that each lean on the other's id. */
function ring(): PackItem[] {
  const a = '1'.repeat(40);
  const b = '2'.repeat(40);
  return [
    { base: a, delta: delta(base, 5, blob('a')) },
    { base: b, delta: delta(base, 5, blob('b')) },
  ];
}
