import { describe, expect, it } from 'vitest';
import { uniteFields } from '../../../src/apply/fields.ts';
import { markOf, seenOf, takeoverPatch } from '../../../src/apply/managed-fields.ts';
import type { Json, JsonObject, KubeObject, ObjectMeta } from '../../../src/model/index.ts';

const entry = (manager: string, operation: string, fields: readonly string[], more: JsonObject = {}): JsonObject => ({
  manager,
  operation,
  apiVersion: 'v1',
  time: '2026-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': Object.fromEntries(fields.map((f) => [`f:${f}`, {}])) },
  ...more,
});
const OURS = 'kustomize-controller';
const meta = (entries: readonly Json[], more: JsonObject = {}): ObjectMeta => ({
  name: 'x',
  resourceVersion: '5',
  uid: 'u',
  managedFields: entries,
  ...more,
});
const object = (entries: readonly Json[], more: JsonObject = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: meta(entries, more),
});

describe('the mark of our fields', () => {
  const mine = entry(OURS, 'Apply', ['a']);

  it('is empty without an entry of ours', () => {
    expect(markOf({})).toBe('');
    expect(markOf(meta([entry('kubectl', 'Apply', ['a']), entry(OURS, 'Update', ['a'])]))).toBe('');
    expect(markOf(meta([entry(OURS, 'Apply', ['a'], { subresource: 'status' })]))).toBe('');
  });

  it('stays when others write beside us', () => {
    expect(markOf(meta([mine]))).toBe(markOf(meta([entry('kubectl', 'Update', ['b']), mine], { generation: 7 })));
    expect(markOf(meta([mine]))).toMatch(/^[\w-]{22}$/);
  });

  it.each([
    ['a field is taken from us', entry(OURS, 'Apply', [])],
    ['the same manager wrote another value', entry(OURS, 'Apply', ['a'], { time: '2026-01-01T00:00:01Z' })],
  ])('changes when %s', (_title, changed) => {
    expect(markOf(meta([changed]))).not.toBe(markOf(meta([mine])));
  });
});

