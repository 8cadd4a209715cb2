import { describe, expect, it } from 'vitest';
import { Fault, type ObjectId, type Plan, type Probe, type Step } from '../../../src/model/index.ts';
import { makePlan, settlePlan, wholeOrNothing } from '../../../src/plan/index.ts';
import { planInput, rendered, setOf, settled, viewOf } from '../../support/plans.ts';

const denied: Probe = { ok: false, fault: new Fault('cluster-denied', 'cannot patch') };
const refused: Probe = { ok: false, fault: new Fault('apply-refused', 'is wrong') };

const steps = (plan: Plan): Map<ObjectId, Step> =>
  new Map(
    plan.stages.flatMap((stage) =>
      stage.steps.flatMap((step) => (step.do === 'wait' ? [] : [[step.id, step] as const])),
    ),
  );

const bad = rendered('bad', 'new');
const changed = rendered('changed', 'new');
const same = rendered('same', 'old');
const gone = rendered('gone', 'old');
const desired = setOf(bad, changed, same, gone);

function plan(answer: Probe): Map<ObjectId, Step> {
  const before = settled(rendered('bad', 'old'), rendered('changed', 'old'), same, gone);
  before.seen.delete(gone.id);
  const live = viewOf(before);
  const made = makePlan(planInput(desired, { live: { ...live, absent: (id) => id === gone.id }, probe: true }));
  return steps(wholeOrNothing(settlePlan(made, new Map([[bad.id, answer]]), desired)));
}

describe('a plan of somebody with few rights', () => {
  it('applies nothing new where anything is denied, and says what it waits for', () => {
    const found = plan(denied);
    expect(found.get(bad.id)).toMatchObject({ do: 'hold', cause: '', fault: 'cluster-denied' });
    expect(found.get(changed.id)).toMatchObject({ do: 'hold', cause: bad.id });
    expect(found.get(changed.id)).toHaveProperty('why', expect.stringContaining('ConfigMap/app/bad'));
  });

  it('corrects what was applied before all the same', () => {
    const found = plan(denied);
    expect(found.get(same.id)).toMatchObject({ do: 'skip' });
    expect(found.get(gone.id)).toMatchObject({ do: 'apply', why: 'missing' });
  });

  it('goes on beside an object that is refused for another reason', () => {
    const found = plan(refused);
    expect(found.get(bad.id)).toMatchObject({ do: 'hold' });
    expect(found.get(changed.id)).toMatchObject({ do: 'apply', why: 'changed' });
  });
});

describe('the inventory of a correction', () => {
  it('takes up no object that was never applied', () => {
    const live = viewOf(settled(same));
    const made = makePlan(
      planInput(setOf(same, changed), {
        live,
        only: new Set([same.id]),
        inventory: [{ id: same.id, v: 'v1' }],
      }),
    );
    expect(made.inventory.map((entry) => entry.id)).toEqual([same.id]);
  });
});
