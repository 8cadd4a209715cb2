import { describe, expect, it } from 'vitest';
import { MEDIA, measureBundle } from '../../../src/source/bundle/index.ts';
import { world } from './world.ts';

const A = 'GitRepository/x/a';
/** Bytes of a payload that are read at once. */
const CHUNK = 256 * 1024;

/** A bundle of ours for these sources; nobody looks into its Git. */
const bundle = (...sources: string[]): Buffer =>
  Buffer.concat([
    ...measureBundle(
      sources.map((source) => ({
        source,
        revision: 'r1',
        base: '',
        created: '',
        sequence: 1,
        selector: { cluster: '', labels: {} },
        mediaType: MEDIA.git,
        open: () => [Buffer.alloc(2_000_000, source)],
      })),
    ).write(),
  ]);

describe('the end', () => {
  it('does not wait for a file that is being proven, and says nothing of it', async () => {
    let go = (): void => undefined;
    const lengths: number[] = [];
    const read = (length: number): Promise<void> =>
      new Promise((resolve) => {
        lengths.push(length);
        go = resolve;
      });
    const w = await world({ read });
    w.stick?.set('a.tar', bundle(A));
    await w.looks();
    // On to the first part of the payload.
    for (let i = 0; i < 100 && (lengths.at(-1) ?? 0) < CHUNK; i++) {
      go();
      await w.clock.advance(0);
    }
    expect(lengths.at(-1)).toBe(CHUNK);
    const stopped = w.inbox.stop();
    const before = lengths.length;
    for (let i = 0; i < 20; i++) {
      go();
      await w.clock.advance(0);
    }
    await stopped;
    expect(lengths).toHaveLength(before);
    expect(w.lines).toEqual([]);
    expect(w.offered).toEqual([]);
  });

  it('comes also when a medium hangs for good', async () => {
    const w = await world({ read: () => new Promise(() => undefined) });
    w.stick?.set('a.tar', bundle(A));
    await w.looks();
    const stopped = w.inbox.stop();
    await w.clock.advance(5_000);
    await stopped;
  });
});