describe('what is seen of an object', () => {
  it('names the owner, the managers to take over, and who wrote last', () => {
    const seen = seenOf(
      meta(
        [
          entry(OURS, 'Apply', ['a'], { time: '2026-01-09T00:00:00Z' }),
          entry('kubectl-edit', 'Update', ['a'], { time: '2026-01-02T00:00:00Z' }),
          entry('kubectl', 'Apply', ['b']),
          entry('hpa', 'Update', ['b'], { time: '2026-01-03T00:00:00Z' }),
          entry('kube-controller-manager', 'Update', ['c'], { time: '2026-01-08T00:00:00Z', subresource: 'status' }),
        ],
        {
          labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
        },
      ),
    );
    expect(seen).toMatchObject({
      uid: 'u',
      resourceVersion: '5',
      owner: 'flux-system/app',
      takeover: ['kubectl', 'kubectl-edit'],
      lastOther: 'hpa',
      deleting: false,
      settings: { reconcile: true, prune: true, ignore: false, force: false },
    });
  });

  it.each<[string, JsonObject]>([
    [
      'annotations',
      { annotations: keys({ reconcile: 'Disabled', prune: 'DISABLED', ssa: 'Ignore', force: 'enabled' }) },
    ],
    ['labels', { labels: keys({ reconcile: 'disabled', prune: 'disabled', ssa: 'ignore', force: 'Enabled' }) }],
  ])('reads settings from %s in any case of letters', (_where, more) => {
    expect(seenOf(meta([], more)).settings).toEqual({ reconcile: false, prune: false, ignore: true, force: true });
  });

  it('bears metadata that is not as it should be', () => {
    const odd = { managedFields: [null, 'x', { manager: 5 }, {}], labels: [], annotations: 'x', uid: 5 };
    expect(seenOf({ name: 'x', ...odd })).toMatchObject({ uid: '', mark: '', takeover: [], lastOther: '', owner: '' });
    expect(seenOf({ name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' }).deleting).toBe(true);
  });
});

function keys(settings: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(settings).map(([k, v]) => [`kustomize.toolkit.fluxcd.io/${k}`, v]));
}

describe('taking over fields of kubectl', () => {
  it('does nothing where there is nothing to take', () => {
    expect(takeoverPatch(object([entry(OURS, 'Apply', ['a']), entry('hpa', 'Update', ['b'])]))).toEqual([]);
    expect(takeoverPatch(object([entry('kubectl', 'Update', ['a'], { subresource: 'scale' })]))).toEqual([]);
    expect(takeoverPatch(object([entry('flux-client-side-apply', 'Update', ['a'])]))).toEqual([]);
  });

  it('leaves them where the object asks for it in the cluster, whoever put that there', () => {
    const live = [entry(OURS, 'Apply', ['a']), entry('kubectl-edit', 'Update', ['b'])];
    for (const where of ['annotations', 'labels']) {
      const merged = object(live, { [where]: { 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' } });
      expect(takeoverPatch(merged)).toEqual([]);
      expect(seenOf(merged.metadata).takeover).toEqual([]);
      const other = object(live, { [where]: { 'kustomize.toolkit.fluxcd.io/ssa': 'Override' } });
      expect(takeoverPatch(other)).not.toEqual([]);
      expect(seenOf(other.metadata).takeover).toEqual(['kubectl-edit']);
    }
  });

  it('merges their entries into ours, for this version of the object only', () => {
    const other = entry('hpa', 'Update', ['z']);
    const patch = takeoverPatch(
      object([
        entry('kubectl-edit', 'Update', ['b']),
        entry(OURS, 'Apply', ['a']),
        other,
        entry('before-first-apply', 'Update', ['c']),
        entry(OURS, 'Update', ['d']),
      ]),
    );
    expect(patch).toEqual([
      { op: 'test', path: '/metadata/resourceVersion', value: '5' },
      { op: 'replace', path: '/metadata/managedFields', value: [other, entry(OURS, 'Apply', ['a', 'b', 'c', 'd'])] },
    ]);
  });

  it('makes the first of them ours where we have no entry yet', () => {
    const patch = takeoverPatch(object([entry('kubectl', 'Apply', ['a']), entry('kubectl', 'Update', ['b'])]));
    expect(patch.at(-1)?.value).toEqual([entry(OURS, 'Apply', ['a', 'b'])]);
  });

  it('removes the annotations and the label that Flux removes', () => {
    const patch = takeoverPatch(
      object([], {
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'x' },
        labels: { 'fluxcd.io/sync-gc-mark': 'sha' },
      }),
    );
    expect(patch.map(({ op, path }) => `${op} ${path}`)).toEqual([
      'test /metadata/resourceVersion',
      'remove /metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration',
      'remove /metadata/labels/fluxcd.io~1sync-gc-mark',
    ]);
  });
});

describe('the union of two sets of fields', () => {
  it.each<[string, Json | undefined, Json | undefined, Json]>([
    ['nothing', undefined, undefined, {}],
    ['one side', { 'f:a': {} }, undefined, { 'f:a': {} }],
    ['the other side', undefined, { 'f:a': {} }, { 'f:a': {} }],
    ['different fields, in order', { 'f:b': {} }, { 'f:a': {} }, { 'f:a': {}, 'f:b': {} }],
    ['a leaf and its inside', { 'f:a': {} }, { 'f:a': { 'f:b': {} } }, { 'f:a': { '.': {}, 'f:b': {} } }],
    ['two insides, no member', { 'f:a': { 'f:b': {} } }, { 'f:a': { 'f:c': {} } }, { 'f:a': { 'f:b': {}, 'f:c': {} } }],
    [
      'list items',
      { 'f:p': { 'k:{"port":1}': { '.': {}, 'f:x': {} } } },
      { 'f:p': { '.': {}, 'k:{"port":1}': { 'f:y': {} } } },
      { 'f:p': { '.': {}, 'k:{"port":1}': { '.': {}, 'f:x': {}, 'f:y': {} } } },
    ],
  ])('%s', (_title, a, b, union) => {
    expect(uniteFields(a, b)).toEqual(union);
    expect(uniteFields(b, a)).toEqual(union);
    expect(uniteFields(union, a)).toEqual(union);
  });
});
