import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';
import { faultsOf, LIMITS, nothingTold, type Op, open, perform, settle, type Told } from './world.ts';

/** Enough changes for packs to die, to become sparse and to be merged. */
const STORY: readonly Op[] = [
  { do: 'boot' },
  { do: 'admit', source: 0, version: 1 },
  { do: 'good', app: 0, version: 1 },
  { do: 'inventory', app: 0, version: 1 },
  { do: 'facts', app: 0, version: 1 },
  { do: 'admit', source: 1, version: 1 },
  { do: 'admit', source: 0, version: 2 },
  { do: 'good', app: 0, version: 2 },
  { do: 'inventory', app: 0, version: 2 },
  { do: 'gc' },
  { do: 'admit', source: 0, version: 3 },
  { do: 'admit', source: 0, version: 4 },
  { do: 'facts', app: 0, version: 2 },
  { do: 'good', app: 0, version: 3 },
  { do: 'admit', source: 0, version: 5 },
  { do: 'good', app: 0, version: 4 },
  { do: 'gc' },
  { do: 'admit', source: 1, version: 2 },
  { do: 'forget', source: 1 },
  { do: 'boot' },
  { do: 'gc' },
  { do: 'admit', source: 1, version: 9 },
];

const arbOp: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('admit' as const), source: fc.nat(1), version: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('good' as const), app: fc.nat(1), version: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('inventory' as const), app: fc.nat(1), version: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('facts' as const), app: fc.nat(1), version: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), source: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'gc' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'boot' as const }) },
);

/** Runs until the end or until the disk gives out; an operation that fails while the process lives is undone by itself. */
async function run(model: FaultDisk, ops: readonly Op[], told: Told, limits = LIMITS): Promise<number> {
  let failed = 0;
  const cache = open(model.disk, limits);
  for (const op of ops) {
    try {
      await perform(cache, op, told);
    } catch (error) {
      if (model.isCut()) return failed;
      expect(error).toMatchObject({ code: expect.stringMatching(/^cache-(full|io)$/) });
      failed++;
    }
  }
  return failed;
}

/** Opens what is left and checks it, then goes on with it: a recovered cache must also be a working one. */
async function expectWhole(left: FaultDisk, told: Told): Promise<void> {
  await left.disk.sweep();
  const cache = open(left.disk);
  expect(await faultsOf(cache, told)).toEqual([]);
  const verified = await cache.verify();
  expect({ missing: verified.missing, damage: verified.damage }).toEqual({ missing: 0, damage: [] });
  const after = settle(cache, told);
  for (const op of STORY) await perform(cache, op, after);
  expect((await cache.gc()).held).toBe('');
  expect(await faultsOf(open(left.disk), after)).toEqual([]);
}

async function stepsOf(ops: readonly Op[]): Promise<number> {
  const model = faultDisk();
  await run(model, ops, nothingTold());
  return model.steps();
}

describe('the last good state', () => {
  it('is whole after a power cut at every single step of a busy life', async () => {
    const steps = await stepsOf(STORY);
    expect(steps).toBeGreaterThan(150);
    for (let step = 1; step <= steps; step++) {
      const model = faultDisk();
      const told = nothingTold();
      model.cutAt(step);
      await run(model, STORY, told);
      expect(model.isCut()).toBe(true);
      await expectWhole(model.powerCut(step), told);
    }
  });

  it('is whole when a killed agent is restarted and then loses power at any step', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbOp, { minLength: 1, maxLength: 14 }),
        fc.array(arbOp, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        async (first, second, killAt, cutAt, seed) => {
          const model = faultDisk();
          const told = nothingTold();
          model.cutAt(1 + Math.floor(killAt * (await stepsOf(first))));
          await run(model, first, told);
          const again = model.restart();
          // Half of the runs die again in the sweep, half later.
          if (cutAt < 0.5) again.cutAt(1 + Math.floor(cutAt * 20));
          try {
            await again.disk.sweep();
          } catch (error) {
            if (!again.isCut()) throw error;
            return expectWhole(again.powerCut(seed), told);
          }
          const settled = settle(open(again.disk), told);
          again.cutAt(again.steps() + 1 + Math.floor(cutAt * 60));
          await run(again, second, settled);
          await expectWhole(again.powerCut(seed), settled);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('stays when the disk is full, read-only or failing from any step on, and everything goes on after', async () => {
    const steps = await stepsOf(STORY);
    for (let step = 1; step <= steps; step += 2) {
      const model = faultDisk();
      const told = nothingTold();
      model.failAt(step, step % 3 === 0 ? 'EIO' : step % 3 === 1 ? 'ENOSPC' : 'EROFS', { stays: step % 4 < 2 });
      const failed = await run(model, STORY, told);
      if (step < steps - 20) expect(failed).toBeGreaterThan(0);
      await expectWhole(step % 8 < 4 ? model.restart() : model.powerCut(step), told);
    }
  });
});
