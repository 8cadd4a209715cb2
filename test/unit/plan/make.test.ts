import { describe, expect, it } from 'vitest';
import { ignoredKey, type Step } from '../../../src/model/index.ts';
import { ignoreRules, makePlan, planText, summarize } from '../../../src/plan/index.ts';
import { inventoryOf, planInput, rendered, seenAs, setOf, settled, viewOf } from '../../support/plans.ts';

const stepsOf = (plan: ReturnType<typeof makePlan>): Step[] => plan.stages.flatMap((stage) => [...stage.steps]);
const one = (plan: ReturnType<typeof makePlan>): Step | undefined => stepsOf(plan)[0];

describe('what is done with one object', () => {
  const a = rendered('a', 'one');

  it('creates what is not there', () => {
    expect(one(makePlan(planInput(setOf(a))))).toMatchObject({ do: 'apply', why: 'new' });
  });

  it('leaves alone what is as it was applied', () => {
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(settled(a)) })))).toMatchObject({
      do: 'skip',
      why: 'unchanged',
    });
  });

  it('applies what was rendered differently', () => {
    expect(one(makePlan(planInput(setOf(rendered('a', 'two')), { live: viewOf(settled(a)) })))).toMatchObject({
      do: 'apply',
      why: 'changed',
    });
  });

  it('corrects a field of ours that someone changed, and names who', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm2', { lastOther: 'hpa' }));
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(known) })))).toMatchObject({
      do: 'apply',
      why: 'drift',
      detail: 'changed by hpa',
    });
  });

  it('takes fields back from kubectl, but not with ssa: Merge', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm1', { takeover: ['kubectl-edit'] }));
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(known) })))).toMatchObject({ do: 'apply', why: 'drift' });
    const merge = rendered('a', 'one', { settings: { ...a.settings, ssa: 'Merge' } });
    expect(one(makePlan(planInput(setOf(merge), { live: viewOf(known) })))).toMatchObject({
      do: 'skip',
      why: 'unchanged',
    });
  });

  it('creates again what was deleted by hand', () => {
    const known = settled(a);
    known.seen.delete(a.id);
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(known) })))).toMatchObject({ do: 'apply', why: 'missing' });
  });

  it('does not fight with a deletion that is under way', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm2', { deleting: true }));
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(known) })))).toMatchObject({ do: 'skip' });
  });

  it('brings what is new to an object that is being deleted: a finalizer that holds it may go', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm1', { deleting: true }));
    const changed = setOf(rendered('a', 'two'));
    expect(one(makePlan(planInput(changed, { live: viewOf(known) })))).toMatchObject({ do: 'apply', why: 'changed' });
    const correction = planInput(changed, { live: viewOf(known), only: new Set([a.id]) });
    expect(one(makePlan(correction))).toMatchObject({ do: 'skip' });
    known.facts.delete(a.id);
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(known) })))).toMatchObject({ do: 'apply' });
  });

  it.each([
    ['reconcile: disabled in the source', { settings: { ...a.settings, reconcile: false } }, {}],
    ['ssa: Ignore', { settings: { ...a.settings, ssa: 'Ignore' as const } }, {}],
    ['ssa: IfNotPresent on an existing object', { settings: { ...a.settings, ssa: 'IfNotPresent' as const } }, {}],
    [
      'reconcile: disabled in the cluster',
      {},
      { settings: { reconcile: false, prune: true, ignore: false, force: false } },
    ],
  ])('skips %s', (_title, desired, live) => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm2', live));
    expect(one(makePlan(planInput(setOf(rendered('a', 'two', desired)), { live: viewOf(known) })))).toMatchObject({
      do: 'skip',
    });
  });

  it.each([
    ['CustomResourceDefinition', 'apiextensions.k8s.io'],
    ['Namespace', ''],
  ])('waits for a %s that is being deleted, and does not make objects anew in it', (kind, group) => {
    const ground = rendered('ground', 'g', { kind, group, namespace: '' });
    const inside = rendered('inside', 'one', { needs: [ground.id] });
    const known = settled(ground, inside);
    known.seen.set(ground.id, seenAs(`uid-${ground.id}`, 'm1', { deleting: true }));
    const stepOf = (object = inside): Step | undefined =>
      stepsOf(makePlan(planInput(setOf(ground, object), { live: viewOf(known) }))).find(
        (step) => step.do !== 'wait' && step.id === inside.id,
      );
    expect(stepOf()).toMatchObject({ do: 'skip', why: 'unchanged' });
    expect(stepOf(rendered('inside', 'two', { needs: [ground.id] }))).toMatchObject({ do: 'apply', why: 'changed' });
    known.seen.set(inside.id, seenAs(`uid-${inside.id}`, 'm2'));
    const waits = { do: 'hold', fault: 'apply-waits', why: `waits for ${kind}/ground, which is being deleted` };
    expect(stepOf()).toMatchObject(waits);
    known.seen.delete(inside.id);
    expect(stepOf()).toMatchObject(waits);
    known.facts.delete(inside.id);
    expect(stepOf()).toMatchObject(waits);
    known.seen.delete(ground.id);
    expect(stepOf()).toMatchObject({ do: 'apply', why: 'new' });
  });

  it('lets a rival writer wait', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm2'));
    const plan = makePlan(planInput(setOf(a), { live: viewOf(known), rivals: new Map([[a.id, 'hpa undoes it']]) }));
    expect(one(plan)).toMatchObject({ do: 'hold', why: 'hpa undoes it' });
  });

  it('applies everything on a full check', () => {
    expect(one(makePlan(planInput(setOf(a), { live: viewOf(settled(a)), check: true })))).toMatchObject({
      do: 'apply',
      why: 'check',
    });
  });
});

