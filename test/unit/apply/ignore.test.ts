import { describe, expect, it } from 'vitest';
import { yieldFields } from '../../../src/apply/ignore.ts';
import type { IgnoredFields, Json, JsonObject, KubeObject } from '../../../src/model/index.ts';

const rule = (...paths: readonly string[]): IgnoredFields => ({ paths, labelSelector: '', annotationSelector: '' });
const object = (more: JsonObject, metadata: JsonObject = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  ...more,
});
const applied = (manager: string, fieldsV1: Json, more: JsonObject = {}): JsonObject => ({
  manager,
  operation: 'Apply',
  fieldsV1,
  ...more,
});
const owned = (...entries: readonly JsonObject[]): JsonObject => ({ managedFields: entries });
const decide = (desired: JsonObject, live: KubeObject, merged: KubeObject, ...rules: readonly IgnoredFields[]) =>
  yieldFields(object(desired), live, merged, rules);

describe('fields that are left to others', () => {
  const desired = { data: { key: 'one', tuned: 'start' } };
  const merged = object(desired);

  it('do not count as drift; all others do', () => {
    const live = object({ data: { key: 'one', tuned: 'by-hand' } });
    expect(decide(desired, live, merged, rule('/data/tuned'))).toMatchObject({ drifted: false, left: ['/data/tuned'] });
    expect(decide(desired, live, merged, rule('/data/other')).drifted).toBe(true);
    const both = object({ data: { key: 'x', tuned: 'by-hand' } });
    expect(decide(desired, both, merged, rule('/data/tuned')).drifted).toBe(true);
  });

  it('are sent as they live where nobody else applied them', () => {
    const live = object(
      { data: { key: 'x', tuned: 'by-hand' } },
      owned({ manager: 'op', operation: 'Update', fieldsV1: { 'f:data': { 'f:tuned': {} } } }),
    );
    expect(decide(desired, live, merged, rule('/data/tuned')).object['data']).toEqual({ key: 'one', tuned: 'by-hand' });
  });

  it('are left out of what is sent where another server-side applier owns them', () => {
    const theirs = owned(applied('other', { 'f:data': { 'f:tuned': {} } }));
    const live = object({ data: { key: 'x', tuned: 'theirs' } }, theirs);
    expect(decide(desired, live, merged, rule('/data/tuned')).object['data']).toEqual({ key: 'one' });
    for (const entry of [
      applied('kustomize-controller', { 'f:data': { 'f:tuned': {} } }),
      applied('other', { 'f:data': { 'f:tuned': {} } }, { subresource: 'status' }),
      applied('other', { 'f:data': { 'f:key': {} } }),
      applied('other', 'damaged'),
    ])
      expect(
        decide(desired, object({ data: { tuned: 'theirs' } }, owned(entry)), merged, rule('/data/tuned')).object[
          'data'
        ],
      ).toEqual({
        key: 'one',
        tuned: 'theirs',
      });
  });

  it('that nobody changed are sent as they are declared', () => {
    const live = object({ data: { key: 'x', tuned: 'start' } });
    expect(decide(desired, live, merged, rule('/data/tuned'))).toMatchObject({
      drifted: true,
      left: [],
      object: desired,
    });
  });

  it('that somebody took away stay away', () => {
    const live = object({ data: { key: 'x' } });
    expect(decide(desired, live, merged, rule('/data/tuned'))).toMatchObject({
      drifted: true,
      object: { data: { key: 'one' } },
    });
    const only = { data: { tuned: 'start' } };
    expect(decide(only, object({}), object(only), rule('/data/tuned')).drifted).toBe(false);
  });

  it('that are declared no more stay as they live', () => {
    const live = object({ data: { key: 'one', tuned: 'by-hand' } });
    const now = { data: { key: 'two' } };
    expect(decide(now, live, object(now), rule('/data/tuned')).object['data']).toEqual({
      key: 'two',
      tuned: 'by-hand',
    });
  });

  it('may be annotations, by an escaped name, and whole subtrees', () => {
    const note = (value: string): JsonObject => ({ annotations: { 'e.com/note': value } });
    expect(
      yieldFields(object({}, note('a')), object({}, note('b')), object({}, note('a')), [
        rule('/metadata/annotations/e.com~1note'),
      ]).drifted,
    ).toBe(false);
    expect(
      yieldFields(object({}, note('a')), object({}, note('b')), object({}, note('a')), [rule('/data')]).drifted,
    ).toBe(true);
    const [live, wanted] = [object({ spec: { a: 1, b: [1] } }), object({ spec: { a: 2 } })];
    expect(decide({ spec: { a: 2 } }, live, wanted, rule('/spec'))).toMatchObject({
      drifted: false,
      object: { spec: { a: 1, b: [1] } },
    });
  });

  it('in lists go by place, and their owner by the keys of the item', () => {
    const of = (...images: readonly string[]): JsonObject => ({
      spec: { list: images.map((image, i) => ({ name: `c${i}`, image })) },
    });
    const fields = { 'f:spec': { 'f:list': { 'k:{"name":"c1"}': { 'f:image': {} }, 'k:bad': {}, 'v:1': {} } } };
    const live = object(of('a', 'x'), owned(applied('other', fields)));
    const path = '/spec/list/1/image';
    expect(decide(of('a', 'b'), live, object(of('a', 'b')), rule(path))).toMatchObject({
      drifted: false,
      object: { spec: { list: [{ name: 'c0', image: 'a' }, { name: 'c1' }] } },
    });
    const free = object(of('a', 'x'));
    expect(decide(of('a', 'b'), free, object(of('a', 'b')), rule(path)).object).toMatchObject(of('a', 'x'));
    for (const nowhere of ['/spec/list/7/image', '/spec/list/-/image', '/spec/list/01/image'])
      expect(decide(of('a', 'b'), free, object(of('a', 'b')), rule(nowhere))).toMatchObject({
        drifted: true,
        left: [],
      });
  });

  it('are looked for where labels and annotations of the merged object fit', () => {
    const live = object({ data: { tuned: 'x' } });
    const labelled = object({ data: { tuned: 'start' } }, { labels: { tier: 'edge' } });
    const by = (labelSelector: string, annotationSelector = ''): IgnoredFields => ({
      paths: ['/data'],
      labelSelector,
      annotationSelector,
    });
    const only = (one: IgnoredFields): boolean =>
      yieldFields(object({ data: {} }), { ...live, metadata: labelled.metadata }, labelled, [one]).drifted;
    expect([by('tier=edge'), by('tier in (edge)'), by('tier!=edge'), by('', 'tier')].map(only)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('status and other metadata never count', () => {
    const live = object({ status: { a: 1 } }, { uid: 'u', finalizers: ['x'] });
    expect(decide({}, live, object({}), rule('/data')).drifted).toBe(false);
    expect(decide({}, object({}, { labels: { a: 'b' } }), object({}), rule('/data')).drifted).toBe(true);
  });
});
