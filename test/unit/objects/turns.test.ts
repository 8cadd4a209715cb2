import { describe, expect, it } from 'vitest';
import { createTurns } from '../../../agent/objects/turns.ts';
import { Fault } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const log: Log = { ...silent, with: () => log };

function world() {
  const clock = manualClock();
  const cluster = createFakeCluster();
  const ended = new AbortController();
  let turns = 0;
  const now = createTurns({
    cluster,
    clock,
    log,
    namespaces: [],
    labelSelector: '',
    signal: ended.signal,
    loop: () => undefined,
    onTurn: () => {
      turns += 1;
    },
  });
  return { clock, cluster, ended, now, turns: () => turns };
}

describe('an agent whose turn it is', () => {
  it('asks again what the other one has left until it knows', async () => {
    const { clock, cluster, now, turns } = world();
    const answers = cluster.fail(({ verb }) => verb === 'list', new Fault('cluster-unreachable', 'gone'));
    now('somebody works');
    now(undefined);
    await clock.advance(60_000);
    expect(turns()).toBe(0);
    answers();
    await clock.advance(10_000);
    expect(turns()).toBe(1);
  });

  it('asks no more once it ends', async () => {
    const { clock, cluster, ended, now, turns } = world();
    cluster.fail(({ verb }) => verb === 'list', new Fault('cluster-unreachable', 'gone'));
    now('somebody works');
    now(undefined);
    await clock.advance(60_000);
    ended.abort();
    await clock.advance(0);
    cluster.forgetCalls();
    await clock.advance(600_000);
    expect([cluster.count(), clock.waiting(), turns()]).toEqual([0, 0, 0]);
  });
});