describe('stages and order', () => {
  const crd = rendered('widgets.example.com', 'crd', {
    kind: 'CustomResourceDefinition',
    group: 'apiextensions.k8s.io',
    namespace: '',
  });
  const namespace = rendered('app', 'ns', { kind: 'Namespace', namespace: '' });
  const storage = rendered('fast', 'sc', { kind: 'StorageClass', group: 'storage.k8s.io', namespace: '' });
  const deployment = rendered('web', 'd', { kind: 'Deployment', group: 'apps' });
  const config = rendered('conf', 'c');

  it('puts definitions and namespaces first, then classes, then the rest in order of kinds', () => {
    const plan = makePlan(planInput(setOf(deployment, config, storage, namespace, crd)));
    expect(plan.stages.map((stage) => stage.name)).toEqual(['definitions', 'classes', 'main']);
    expect(stepsOf(plan).map((step) => (step.do === 'wait' ? 'wait' : step.ref.kind))).toEqual([
      'CustomResourceDefinition',
      'Namespace',
      'wait',
      'StorageClass',
      'wait',
      'ConfigMap',
      'Deployment',
    ]);
  });

  it('deletes in the reverse order, and only what the inventory has', () => {
    const plan = makePlan(
      planInput(setOf(), {
        inventory: inventoryOf(namespace, config, deployment),
        live: viewOf(settled(namespace, config, deployment)),
      }),
    );
    expect(stepsOf(plan).map((step) => (step.do === 'delete' ? step.ref.kind : step.do))).toEqual([
      'Deployment',
      'ConfigMap',
      'Namespace',
    ]);
  });

  it('knows a wanted object by an id with, and without, a namespace that its kind has not', () => {
    const role = { kind: 'ClusterRole', group: 'rbac.authorization.k8s.io' };
    const wanted = setOf(
      rendered('viewer', 'new', { ...role, namespace: '' }),
      rendered('one', 'new', { kind: 'Gizmo', group: 'e.com', namespace: 'apps' }),
      rendered('three', 'new', { kind: 'Gadget', group: 'e.com', namespace: '' }),
    );
    const before = [
      { id: 'apps_viewer_rbac.authorization.k8s.io_ClusterRole', v: 'v1' },
      { id: '_one_e.com_Gizmo', v: 'v1' },
      { id: '_two_e.com_Gizmo', v: 'v1' },
      { id: 'apps_three_e.com_Gadget', v: 'v1' },
      { id: 'apps_viewer__ConfigMap', v: 'v1' },
    ];
    const live = { ...viewOf(settled()), absent: () => false };
    const plan = makePlan(planInput(wanted, { inventory: before, live }));
    const deleted = stepsOf(plan).flatMap((step) => (step.do === 'delete' ? [step.id] : []));
    expect(deleted.sort()).toEqual(['_two_e.com_Gizmo', 'apps_viewer__ConfigMap']);
    expect(plan.inventory.map(({ id }) => id)).toEqual([
      '_viewer_rbac.authorization.k8s.io_ClusterRole',
      '_three_e.com_Gadget',
      'apps_one_e.com_Gizmo',
      '_two_e.com_Gizmo',
      'apps_viewer__ConfigMap',
    ]);
  });

  it('deletes nothing without prune, and lets go of what left', () => {
    const plan = makePlan(
      planInput(setOf(), { inventory: inventoryOf(config), live: viewOf(settled(config)), prune: false }),
    );
    expect(stepsOf(plan)).toEqual([]);
    expect(plan.inventory).toEqual([]);
  });

  it('writes the wanted and the stale objects into the inventory before anything is done', () => {
    const old = rendered('old', 'x');
    const plan = makePlan(planInput(setOf(config), { inventory: inventoryOf(old), live: viewOf(settled(old)) }));
    expect(plan.inventory.map((entry) => entry.id)).toEqual([config.id, old.id]);
  });

  it('asks first about changes, but not about what stands on a namespace that is not there yet', () => {
    const known = settled(deployment);
    const inside = rendered('conf', 'c', { needs: [namespace.id] });
    const changed = rendered('web', 'd2', { kind: 'Deployment', group: 'apps' });
    const plan = makePlan(planInput(setOf(namespace, inside, changed), { live: viewOf(known), probe: true }));
    const probes = stepsOf(plan).flatMap((step) => (step.do === 'apply' ? [[step.ref.kind, step.probe]] : []));
    expect(probes).toEqual([
      ['Namespace', true],
      ['ConfigMap', false],
      ['Deployment', true],
    ]);
  });

  it('looks at drifted objects only, when told which, and prunes nothing then', () => {
    const known = settled(config, deployment);
    known.seen.delete(config.id);
    known.seen.delete(deployment.id);
    const old = rendered('old', 'x');
    const plan = makePlan(
      planInput(setOf(config, deployment), {
        live: viewOf(known),
        inventory: inventoryOf(config, deployment, old),
        only: new Set([config.id]),
      }),
    );
    expect(summarize(plan)).toMatchObject({ apply: 1, delete: 0 });
    expect(stepsOf(plan).flatMap((step) => (step.do === 'wait' ? [] : step.id))).toEqual([config.id]);
    expect(plan.inventory).toEqual(inventoryOf(config, deployment, old));
  });

  it('prints', () => {
    const known = settled(config);
    const plan = makePlan(
      planInput(setOf(rendered('conf', 'c2'), deployment), {
        inventory: inventoryOf(config, rendered('old', 'x')),
        live: { ...viewOf(known), absent: (id) => id === deployment.id },
      }),
    );
    expect(planText(plan, { all: false })).toBe(
      'main:\n  ~ change ConfigMap/app/conf\n  + create Deployment/app/web\nprune:\n  - delete ConfigMap/app/old: no longer declared\nPlan: 2 to apply, 0 to replace, 1 to delete, 0 held, 0 unchanged.\n',
    );
  });
});

