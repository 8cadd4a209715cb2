import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';
import {
  factOf,
  faultsOf,
  LIMITS,
  nothingTold,
  type Op,
  open,
  perform,
  renderOf,
  settle,
  sourceKey,
  UID,
} from './world.ts';

const LIFE: readonly Op[] = [
  { do: 'boot' },
  { do: 'boot' },
  { do: 'admit', source: 0, version: 1 },
  { do: 'admit', source: 0, version: 2 },
  { do: 'good', app: 0, version: 1 },
  { do: 'good', app: 0, version: 2 },
  { do: 'inventory', app: 0, version: 1 },
  { do: 'inventory', app: 0, version: 2 },
  { do: 'facts', app: 0, version: 1 },
  { do: 'facts', app: 0, version: 2 },
];

/** A cache in which every content is reached by a pointer, so that every damage matters. */
async function lived(): Promise<FaultDisk> {
  const model = faultDisk();
  const cache = open(model.disk);
  const told = nothingTold();
  for (const op of LIFE) await perform(cache, op, told);
  return model;
}

/** What can be read is right, or the reading says that it is damaged; nothing wrong is ever handed out. */
async function expectTruth(model: FaultDisk): Promise<void> {
  const cache = open(model.disk);
  const told = nothingTold();
  const any = new Set([undefined, 1, 2]);
  told.sources.set(0, any);
  told.apps.set(0, any);
  told.inventories.set(0, any);
  told.boots.clear();
  for (const boots of [0, 1, 2]) told.boots.add(boots);
  const wrong = (await faultsOf(cache, told)).filter((one) => !/cache-damaged|Fault: .*(pack|sha256)/.test(one));
  expect(wrong).toEqual([]);
}

/** The source and the render are made again; then nothing is damaged any more. */
async function expectHealed(model: FaultDisk): Promise<void> {
  const cache = open(model.disk);
  await cache.verify();
  const told = settle(cache, nothingTold());
  for (const op of LIFE.filter((one) => 'version' in one && one.version === 1)) await perform(cache, op, told);
  for (const op of LIFE) await perform(cache, op, told);
  await cache.gc();
  expect(await faultsOf(cache, told)).toEqual([]);
  const { missing } = await cache.verify();
  expect(missing).toBe(0);
  expect(await faultsOf(open(model.disk), told)).toEqual([]);
}

describe('damage', () => {
  it('of any single bit of any file is found, named and healed', async () => {
    const original = await lived();
    let flips = 0;
    let padding = 0;
    for (const path of original.files()) {
      const bits = original.bytes(path).length * 8;
      // Every bit of small files, a spread of the others, ends always.
      const stride = Math.max(1, Math.floor(bits / 150));
      for (let bit = 0; bit < bits; bit += stride, flips++) padding += await expectFlipFound(original, path, bit);
      padding += await expectFlipFound(original, path, bits - 1);
    }
    expect(flips).toBeGreaterThan(1_000);
    expect(padding).toBeLessThan(flips / 20);
  });

  it('of any file by cutting, lengthening, emptying or garbage is found and healed', async () => {
    const original = await lived();
    for (const path of original.files().filter((one) => !one.startsWith('facts/'))) {
      const bytes = original.bytes(path);
      const half = bytes.subarray(0, bytes.length >> 1);
      const zeroed = Buffer.concat([half, Buffer.alloc(bytes.length - half.length)]);
      const longer = Buffer.concat([bytes, Buffer.from('x')]);
      for (const other of [
        half,
        zeroed,
        longer,
        Buffer.alloc(0),
        bytes.subarray(0, -1),
        Buffer.from('{}'),
        bytes.subarray(1),
      ]) {
        const model = original.restart();
        model.plant(path, other);
        const { damage } = await open(model.disk).verify();
        expect(damage.map((one) => one.file)).toContain(path);
        await expectTruth(model);
        await expectHealed(model);
      }
    }
  });

  it('never makes garbage collection free what is still whole', async () => {
    const original = await lived();
    const packs = original.files().filter((one) => one.startsWith('packs/'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...packs), fc.nat(), async (path, at) => {
        const model = original.restart();
        model.flip(path, at % (original.bytes(path).length * 8));
        const before = readable(model);
        await open(model.disk).gc();
        for (const key of before) expect(readable(model)).toContain(key);
      }),
      { numRuns: 200 },
    );
  });
});

/** Answers 1 for a bit that means nothing: filling in the last byte of a deflated content, or one that nothing names. */
async function expectFlipFound(original: FaultDisk, path: string, bit: number): Promise<number> {
  const model = original.restart();
  model.flip(path, bit);
  if (path.startsWith('facts/')) {
    const facts = open(model.disk).facts('apps/app-0').load(UID);
    for (const fact of facts.values()) expect(fact).toEqual(factOf(Number(fact.mark.slice(1))));
    return 0;
  }
  const { damage } = await open(model.disk).verify();
  await expectTruth(model);
  if (damage.length === 0 && path.startsWith('packs/')) {
    const told = nothingTold();
    told.sources.set(0, new Set([2]));
    told.apps.set(0, new Set([2]));
    told.boots.clear();
    told.boots.add(2);
    expect(await faultsOf(open(model.disk), told)).toEqual([]);
    return 1;
  }
  expect(damage.map((one) => one.file)).toContain(path);
  if (bit % 5 === 0) await expectHealed(model);
  return 0;
}

/** Which files of the current and earlier revisions, and which bodies, can be read. */
function readable(model: FaultDisk): readonly string[] {
  const cache = open(model.disk);
  const found: string[] = [];
  const record = cache.sources.get(sourceKey(0));
  for (const revision of record === undefined ? [] : [record.current, ...record.previous])
    for (const path of ['version.txt', 'base/f0.yaml', 'base/f1.yaml', 'base/f5.yaml', 'shared/common.yaml'])
      if (reads(() => cache.store.tree(revision.root).read(path))) found.push(`${revision.revision} ${path}`);
  for (const version of [1, 2])
    for (const digest of renderOf(0, version).bodies.keys())
      if (reads(() => cache.store.get(digest))) found.push(digest);
  return found;
}

function reads(read: () => unknown): boolean {
  try {
    return read() !== undefined;
  } catch {
    return false;
  }
}

describe('the size limit', () => {
  it('holds at every moment, and keeps the current revisions', async () => {
    const arbOp: fc.Arbitrary<Op> = fc.oneof(
      fc.record({ do: fc.constant('admit' as const), source: fc.nat(2), version: fc.nat(30) }),
      fc.record({ do: fc.constant('good' as const), app: fc.nat(1), version: fc.nat(30) }),
      fc.constant({ do: 'gc' as const }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbOp, { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 2_000, max: 9_000 }),
        async (ops, cap) => {
          const model = faultDisk();
          const cache = open(model.disk, { ...LIMITS, cacheBytes: cap });
          const told = nothingTold();
          for (const op of ops) {
            await perform(cache, op, told).catch((error: unknown) => {
              expect(error).toMatchObject({
                code: 'cache-full',
                message: expect.stringContaining('limits.cacheBytes'),
              });
            });
            expect(cache.usage().bytes).toBeLessThanOrEqual(cap);
            expect(await faultsOf(cache, told)).toEqual([]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
