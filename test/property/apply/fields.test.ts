import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLines } from '../../../agent/adapters/cluster/lines.ts';
import { parseFieldPath } from '../../../src/apply/field-path.ts';
import { uniteFields } from '../../../src/apply/fields.ts';
import { healObject } from '../../../src/apply/heal.ts';
import { markOf, seenOf, takeoverPatch } from '../../../src/apply/managed-fields.ts';
import { undeclaredFields, withoutField } from '../../../src/apply/undeclared.ts';
import { health } from '../../../src/health/index.ts';
import type { Json, JsonObject, KubeObject } from '../../../src/model/index.ts';

const field = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"port":1}', 'v:"x"');
const { set } = fc.letrec<{ set: JsonObject }>((tie) => ({
  set: fc
    .tuple(fc.boolean(), fc.dictionary(field, fc.oneof({ maxDepth: 3 }, fc.constant({}), tie('set')), { maxKeys: 3 }))
    .map(([member, below]) => (member && Object.keys(below).length > 0 ? { '.': {}, ...below } : below)),
}));

/** The members of a set, by path; the root is none. */
function members(fields: JsonObject, path = ''): readonly string[] {
  return Object.entries(fields).flatMap(([key, below]) => {
    if (key === '.') return [];
    const here = `${path}/${key}`;
    const inside = below as JsonObject;
    const self = Object.keys(inside).length === 0 || '.' in inside ? [here] : [];
    return [...self, ...members(inside, here)];
  });
}

describe('the union of fields', () => {
  it('holds exactly the members of both', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const both = [...new Set([...members(a), ...members(b)])].sort();
        expect([...members(uniteFields(a, b))].sort()).toEqual(both);
      }),
    );
  });

  it('does not depend on order and does not grow by itself', () => {
    fc.assert(
      fc.property(set, set, set, (a, b, c) => {
        expect(uniteFields(a, b)).toEqual(uniteFields(b, a));
        expect(uniteFields(uniteFields(a, b), c)).toEqual(uniteFields(a, uniteFields(b, c)));
        expect(members(uniteFields(a, a))).toHaveLength(members(a).length);
      }),
    );
  });
});

const manager = fc.constantFrom('kustomize-controller', 'kubectl', 'kubectl-edit', 'before-first-apply', 'hpa', '');
const entry = fc.record({
  manager,
  operation: fc.constantFrom('Apply', 'Update'),
  subresource: fc.constantFrom('', 'status', 'scale'),
  time: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
  fieldsV1: set,
});

describe('a takeover', () => {
  it('leaves nothing to take over, and no field without an owner', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (managedFields) => {
        // The API server keeps one Apply entry a manager and subresource.
        const seen = new Set<string>();
        const unique = managedFields.filter((e) => {
          const key = `${e.manager} ${e.operation} ${e.subresource}`;
          return !seen.has(key) && seen.add(key);
        });
        const metadata = { name: 'x', resourceVersion: '1', managedFields: unique };
        const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
        const patch = takeoverPatch(object);
        expect(patch.length > 0).toBe(seenOf(metadata).takeover.length > 0);
        const after = (patch.find((step) => step.path === '/metadata/managedFields')?.value ?? unique) as typeof unique;
        const changed: KubeObject = { ...object, metadata: { ...metadata, managedFields: after } };
        expect(takeoverPatch(changed)).toEqual([]);
        const owned = (list: typeof unique): readonly string[] =>
          [...new Set(list.flatMap((e) => members(e.fieldsV1)))].sort();
        expect(owned(after)).toEqual(owned(unique));
      }),
    );
  });
});

describe('what comes from outside', () => {
  const json = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<Json>;
  const path = fc.oneof(fc.string(), fc.constantFrom('spec.a[0].b', 'spec', '.x.y[k="v"].z', 'a[', '[0]'));

  it('never breaks the readers', () => {
    fc.assert(
      fc.property(json, json, path, fc.string(), (a, b, where, text) => {
        const object = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'x', managedFields: a },
          spec: b,
          status: a,
        } as KubeObject;
        expect(health(object).status).toBeTypeOf('string');
        expect(markOf(object.metadata)).toBeTypeOf('string');
        seenOf(object.metadata);
        takeoverPatch(object);
        parseFieldPath(where);
        undeclaredFields(text + where);
        withoutField(object, where);
        const refusal = { details: { causes: [{ field: where, message: text }] } };
        const healed = healObject({ spec: a }, object, refusal);
        if (healed !== undefined) expect(healed.metadata.name).toBe('x');
      }),
    );
  });

  it('is cut into the same lines however it arrives', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'ä', '\n', '{') }),
        fc.array(fc.integer({ min: 1, max: 5 })),
        (text, sizes) => {
          const lines: string[] = [];
          const cutter = createLines(1_000, (line) => lines.push(line));
          const bytes = Buffer.from(`${text}\n`);
          let at = 0;
          for (const size of [...sizes, bytes.length]) {
            cutter.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(lines).toEqual(text.split('\n').filter((line) => line !== ''));
        },
      ),
    );
  });
});