describe('an object whose labels name another owner', () => {
  const taken = (declares?: (owner: string) => boolean) => {
    const live = settled(rendered('a', '1'));
    live.seen.set(
      rendered('a', '1').id,
      seenAs(live.facts.values().next().value?.uid ?? '', 'm1', { owner: 'flux-system/two' }),
    );
    return makePlan(
      planInput(setOf(rendered('a', '1')), { live: viewOf(live), ...(declares === undefined ? {} : { declares }) }),
    ).stages[0]?.steps[0];
  };

  it('is drift, although no field of ours was changed', () => {
    expect(taken()).toMatchObject({ do: 'apply', why: 'drift', detail: 'its labels name flux-system/two' });
  });

  it('is held where that owner declares it, too', () => {
    expect(taken((owner) => owner === 'flux-system/two')).toMatchObject({ do: 'hold', fault: 'owned-by-other' });
  });
});

describe('a correction', () => {
  const held = (stored: boolean, more: Partial<Parameters<typeof planInput>[1]> = {}) => {
    const before = rendered('a', 'old');
    const { id } = before;
    const live = settled(before);
    live.seen.delete(id);
    const wanted = setOf(rendered('a', 'new'));
    const input = planInput(wanted, { live: viewOf(live), only: new Set([id]), stored: () => stored, ...more });
    return { step: makePlan(input).stages[0]?.steps[0], old: before.digest, next: wanted.objects[0]?.digest };
  };

  it('puts back what was applied last: what is newer was refused, or is held', () => {
    const { step, old } = held(true);
    expect(step).toMatchObject({ do: 'apply', why: 'missing', digest: old });
  });

  it('puts what is wanted where the old state is no longer stored, and in a whole run', () => {
    const lost = held(false);
    expect(lost.step).toMatchObject({ why: 'missing', digest: lost.next });
    const whole = held(true, { only: undefined });
    expect(whole.step).toMatchObject({ why: 'missing', digest: whole.next });
  });
});

