import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { yieldFields } from '../../../src/apply/ignore.ts';
import { pointerSteps, valueAt, withValueAt } from '../../../src/apply/pointer.ts';
import type { Json, KubeObject } from '../../../src/model/index.ts';

const key = fc.constantFrom('a', 'b', 'c/d', 'e~f', '0', '1', '__proto__');
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json[]>(null, true, 1, 'x'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Json>,
  ),
})).value;
const pointer = fc
  .array(key, { minLength: 1, maxLength: 4 })
  .map((steps) => steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''));
const object = (data: Json): KubeObject => ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'a' }, data });

describe('JSON pointers', () => {
  it('what is set is found, and what is taken out is not', () => {
    fc.assert(
      fc.property(json, pointer, json, (value, at, next) => {
        const steps = pointerSteps(at);
        const set = withValueAt(value, steps, next);
        if (set !== value) expect(valueAt(set, steps)).toEqual(next);
        const out = withValueAt(value, steps, undefined);
        if (!inList(value, steps)) expect(valueAt(out, steps)).toBeUndefined();
        if (valueAt(value, steps) === undefined) expect(out).toEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The last step is a place in a list, where the next item moves up. */
const inList = (value: Json, steps: readonly string[]): boolean => Array.isArray(valueAt(value, steps.slice(0, -1)));

describe('fields left to others', () => {
  it('never count, whatever they are set to; and what is sent has them as they live', () => {
    fc.assert(
      fc.property(json, pointer, json, (data, at, next) => {
        const steps = ['data', ...pointerSteps(at)];
        const wanted = object(data);
        const live = withValueAt(wanted, steps, next) as KubeObject;
        const rules = [{ paths: [`/data${at}`], labelSelector: '', annotationSelector: '' }];
        const found = yieldFields(wanted, live, wanted, rules);
        expect(found.drifted).toBe(false);
        expect(found.object).toEqual(live);
      }),
      { numRuns: 2_000 },
    );
  });
});
