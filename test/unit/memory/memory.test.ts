import { describe, expect, it } from 'vitest';
import { restAfterWork } from '../../../agent/memory.ts';
import { manualClock } from '../../support/manual-clock.ts';

const MIB = 1_048_576;

function process(): { used: number; quiet: boolean; collections: number; drops: number } {
  return { used: 10 * MIB, quiet: true, collections: 0, drops: 0 };
}

function watched(state: ReturnType<typeof process>, stays: number = 8 * MIB) {
  const clock = manualClock();
  const end = restAfterWork({
    clock,
    quiet: () => state.quiet,
    used: () => state.used,
    drop: () => {
      state.drops += 1;
    },
    collect: () => {
      state.collections += 1;
      state.used = stays;
    },
  });
  return { end, looks: (count: number) => clock.advance(count * 1_500) };
}

describe('rest after work', () => {
  it('collects once when work is over, and not again while nothing happens', async () => {
    const state = process();
    const { looks } = watched(state);
    await looks(2);
    expect(state).toMatchObject({ collections: 1, drops: 1 });
    await looks(20);
    expect(state).toMatchObject({ collections: 1, drops: 1 });
  });

  it('waits while a run goes on, and while memory still grows without one', async () => {
    const state = process();
    const { looks } = watched(state);
    await looks(2);
    state.quiet = false;
    state.used = 20 * MIB;
    await looks(5);
    expect(state.collections).toBe(1);
    state.quiet = true;
    for (let i = 0; i < 4; i += 1) {
      state.used += MIB;
      await looks(1);
    }
    expect(state.collections).toBe(1);
    await looks(1);
    expect(state.collections).toBe(2);
  });

  it('leaves little alone, also much of it, one after another, until it is worth a collection', async () => {
    const state = process();
    const { looks } = watched(state);
    await looks(2);
    for (let i = 0; i < 9; i += 1) {
      state.used += 0.1 * MIB;
      await looks(2);
    }
    expect(state.collections).toBe(1);
    state.used += 0.2 * MIB;
    await looks(2);
    expect(state.collections).toBe(2);
  });

  it('wants more garbage of a large heap than of a small one', async () => {
    const state = process();
    state.used = 90 * MIB;
    const { looks } = watched(state, 80 * MIB);
    await looks(2);
    state.used += 9 * MIB;
    await looks(2);
    expect(state.collections).toBe(1);
    state.used += 2 * MIB;
    await looks(2);
    expect(state.collections).toBe(2);
  });

  it('counts from what became free by itself', async () => {
    const state = process();
    const { looks } = watched(state);
    await looks(2);
    state.used = 4 * MIB;
    await looks(2);
    state.used = 6 * MIB;
    await looks(2);
    expect(state.collections).toBe(2);
  });

  it('ends when told', async () => {
    const state = process();
    const { end, looks } = watched(state);
    end();
    await looks(5);
    expect(state.collections).toBe(0);
  });
});
