import { describe, expect, it } from 'vitest';
import { createReadiness } from '../../../agent/adapters/cluster/readiness.ts';
import { asFault } from '../../../src/model/index.ts';

/** A server whose `/readyz` answers as told, a clock, and how often it was asked. */
function world() {
  const state = { status: 200, now: 0, asked: 0 };
  const ask = async (): Promise<number> => {
    state.asked += 1;
    return state.status;
  };
  const readiness = createReadiness(ask, () => state.now);
  const said = (): Promise<string> =>
    readiness.check().then(
      () => 'ready',
      (error: unknown) => asFault(error).code,
    );
  return { state, readiness, said };
}

describe('whether a server is past its start', () => {
  it('is asked once for all who want to know, and holds for a second', async () => {
    const { state, said } = world();
    expect(await Promise.all([said(), said(), said()])).toEqual(['ready', 'ready', 'ready']);
    state.now = 999;
    expect(await said()).toBe('ready');
    expect(state.asked).toBe(1);
    state.now = 1_000;
    expect(await said()).toBe('ready');
    expect(state.asked).toBe(2);
  });

  it('is asked again after a connection failed, and after it was not', async () => {
    const { state, readiness, said } = world();
    await said();
    readiness.lost();
    state.status = 500;
    expect([await said(), await said()]).toEqual(['cluster-unreachable', 'cluster-unreachable']);
    state.status = 200;
    expect(await said()).toBe('ready');
    expect(state.asked).toBe(4);
  });

  it.each([401, 403])('is a matter of time where nobody may ask (%i)', async (status) => {
    const { state, readiness, said } = world();
    state.status = status;
    expect(await said()).toBe('cluster-unreachable');
    state.now = 10_000;
    expect(await said()).toBe('ready');
    readiness.lost();
    expect(await said()).toBe('cluster-unreachable');
  });

  it('is so where there is no such page', async () => {
    const { state, said } = world();
    state.status = 404;
    expect(await said()).toBe('ready');
  });

  it('is not known by an answer that a failed connection has overtaken', async () => {
    let [asked, now] = [0, 0];
    const readiness = createReadiness(
      async () => {
        asked += 1;
        now += 5;
        if (asked === 1) readiness.lost();
        return 200;
      },
      () => now,
    );
    await readiness.check();
    await readiness.check();
    await readiness.check();
    expect(asked).toBe(2);
  });
});