describe('a kind that no watch covers', () => {
  it('is checked as a whole, beside kinds that are watched', () => {
    const secret = rendered('s', '1', { kind: 'Secret' });
    const all = [rendered('a', '1'), secret];
    const plan = makePlan(planInput(setOf(...all), { live: viewOf(settled(...all)), blind: new Set(['/Secret']) }));
    expect(plan.stages.flatMap((stage) => stage.steps).filter((step) => step.do === 'apply')).toMatchObject([
      { id: secret.id, why: 'check' },
    ]);
  });
});

describe('fields left to others', () => {
  const a = rendered('a', 'one');
  const rules = ignoreRules([{ paths: ['/data/x', '/data/a'], target: { kind: 'Config.*', name: 'a' } }]);
  const planned = (known: ReturnType<typeof settled>, ignore = rules) =>
    makePlan(planInput(setOf(a), { live: viewOf(known), ignore }));

  it('come with the step, and are printed', () => {
    const known = settled(a);
    known.seen.set(a.id, seenAs(`uid-${a.id}`, 'm2', { lastOther: 'hpa' }));
    const plan = planned(known);
    const fields = { paths: ['/data/x', '/data/a'], labelSelector: '', annotationSelector: '' };
    expect(one(plan)).toMatchObject({ do: 'apply', why: 'drift', ignore: [fields] });
    expect(planText(plan, { all: false })).toContain(
      'correct ConfigMap/app/a: changed by hpa (ignored: /data/a, /data/x)',
    );
  });

  it('are declared again once no rule, or another one, covers them', () => {
    const known = settled(a);
    const fact = known.facts.get(a.id);
    if (fact === undefined) throw new Error('no fact');
    const key = ignoredKey(rules(a.ref));
    known.facts.set(a.id, { ...fact, ignored: key });
    expect(one(planned(known))).toMatchObject({ do: 'skip', why: 'unchanged' });
    const others = ignoreRules([{ paths: ['/data/x'] }]);
    for (const now of [() => [], others])
      expect(one(planned(known, now))).toMatchObject({ do: 'apply', why: 'changed' });
    known.facts.set(a.id, fact);
    expect(one(planned(known))).toMatchObject({ do: 'skip', why: 'unchanged' });
  });

  it('are for objects that all patterns of the target match whole', () => {
    const ref = { ...a.ref, group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
    const count = (target: Record<string, string>): number => ignoreRules([{ paths: ['/spec'], target }])(ref).length;
    expect([{}, { kind: 'Deploy.*' }, { group: 'apps', version: 'v[12]', namespace: 'shop' }].map(count)).toEqual([
      1, 1, 1,
    ]);
    expect([{ kind: 'Deploy' }, { name: 'eb' }, { group: 'apps', name: 'db' }].map(count)).toEqual([0, 0, 0]);
  });

  it('that cannot be read are told with their place', () => {
    const read =
      (paths: readonly string[], target: Record<string, string> = {}) =>
      () =>
        ignoreRules([{ paths: ['/a'] }, { paths, target }]);
    const said = (what: string) =>
      new RegExp(`^failed to create ignore rule selector: invalid ${what}.* \\(spec.ignore\\[1\\]\\)$`);
    expect(read(['/a'], { kind: '(' })).toThrow(said('kind regex: error parsing regexp'));
    expect(read(['/a'], { labelSelector: 'a in' })).toThrow(said('label selector: unable to parse requirement'));
    expect(read(['/a'], { annotationSelector: 'a in' })).toThrow(
      said('annotation selector: unable to parse requirement'),
    );
  });

  it('name no field where a path is no pointer, as in Flux', () => {
    expect(ignoreRules([{ paths: ['spec/replicas', '', '/'] }])(a.ref)).toEqual([]);
    expect(ignoreRules([{ paths: ['spec', '/data'] }])(a.ref)).toMatchObject([{ paths: ['/data'] }]);
  });
});
