import { describe, expect, it } from 'vitest';
import { createGate, type Leave } from '../../../agent/adapters/cluster/gate.ts';

/** Asks for places, and notes who got one in which order. */
function guests(places: number) {
  const gate = createGate(places);
  const seen: string[] = [];
  const leaves: Leave[] = [];
  const ask = (name: string, signal?: AbortSignal, yields?: boolean): Promise<void> =>
    gate.enter(signal, yields).then((leave) => {
      seen.push(name);
      leaves.push(leave);
    });
  const one = async (): Promise<void> => {
    leaves.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { gate, seen, ask, one };
}

describe('the gate of requests', () => {
  it('lets those who yield go last, but for one place', async () => {
    const { gate, seen, ask, one } = guests(2);
    void ask('a');
    void ask('b');
    for (const name of ['s1', 's2', 's3']) void ask(name, undefined, true);
    for (const name of ['c', 'd']) void ask(name);
    expect([gate.inside, gate.waiting]).toEqual([2, 5]);
    await Promise.resolve();
    for (let i = 0; i < 7; i += 1) await one();
    // One of them is always let in, and never two while others wait.
    expect(seen).toEqual(['a', 'b', 's1', 'c', 's2', 'd', 's3']);
    expect([gate.inside, gate.waiting]).toEqual([0, 0]);
  });

  it('hears each signal once, however many wait with it', async () => {
    const ended = new AbortController();
    let listeners = 0;
    const add = ended.signal.addEventListener.bind(ended.signal);
    ended.signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    }) as typeof add;
    const { gate, seen, ask, one } = guests(1);
    void ask('first');
    const late = Array.from({ length: 100 }, (_, i) => ask(`late ${i}`, ended.signal));
    void ask('other');
    expect(listeners).toBe(1);
    ended.abort(new Error('over'));
    const answers = await Promise.allSettled(late);
    expect(answers.every((one) => one.status === 'rejected' && String(one.reason) === 'Error: over')).toBe(true);
    await one();
    expect(seen).toEqual(['first', 'other']);
    expect([gate.inside, gate.waiting]).toEqual([1, 0]);
  });
});
