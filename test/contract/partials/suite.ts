import { describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../../src/model/index.ts';
import type { Partials } from '../../../src/ports/index.ts';

const DAY = 86_400_000;

export interface PartialsWorld {
  readonly partials: Partials;
  /** What a process after this one sees. */
  again(): Partials;
}

/** What every Partials must do, with room for 1,000,000 bytes and for two days. */
export function partialsSuite(name: string, make: () => Promise<PartialsWorld>): void {
  const bytes = (size: number, seed = 1): Buffer =>
    Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + seed) % 251));
  const goal = (content: Uint8Array, at = 10 * DAY): { digest: Digest; size: number; at: number } => ({
    digest: sha256(content),
    size: content.length,
    at,
  });
  const all = (from: { size(): number; read(offset: number, length: number): Uint8Array }): Buffer =>
    Buffer.from(from.read(0, from.size()));

  describe(`${name} as partials`, () => {
    it('is empty at first, and gives back what was added, in parts too', async () => {
      const { partials } = await make();
      const content = bytes(600_000);
      const one = await partials.open('a', goal(content));
      expect(one.size()).toBe(0);
      for (let at = 0; at < content.length; at += 70_000) {
        await one.append(content.subarray(at, at + 70_000));
        expect(Buffer.from(one.read(at, 10))).toEqual(content.subarray(at, at + 10));
      }
      expect(one.size()).toBe(content.length);
      for (const [at, length] of [
        [0, 600_000],
        [250_000, 300_000],
        [599_000, 5_000],
        [1, 0],
        [600_000, 5],
      ] as const)
        expect(Buffer.from(one.read(at, length)).equals(content.subarray(at, at + length))).toBe(true);
    });

    it('does not keep hold of what it was given', async () => {
      const { partials } = await make();
      const content = bytes(100);
      const one = await partials.open('a', goal(content));
      const lent = Buffer.from(content);
      await one.append(lent);
      lent.fill(0);
      expect(all(one)).toEqual(content);
    });

    it('goes on in another process, with what was kept', async () => {
      const world = await make();
      const content = bytes(1_000);
      const one = await world.partials.open('a', goal(content));
      await one.append(content.subarray(0, 400));
      await one.keep();
      const later = await world.again().open('a', goal(content, 11 * DAY));
      expect(all(later)).toEqual(content.subarray(0, 400));
      await later.append(content.subarray(400));
      expect(all(later)).toEqual(content);
      await later.drop();
      expect((await world.again().open('a', goal(content))).size()).toBe(0);
    });

    it('keeps nothing of another goal, and one transfer for each owner', async () => {
      const world = await make();
      const [content, next] = [bytes(1_000), bytes(1_000, 2)];
      const one = await world.partials.open('a', goal(content));
      await one.append(content.subarray(0, 400));
      await one.keep();
      const other = await world.partials.open('b', goal(next));
      await other.append(next.subarray(0, 100));
      await other.keep();
      const later = world.again();
      expect((await later.open('a', goal(next))).size()).toBe(0);
      expect((await later.open('a', goal(content))).size()).toBe(0);
      expect((await later.open('b', goal(next))).size()).toBe(100);
    });

    it('can be filled again after it was dropped', async () => {
      const world = await make();
      const content = bytes(1_000);
      const one = await world.partials.open('a', goal(content));
      await one.append(bytes(300, 9));
      await one.keep();
      await one.drop();
      expect(one.size()).toBe(0);
      await one.append(content);
      await one.keep();
      expect(all(await world.again().open('a', goal(content)))).toEqual(content);
    });

    it('takes no more than the goal has', async () => {
      const { partials } = await make();
      const one = await partials.open('a', goal(bytes(10)));
      await expect(one.append(bytes(11))).rejects.toMatchObject({ code: 'internal' });
    });

    const fill = async (partials: Partials, owner: string, size: number, at: number): Promise<void> => {
      const content = bytes(size);
      const one = await partials.open(owner, goal(content, at));
      await one.append(content);
      await one.keep();
    };

    it('gives up the oldest for room', async () => {
      const world = await make();
      await fill(world.partials, 'old', 300_000, 10 * DAY);
      await fill(world.partials, 'new', 300_000, 11 * DAY);
      await fill(world.partials, 'large', 600_000, 11 * DAY + 1);
      const later = world.again();
      expect((await later.open('new', goal(bytes(300_000), 12 * DAY))).size()).toBe(300_000);
      expect((await later.open('old', goal(bytes(300_000), 12 * DAY))).size()).toBe(0);
      await expect(later.open('huge', { ...goal(bytes(1)), size: 1_000_001 })).rejects.toMatchObject({
        code: 'source-bounds',
        message: expect.stringContaining('limits.partialBytes'),
      });
    });

    it('gives up what nobody asked for in two days, also by a clock that was ahead', async () => {
      const world = await make();
      await fill(world.partials, 'old', 1_000, 10 * DAY);
      await fill(world.partials, 'ahead', 1_000, 100 * DAY);
      await fill(world.partials, 'new', 1_000, 12 * DAY);
      const later = world.again();
      await later.open('other', goal(bytes(10), 13 * DAY));
      const size = async (owner: string): Promise<number> =>
        (await later.open(owner, goal(bytes(1_000), 13 * DAY))).size();
      expect([await size('old'), await size('ahead'), await size('new')]).toEqual([0, 0, 1_000]);
    });
  });
}
