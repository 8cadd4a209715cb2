import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  AppliedFact,
  InventoryEntry,
  ObjectId,
  Plan,
  RenderedObject,
  SeenObject,
} from '../../../src/model/index.ts';
import { isEmpty, makePlan } from '../../../src/plan/index.ts';
import { guardPrune } from '../../../src/policy/index.ts';
import { planInput, rendered, seenAs, setOf, viewOf } from '../../support/plans.ts';

/** A cluster that does what a plan says; `foreign` objects belong to nobody of ours. */
class ModelCluster {
  readonly objects = new Map<ObjectId, { content: string; uid: string }>();
  readonly facts = new Map<ObjectId, AppliedFact>();
  inventory: readonly InventoryEntry[] = [];
  private made = 0;

  seen(): Map<ObjectId, SeenObject> {
    return new Map([...this.objects].map(([id, one]) => [id, seenAs(one.uid, one.content)]));
  }

  put(id: ObjectId, content: string): void {
    this.made += 1;
    this.objects.set(id, { content, uid: this.objects.get(id)?.uid ?? `u${this.made}` });
  }

  run(plan: Plan, stopAfter = Number.POSITIVE_INFINITY): void {
    this.inventory = plan.inventory;
    let left = stopAfter;
    for (const step of plan.stages.flatMap((stage) => stage.steps)) {
      if (left-- <= 0) return;
      if (step.do === 'apply' || step.do === 'replace') {
        this.put(step.id, step.digest);
        const uid = this.objects.get(step.id)?.uid ?? '';
        this.facts.set(step.id, { uid, digest: step.digest, mark: step.digest });
      } else if (step.do === 'delete') {
        this.objects.delete(step.id);
        this.facts.delete(step.id);
      }
    }
    const gone = new Set(
      plan.stages.flatMap((stage) => stage.steps).flatMap((step) => (step.do === 'delete' ? [step.id] : [])),
    );
    this.inventory = plan.inventory.filter((entry) => !gone.has(entry.id));
  }

  plan(desired: readonly RenderedObject[]): Plan {
    return makePlan(
      planInput(setOf(...desired), {
        inventory: this.inventory,
        live: viewOf({ facts: this.facts, seen: this.seen() }),
      }),
    );
  }
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const revision = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...names), content: fc.constantFrom('1', '2', '3') }),
  { selector: (o) => o.name },
);
const objects = (list: readonly { name: string; content: string }[]): RenderedObject[] =>
  list.map((o) => rendered(o.name, o.content));
const meddling = fc.array(
  fc.record({ name: fc.constantFrom(...names), what: fc.constantFrom('edit', 'delete', 'recreate') }),
);

const FOREIGN = rendered('foreign', 'theirs');

