import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../src/cache/partials.ts';
import { sha256 } from '../../../src/model/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';

const limits = { partialBytes: 4_000_000, partialMs: 86_400_000 };
const content = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 251));
const goal = { digest: sha256(content), size: content.length, at: 1 };
const other = { digest: sha256('other'), size: 2_000, at: 1 };

type Op = { readonly do: 'append'; readonly bytes: number } | { readonly do: 'keep' | 'drop' | 'reopen' | 'other' };
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('keep' as const, 'reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'other' as const) }) },
);

/** Runs until the disk gives out; answers how many of the first bytes must be there after a power cut. */
async function run(model: ReturnType<typeof faultDisk>, ops: readonly Op[]): Promise<number> {
  let promised = 0;
  try {
    let one = await openPartials(model.disk, limits).open('a', goal);
    promised = one.size();
    for (const step of ops) {
      if (step.do === 'append') await one.append(content.subarray(one.size(), one.size() + step.bytes));
      else if (step.do === 'reopen') one = await openPartials(model.disk, limits).open('a', goal);
      else if (step.do === 'keep') {
        await one.keep();
        promised = one.size();
      } else {
        // What is being dropped may be gone as soon as it begins.
        promised = 0;
        if (step.do === 'drop') await one.drop();
        else {
          await openPartials(model.disk, limits).open('a', other);
          one = await openPartials(model.disk, limits).open('a', goal);
        }
      }
    }
  } catch (error) {
    if (!model.isCut()) expect(error).toMatchObject({ code: expect.stringMatching(/^cache-(full|io)$/) });
  }
  return promised;
}

/** Goes on with what is left, until all is there; the bytes that were promised are those that were written. */
async function expectUsable(disk: ReturnType<typeof faultDisk>['disk'], promised: number): Promise<void> {
  await disk.sweep();
  const left = await openPartials(disk, limits).open('a', goal);
  expect(left.size()).toBeGreaterThanOrEqual(promised);
  expect(left.size()).toBeLessThanOrEqual(content.length);
  expect(Buffer.from(left.read(0, promised)).equals(content.subarray(0, promised))).toBe(true);
  await left.append(content.subarray(left.size()));
  await left.keep();
  expect(left.size()).toBe(content.length);
  await left.drop();
  expect(disk.list('partials')).toEqual([]);
}

describe('partials', () => {
  it('keep what was promised, wherever the power goes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(op, { minLength: 1, maxLength: 12 }),
        fc.nat(60),
        fc.nat(999),
        async (ops, step, seed) => {
          const model = faultDisk();
          model.cutAt(step + 1);
          const promised = await run(model, ops);
          await expectUsable(model.powerCut(seed).disk, promised);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('keep everything that was written when the process is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 12 }), fc.nat(60), async (ops, step) => {
        const model = faultDisk();
        model.cutAt(step + 1);
        const promised = await run(model, ops);
        await expectUsable(model.restart().disk, promised);
      }),
      { numRuns: 400 },
    );
  });

  it('go on after a full disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 12 }), fc.nat(30), async (ops, step) => {
        const model = faultDisk();
        model.failAt(step + 1, 'ENOSPC');
        const promised = await run(model, ops);
        await expectUsable(model.restart().disk, promised);
      }),
      { numRuns: 400 },
    );
  });
});
