import { describe, expect, it } from 'vitest';
import { Fault, type ObjectId, type Probe, type Step } from '../../../src/model/index.ts';
import { makePlan, settlePlan } from '../../../src/plan/index.ts';
import { planInput, rendered, setOf, settled, viewOf } from '../../support/plans.ts';

const refused = (message = 'spec.ports: Required value'): Probe => ({
  ok: false,
  fault: new Fault('apply-refused', message),
});
const immutable: Probe = { ok: false, fault: new Fault('apply-immutable', 'field is immutable') };

function settle(probes: readonly (readonly [ObjectId, Probe])[], force = false): Map<ObjectId, Step> {
  const plan = makePlan(planInput(desired, { live: viewOf(settled(...before)), probe: true, force }));
  const steps = settlePlan(plan, new Map(probes), desired).stages.flatMap((stage) => [...stage.steps]);
  return new Map(steps.flatMap((step) => (step.do === 'wait' ? [] : [[step.id, step]])));
}

const config = rendered('conf', 'new');
const deployment = rendered('web', 'new', { kind: 'Deployment', group: 'apps', needs: [config.id] });
const scaler = rendered('web', 'new', {
  kind: 'HorizontalPodAutoscaler',
  group: 'autoscaling',
  needs: [deployment.id],
});
const other = rendered('other', 'new');
const desired = setOf(config, deployment, scaler, other);
const before = [rendered('conf', 'old'), rendered('web', 'old', { kind: 'Deployment', group: 'apps' })];

describe('a plan that knows what the API server says', () => {
  it('holds a refused object and all that hang on it; the others go on', () => {
    const steps = settle([[config.id, refused()]]);
    expect(steps.get(config.id)).toMatchObject({ do: 'hold', why: 'spec.ports: Required value', cause: '' });
    expect(steps.get(deployment.id)).toMatchObject({ do: 'hold', cause: config.id });
    expect(steps.get(scaler.id)).toMatchObject({ do: 'hold', cause: config.id });
    expect(steps.get(other.id)).toMatchObject({ do: 'apply' });
  });

  it('replaces what cannot be changed only where that is allowed', () => {
    expect(settle([[config.id, immutable]]).get(config.id)).toMatchObject({ do: 'hold' });
    expect(settle([[config.id, immutable]], true).get(config.id)).toMatchObject({
      do: 'replace',
      why: 'field is immutable',
    });
  });

  it('replaces, where that is allowed, what the validation of the change refuses, and nothing else that is refused', () => {
    const cause = { kind: 'Status', code: 422, reason: 'Invalid' };
    const invalid: Probe = { ok: false, fault: new Fault('apply-refused', 'spec.ipFamilies[1]: Invalid', { cause }) };
    expect(settle([[config.id, invalid]]).get(config.id)).toMatchObject({ do: 'hold' });
    expect(settle([[config.id, invalid]], true).get(config.id)).toMatchObject({ do: 'replace' });
    const denied = { kind: 'Status', code: 403, reason: 'Forbidden' };
    const probe: Probe = { ok: false, fault: new Fault('apply-refused', 'a webhook says no', { cause: denied }) };
    expect(settle([[config.id, probe]], true).get(config.id)).toMatchObject({ do: 'hold' });
    expect(settle([[config.id, refused()]], true).get(config.id)).toMatchObject({ do: 'hold' });
  });

  it('leaves an object alone whose annotations in the cluster say so', () => {
    expect(
      settle([[config.id, { ok: true, leave: 'reconcile: disabled in the cluster' }]]).get(config.id),
    ).toMatchObject({ do: 'skip' });
  });
});