describe('plans on a model cluster', () => {
  it('reach the desired set whatever was there, whoever meddled, and wherever an earlier run stopped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ revision, meddling, stopAfter: fc.nat(8) }), { minLength: 1, maxLength: 6 }),
        revision,
        (history, last) => {
          const cluster = new ModelCluster();
          cluster.put(FOREIGN.id, 'theirs');
          for (const step of history) {
            cluster.run(cluster.plan(objects(step.revision)), step.stopAfter);
            for (const { name, what } of step.meddling) {
              const { id } = rendered(name, '');
              if (what === 'edit' && cluster.objects.has(id)) cluster.put(id, 'by hand');
              if (what === 'delete' || what === 'recreate') cluster.objects.delete(id);
              // What is in no inventory belongs to whoever made it.
              if (what === 'recreate' && cluster.inventory.some((entry) => entry.id === id)) cluster.put(id, 'by hand');
            }
          }
          const wanted = objects(last);
          cluster.run(cluster.plan(wanted));
          const there = new Map([...cluster.objects].map(([id, one]) => [id, one.content]));
          expect(there.get(FOREIGN.id)).toBe('theirs');
          there.delete(FOREIGN.id);
          expect(there).toEqual(new Map(wanted.map((o) => [o.id, o.digest])));
          expect(isEmpty(cluster.plan(wanted))).toBe(true);
          expect(cluster.inventory.map((e) => e.id).sort()).toEqual(wanted.map((o) => o.id).sort());
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('never delete what is not in the inventory, and nothing twice', () => {
    fc.assert(
      fc.property(revision, revision, (inventory, desired) => {
        const known = new ModelCluster();
        known.run(known.plan(objects(inventory)));
        known.put(FOREIGN.id, 'theirs');
        const plan = known.plan(objects(desired));
        const deleted = plan.stages
          .flatMap((stage) => stage.steps)
          .flatMap((step) => (step.do === 'delete' ? [step.id] : []));
        const ours = new Set(objects(inventory).map((o) => o.id));
        const wanted = new Set(objects(desired).map((o) => o.id));
        expect(deleted.every((id) => ours.has(id) && !wanted.has(id))).toBe(true);
        expect(new Set(deleted).size).toBe(deleted.length);
      }),
    );
  });

  it('of a correction do to the named objects what a whole plan would, and nothing else', () => {
    const some = fc.uniqueArray(fc.constantFrom(...names));
    fc.assert(
      fc.property(revision, meddling, some, (list, edits, chosen) => {
        const cluster = new ModelCluster();
        const wanted = objects(list);
        cluster.run(cluster.plan(wanted));
        for (const { name, what } of edits) {
          const { id } = rendered(name, '');
          if (what === 'edit' && cluster.objects.has(id)) cluster.put(id, 'by hand');
          else if (what === 'delete') cluster.objects.delete(id);
        }
        const only = new Set(chosen.map((name) => rendered(name, '').id));
        const live = viewOf({ facts: cluster.facts, seen: cluster.seen() });
        const input = planInput(setOf(...wanted), { inventory: cluster.inventory, live });
        const stepsIn = (plan: Plan) =>
          plan.stages.flatMap((stage) => stage.steps).filter((step) => step.do !== 'wait');
        const whole = stepsIn(makePlan(input));
        const part = makePlan({ ...input, only });
        expect(stepsIn(part)).toEqual(whole.filter((step) => only.has(step.id)));
        expect(part.inventory).toEqual(cluster.inventory);
      }),
    );
  });

  it('come out the same whatever the order of the input', () => {
    fc.assert(
      fc.property(revision, fc.infiniteStream(fc.nat()), (list, numbers) => {
        const all = objects(list);
        const shuffled = all
          .map((o) => ({ o, n: numbers.next().value ?? 0 }))
          .sort((x, y) => x.n - y.n)
          .map((x) => x.o);
        expect(makePlan(planInput(setOf(...shuffled)))).toEqual(makePlan(planInput(setOf(...all))));
      }),
    );
  });
});

describe('the prune guard', () => {
  it('never lets more than the share go without an allowance for this very revision', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (before, gone, share) => {
          const count = Math.min(before, gone);
          const all = Array.from({ length: before }, (_, i) => rendered(`o${i}`, 'x'));
          const cluster = new ModelCluster();
          cluster.run(cluster.plan(all));
          const plan = cluster.plan(all.slice(count));
          const ask = (allowed: string) =>
            guardPrune({
              plan,
              before,
              guard: { share, minimum: 10 },
              revision: 'main@sha1:1',
              allowed,
              takesAlong: new Map(),
            }).go;
          expect(ask('')).toBe(count === 0 || count <= share * before);
          expect(ask('main@sha1:0')).toBe(ask(''));
          expect(ask('main@sha1:1')).toBe(true);
        },
      ),
    );
  });

  it('counts a namespace with what goes along', () => {
    const namespace = rendered('app', 'x', { kind: 'Namespace', namespace: '' });
    const cluster = new ModelCluster();
    cluster.run(cluster.plan([namespace, rendered('a', '1'), rendered('b', '1')]));
    const plan = cluster.plan([rendered('a', '1'), rendered('b', '1')]);
    const ask = (along: number) =>
      guardPrune({
        plan,
        before: 3,
        guard: { share: 0.5, minimum: 10 },
        revision: 'r',
        allowed: '',
        takesAlong: new Map([[namespace.id, along]]),
      }).go;
    expect(ask(0)).toBe(true);
    expect(ask(40)).toBe(false);
  });
});
