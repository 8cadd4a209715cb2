import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCache } from '../../../src/cache/index.ts';
import { type AppliedFact, DEFAULT_LIMITS, sha256 } from '../../../src/model/index.ts';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';

const UID = 'uid-1';
const FILE = 'facts/apps_shop.log';
const factsOf = (model: FaultDisk) => openCache({ disk: model.disk, limits: DEFAULT_LIMITS }).facts('apps/shop');
const fact = (n: number): AppliedFact => ({ uid: `u${n}`, digest: sha256(`${n}`), mark: `m${n}` });

describe('the log of facts', () => {
  it('says what was recorded last of each object', async () => {
    const model = faultDisk();
    const facts = factsOf(model);
    await facts.record(UID, [
      ['a', fact(1)],
      ['b', fact(2)],
    ]);
    await facts.record(UID, [
      ['a', fact(3)],
      ['b', undefined],
    ]);
    expect([...factsOf(model).load(UID)]).toEqual([['a', fact(3)]]);
  });

  it('keeps by which rules fields were left to others', async () => {
    const model = faultDisk();
    await factsOf(model).record(UID, [['a', { ...fact(1), ignored: '[["/spec"]]' }]]);
    expect([...factsOf(model).load(UID)]).toEqual([['a', { ...fact(1), ignored: '[["/spec"]]' }]]);
  });

  it('forgets what was true of another cluster', async () => {
    const model = faultDisk();
    await factsOf(model).record(UID, [['a', fact(1)]]);
    expect(factsOf(model).load('uid-2').size).toBe(0);
    await factsOf(model).record('uid-2', [['b', fact(2)]]);
    expect([...factsOf(model).load('uid-2').keys()]).toEqual(['b']);
    expect(factsOf(model).load(UID).size).toBe(0);
  });

  it('grows with the objects, not with the changes', async () => {
    const model = faultDisk();
    const facts = factsOf(model);
    for (let i = 0; i < 2_000; i++) await facts.record(UID, [[`o${i % 10}`, fact(i)]]);
    expect(model.bytes(FILE).length).toBeLessThan(270 * 150);
    const now = factsOf(model).load(UID);
    expect(now.size).toBe(10);
    for (let i = 0; i < 10; i++) expect(now.get(`o${i}`)).toEqual(fact(1_990 + i));
  });

  it('never tells what was not recorded, wherever its file is cut or flipped', async () => {
    const model = faultDisk();
    const facts = factsOf(model);
    for (let i = 0; i < 12; i++) await facts.record(UID, [[`o${i % 4}`, i % 5 === 4 ? undefined : fact(i)]]);
    const whole = model.bytes(FILE);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.option(fc.nat(whole.length * 8 - 1)), (end, bit) => {
        const bytes = Buffer.from(whole.subarray(0, end));
        const at = (bit ?? 0) >> 3;
        if (bit !== null && at < end) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
        const copy = model.restart();
        copy.plant(FILE, bytes);
        for (const [id, found] of factsOf(copy).load(UID)) {
          const n = Number(found.mark.slice(1));
          expect(found).toEqual(fact(n));
          expect(id).toBe(`o${n % 4}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('goes on after a torn last line, and after a write that failed', async () => {
    const model = faultDisk();
    await factsOf(model).record(UID, [['a', fact(1)]]);
    model.plant(FILE, Buffer.concat([model.bytes(FILE), Buffer.from('0123456789abcdef ["to')]));
    const facts = factsOf(model);
    await facts.record(UID, [['b', fact(2)]]);
    model.failAt(model.steps() + 1, 'ENOSPC');
    await expect(facts.record(UID, [['c', fact(3)]])).rejects.toMatchObject({ code: 'cache-full' });
    await facts.record(UID, [['d', fact(4)]]);
    expect([...factsOf(model).load(UID).keys()]).toEqual(['a', 'b', 'd']);
  });

  it('is empty after clear', async () => {
    const model = faultDisk();
    const facts = factsOf(model);
    await facts.record(UID, [['a', fact(1)]]);
    await facts.clear();
    expect(facts.load(UID).size).toBe(0);
    await facts.record(UID, [['b', fact(2)]]);
    expect([...facts.load(UID).keys()]).toEqual(['b']);
  });
});
