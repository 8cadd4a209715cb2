import { describe, expect, it } from 'vitest';
import { readRules } from '../../../agent/loop/rules.ts';
import { DEFAULT_LIMITS, Fault, type JsonObject } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';

const TERMINAL = 'Reconciliation failed terminally due to configuration error: ';

async function rulesOf(more: JsonObject) {
  const [object] = objectsOf(
    JSON.stringify({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace: 'team' },
      spec: { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' }, ...more },
    }),
  ).kustomizations;
  if (object === undefined) throw new Error('not read');
  return readRules(object.spec, DEFAULT_LIMITS);
}

describe('expressions that cannot be used stall, in the words of Flux', () => {
  const health = (...entries: readonly JsonObject[]) => rulesOf({ healthCheckExprs: [...entries] });
  const check = { apiVersion: 'v1', kind: 'ConfigMap', current: 'true' };

  it.each([
    [
      'none for what is current',
      [{ ...check, current: '' }],
      'failed to create custom status evaluator for healthchecks[0]: expression Current not specified',
    ],
    [
      'two for a kind',
      [check, { ...check, apiVersion: 'v2' }],
      'duplicate custom health check for GroupKind ConfigMap at healthchecks[1]',
    ],
    [
      'two for a kind of a group',
      [
        { ...check, apiVersion: 'a.b/v1' },
        { ...check, apiVersion: 'a.b/v2' },
      ],
      'duplicate custom health check for GroupKind ConfigMap.a.b at healthchecks[1]',
    ],
  ])('%s', async (_title, entries, message) => {
    const { fault } = await health(...entries);
    expect([fault?.code, fault?.message]).toEqual(['expression-invalid', `${TERMINAL}${message}`]);
  });

  it('without an API version the kind is of the core group', async () => {
    const { fault, judge } = await health({ ...check, apiVersion: '' });
    expect(fault).toBeUndefined();
    const ref = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'team', name: 'a' };
    expect(judge.ruleOf(ref)).toBeDefined();
  });

  it.each([
    ["'x'", 'CEL expression output type mismatch: expected bool, got string'],
    ['dep.metadata.name', 'CEL expression output type mismatch: expected bool, got dyn'],
    ['nobody.knows', "failed to parse the CEL expression 'nobody.knows': "],
  ])('readyExpr %s', async (readyExpr, message) => {
    const { ready } = await rulesOf({ dependsOn: [{ name: 'base', readyExpr }] });
    const test = ready.get(readyExpr);
    expect(test).toBeInstanceOf(Fault);
    expect((test as Fault).message).toContain(
      `${TERMINAL}terminal error: failed to evaluate dependency base: ${message}`,
    );
  });
});
