import { describe, expect, it } from 'vitest';
import { judgeHealth } from '../../../agent/loop/kustomization-health.ts';
import type { KustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import type { Place } from '../../../agent/loop/place.ts';
import { type Condition, Fault, type Health, type ObjectId } from '../../../src/model/index.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { READY, runWorld, SINCE } from './run-world.ts';

const WEB = 'team_web_apps_Deployment' as ObjectId;

interface World {
  readonly clock: ManualClock;
  readonly run: KustomizationRun;
  /** What the watch has told. */
  readonly health: Map<ObjectId, Health>;
  synced: boolean;
  judge(): Promise<void>;
  /** `status/reason` of Ready, and since when. */
  ready(): string;
}

/** A Kustomization that checks one Deployment; its watch has just begun. */
function world(conditions: readonly Condition[]): World {
  const { clock, run, ports } = runWorld({
    spec: `timeout: 1m
  healthChecks: [{ apiVersion: apps/v1, kind: Deployment, name: web, namespace: team }]`,
    record: { conditions },
  });
  const health: World['health'] = new Map();
  const observer = { seen: new Map(), health, synced: () => made.synced, wants: () => true };
  run.place = { observer, cluster: {}, area: { key: '' }, account: '' } as unknown as Place;
  run.waiting = { revision: 'main@sha1:1', since: clock.monotonic(), deadline: clock.monotonic() + 60_000 };
  const made: World = {
    clock,
    run,
    health,
    synced: false,
    judge: () => judgeHealth(run, ports),
    ready: () => {
      const found = run.record.conditions.find((one) => one.type === 'Ready');
      return found === undefined ? '' : `${found.status}/${found.reason} ${found.lastTransitionTime}`;
    },
  };
  return made;
}

describe('a Kustomization that was ready', () => {
  it('stays so, and since when it was, while a watch is about to tell', async () => {
    const made = world([READY]);
    await made.judge();
    expect(made.ready()).toBe(`True/ReconciliationSucceeded ${SINCE}`);
    expect(made.run.waiting).toBeDefined();
    made.health.set(WEB, { status: 'Current', message: '' });
    made.synced = true;
    await made.judge();
    expect(made.ready()).toBe(`True/ReconciliationSucceeded ${SINCE}`);
    expect(made.run.waiting).toBeUndefined();
  });

  it('is so no longer when an object is known not to be well', async () => {
    const made = world([READY]);
    made.health.set(WEB, { status: 'InProgress', message: 'replicas: 0/1' });
    made.synced = true;
    await made.judge();
    expect(made.ready()).toMatch(/^Unknown\/Progressing 2026/);
    made.health.set(WEB, { status: 'Failed', message: 'no' });
    await made.judge();
    expect(made.ready()).toMatch(/^False\/HealthCheckFailed 2026/);
  });
});

it('one that was not ready says at once what it waits for', async () => {
  const made = world([]);
  await made.judge();
  expect(made.ready()).toMatch(/^Unknown\/Progressing 2026/);
});

it('what an account may not see is waited for, and then told of as unhealthy', async () => {
  const made = world([]);
  const { place } = made.run;
  if (place === undefined) throw new Error('no place');
  const read = (): Promise<never> => Promise.reject(new Fault('cluster-denied', 'cannot get deployments'));
  made.run.place = { ...place, cluster: { read } } as unknown as Place;
  await made.clock.advance(2_000);
  await made.judge();
  expect(made.ready()).toMatch(/^Unknown\/Progressing/);
  expect(made.run.waiting).toBeDefined();
  await made.clock.advance(60_000);
  await made.judge();
  expect(made.ready()).toMatch(/^False\/HealthCheckFailed/);
  expect(made.run.record.conditions.find((one) => one.type === 'Healthy')?.message).toContain('cannot get deployments');
});
