import { describe, expect, it } from 'vitest';
import { BUILT_IN, judgeWith } from '../../../src/health/index.ts';
import type { JsonObject, KubeObject } from '../../../src/model/index.ts';

const object = (kind: string, more: JsonObject = {}, apiVersion = 'e.com/v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'one', generation: 2 },
  ...more,
});
const says = (word: string) => (one: KubeObject) => (one['status'] as JsonObject | undefined)?.['phase'] === word;
const fails = (): boolean => {
  throw new Error('no such key: phase');
};
const widgets = {
  group: 'e.com',
  kind: 'Widget',
  current: says('Done'),
  failed: says('Broken'),
  inProgress: says('Busy'),
};

describe('health by rules of one’s own', () => {
  const judge = judgeWith([
    widgets,
    { group: 'e.com', kind: '', current: () => true },
    { group: '', kind: 'ConfigMap', current: fails },
  ]);

  it('asks in Flux’s order: an old status, in progress, failed, current; else it is in progress', () => {
    const status = (phase: string, more: JsonObject = {}) =>
      judge.health(object('Widget', { status: { phase, ...more } })).status;
    expect(['Done', 'Broken', 'Busy', 'Other'].map((phase) => status(phase))).toEqual([
      'Current',
      'Failed',
      'InProgress',
      'InProgress',
    ]);
    expect(status('Done', { observedGeneration: 1 })).toBe('InProgress');
    expect(status('Done', { observedGeneration: '1' })).toBe('Current');
    const both = judgeWith([{ ...widgets, inProgress: () => true, failed: () => true, current: () => true }]);
    expect(both.health(object('Widget')).status).toBe('InProgress');
    const two = judgeWith([{ group: 'e.com', kind: 'Widget', failed: () => true, current: () => true }]);
    expect(two.health(object('Widget')).status).toBe('Failed');
  });

  it('a rule for a kind outweighs one for its group; the version does not count', () => {
    expect(judge.health(object('Widget', {}, 'e.com/v2')).status).toBe('InProgress');
    expect(judge.health(object('Gadget')).status).toBe('Current');
    expect(judge.ruleOf({ group: 'e.com', kind: 'Widget' })).toBe(widgets);
    expect(judge.ruleOf({ group: 'other.com', kind: 'Widget' })).toBeUndefined();
  });

  it('what has no value is Unknown, with why, but for what may hold a secret', () => {
    expect(judge.health(object('ConfigMap', {}, 'v1'))).toEqual({ status: 'Unknown', message: 'no such key: phase' });
    const secrets = judgeWith([{ group: '', kind: 'Secret', current: fails }]);
    expect(secrets.health(object('Secret', {}, 'v1')).message).toBe('an expression has no value');
  });

  it('gives a health to kinds that have none, and leaves Jobs to Flux’s own rule', () => {
    const configMap = { group: '', kind: 'ConfigMap' };
    expect([judge.hasHealth(configMap), BUILT_IN.hasHealth(configMap)]).toEqual([true, false]);
    const jobs = judgeWith([{ group: 'batch', kind: 'Job', current: () => true }]);
    expect(jobs.ruleOf({ group: 'batch', kind: 'Job' })).toBeUndefined();
    expect(jobs.health(object('Job', {}, 'batch/v1')).status).toBe('InProgress');
  });

  it('judges what is being deleted by its rule as well', () => {
    const going = object('Widget', { status: { phase: 'Done' } });
    const metadata = { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(judge.health({ ...going, metadata }).status).toBe('Current');
    expect(BUILT_IN.health({ ...going, metadata }).status).toBe('Terminating');
  });
});
