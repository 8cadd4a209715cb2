import { describe, expect, it } from 'vitest';
import { createPublisher, type Publisher } from '../../../agent/objects/publisher.ts';
import { statusKnown, type Tracked } from '../../../agent/objects/tracked.ts';
import { Fault, type FaultCode, type VersionedRef } from '../../../src/model/index.ts';
import type { Cluster, Log } from '../../../src/ports/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

interface World {
  readonly clock: ManualClock;
  readonly publisher: Publisher;
  /** Names of the objects whose status was written, or tried to be, with the time. */
  readonly tries: { readonly name: string; readonly at: number }[];
  /** `level event`, of all above debug. */
  readonly lines: string[];
  fault: FaultCode | undefined;
  /** Writes get no answer. */
  stuck: boolean;
}

function tracked(name: string): Tracked {
  const ref: VersionedRef = { group: 'g', version: 'v1', kind: 'Kustomization', namespace: 'team', name };
  const status = statusKnown({});
  return {
    ref,
    uid: name,
    generation: 1,
    resourceVersion: '1',
    finalizers: [],
    deleting: false,
    shape: '',
    status,
    wrote: undefined,
    claiming: undefined,
  };
}

function world(...names: readonly string[]): World {
  const clock = manualClock();
  const tries: World['tries'] = [];
  const lines: string[] = [];
  const line = (level: string) => (event: string) => void lines.push(`${level} ${event}`);
  const log = {
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  } as unknown as Log;
  const cluster = {
    patch: async (ref: VersionedRef, body: { readonly status: object }) => {
      tries.push({ name: ref.name, at: clock.monotonic() });
      if (made.stuck) return new Promise<never>(() => undefined);
      if (made.fault !== undefined) throw new Fault(made.fault, `no, ${ref.name}`);
      return { apiVersion: 'g/v1', kind: ref.kind, metadata: { name: ref.name }, status: body.status };
    },
  } as unknown as Cluster;
  const publisher = createPublisher({
    cluster,
    clock,
    log,
    tracked: new Map(names.map((name) => [name, tracked(name)])),
    wanted: () => ({ observedGeneration: 1 }),
    speaks: () => true,
  });
  const made: World = { clock, publisher, tries, lines, fault: undefined, stuck: false };
  return made;
}

const MINUTE = 60_000;

describe('a status that may not be written', () => {
  it('is tried again less and less often, but each minute at least, and written when it may be', async () => {
    const made = world('a');
    made.fault = 'cluster-denied';
    made.publisher.changed('a');
    await made.clock.advance(60 * MINUTE);
    const waits = made.tries.slice(1).map(({ at }, index) => at - (made.tries[index]?.at ?? 0));
    expect(waits[0]).toBeLessThan(1_000);
    expect(Math.max(...waits)).toBeLessThan(1.2 * MINUTE);
    expect(waits.length).toBeGreaterThan(50);
    expect(waits.length).toBeLessThan(80);
    made.fault = undefined;
    await made.clock.advance(2 * MINUTE);
    const tries = made.tries.length;
    expect(tries).toBe(waits.length + 2);
    await made.clock.advance(60 * MINUTE);
    expect(made.tries).toHaveLength(tries);
  });

  it('is told of once for all objects, then when its count reaches a power of two', async () => {
    const made = world('a', 'b', 'c');
    made.fault = 'cluster-denied';
    for (const name of ['a', 'b', 'c']) made.publisher.changed(name);
    await made.clock.advance(30 * MINUTE);
    const [first, ...more] = made.lines;
    expect(first).toBe('warn status not written yet');
    expect(new Set(more)).toEqual(new Set(['warn status still not written']));
    expect(made.tries.length).toBeGreaterThan(90);
    expect(made.lines.length).toBeLessThan(8);
  });

  it('does not wait any longer when a flush says that it may be, nor is that of others kept waiting', async () => {
    const made = world('a', 'b');
    made.fault = 'cluster-denied';
    made.publisher.changed('a');
    await made.clock.advance(10 * MINUTE);
    made.fault = undefined;
    const { length } = made.tries;
    made.publisher.changed('b');
    await made.clock.advance(100);
    expect(made.tries.slice(length).map(({ name }) => name)).toEqual(['b']);
    made.publisher.flush();
    await made.clock.advance(0);
    expect(made.tries.slice(length).map(({ name }) => name)).toEqual(['b', 'a']);
  });

  it('is not logged as a failure of its own while there is no API server', async () => {
    const made = world('a');
    made.fault = 'cluster-unreachable';
    made.publisher.changed('a');
    await made.clock.advance(10 * MINUTE);
    expect(made.tries.length).toBeGreaterThan(5);
    expect(made.lines).toEqual([]);
  });

  it('is tried once more at the end, and not after it', async () => {
    const made = world('a');
    made.fault = 'cluster-denied';
    made.publisher.changed('a');
    await made.clock.advance(10 * MINUTE);
    const { length } = made.tries;
    const stopped = made.publisher.stop();
    await made.clock.advance(10 * MINUTE);
    await stopped;
    expect(made.tries).toHaveLength(length + 1);
  });

  it('is the last word of each object, of many as of few, and nothing waits afterwards', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `k-${i}`);
    const made = world(...names);
    for (const name of names) made.publisher.changed(name);
    await made.publisher.stop();
    expect(made.tries.map(({ name }) => name).sort()).toEqual([...names].sort());
    expect(made.clock.waiting()).toBe(0);
    made.publisher.changed('k-0');
    made.publisher.flush();
    await made.clock.advance(MINUTE);
    expect(made.tries).toHaveLength(names.length);
  });

  it('is not waited for any longer than that where it does not come through', async () => {
    const made = world('a');
    made.stuck = true;
    made.publisher.changed('a');
    await made.clock.advance(100);
    const stopped = made.publisher.stop();
    await made.clock.advance(10_000);
    await stopped;
    expect([made.tries.length, made.clock.waiting()]).toEqual([1, 0]);
  });
});
