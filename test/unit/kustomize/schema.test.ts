import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { memoryTree } from './memory-tree.ts';

// What kustomize v5.8.1 makes of definitions that are none: it reads them into Go's types for OpenAPI, and those hold.

const FILES = {
  'r.yaml': 'apiVersion: shop.example/v1\nkind: Till\nmetadata: {name: one}\nlist:\n- {name: a, v: 1}\n- {name: b}\n',
  'p.yaml': 'apiVersion: shop.example/v1\nkind: Till\nmetadata: {name: one}\nlist:\n- {name: a, w: 2}\n',
};

const LIST = { type: 'array', items: { type: 'object' }, 'x-kubernetes-patch-strategy': 'merge' };

/** Builds with an OpenAPI document in which the list of a Till has these fields on top, and the document those. */
function withSchema(list: object, more: object = {}, gvk: object = { version: 'v1', kind: 'Till' }): string {
  const till = {
    properties: { list: { ...LIST, 'x-kubernetes-patch-merge-key': 'name', ...list } },
    'x-kubernetes-group-version-kind': [{ group: 'shop.example', ...gvk }],
  };
  return outcome({
    'kustomization.yaml': 'resources: [r.yaml]\npatches: [{path: p.yaml}]\nopenapi: {path: s.json}\n',
    's.json': JSON.stringify({ definitions: { Till: till }, ...more }),
  });
}

function withCrds(text: string): string {
  return outcome({ 'kustomization.yaml': 'resources: [r.yaml]\ncrds: [c.json]\n', 'c.json': text });
}

function outcome(files: Readonly<Record<string, string>>): string {
  try {
    return toYaml(build(memoryTree({ ...FILES, ...files }), ''));
  } catch (error) {
    if (error instanceof Fault) return `FAILED ${error.message}`;
    throw error;
  }
}

const MERGED = '- name: a\n  v: 1\n  w: 2\n- name: b\n';

describe('the built-in schema', () => {
  test('knows nothing of a map that stands where Kubernetes has a list', () => {
    const claim = (finalizer: string): string =>
      `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  volumeClaimTemplates:\n    metadata: {finalizers: [${finalizer}]}\n`;
    const files = { 'kustomization.yaml': 'resources: [r.yaml]\npatches: [{path: p.yaml}]\n' };
    const out = outcome({ ...files, 'r.yaml': claim('a'), 'p.yaml': claim('b') });
    expect(out).toContain('finalizers:\n      - b\n');
    expect(out).not.toContain('- a\n');
  });
});

describe('a custom OpenAPI document', () => {
  test('that is right says how lists are merged; null and what is not known do no harm', () => {
    expect(withSchema({})).toContain(MERGED);
    expect(withSchema({ description: null, items: null, unknown: 1, Type: 5 }, { info: null })).toContain(MERGED);
    expect(withSchema({ 'x-kubernetes-patch-strategy': undefined })).not.toContain(MERGED);
  });

  test.each([
    [{ type: 5 }, 'definitions.Till.properties.list.type: expected a string'],
    [{ type: ['array', 1] }, 'type[1]: expected a string'],
    [{ required: 'name' }, 'required: expected a list'],
    [{ maxLength: 1.5 }, 'maxLength: expected an integer'],
    [{ additionalProperties: 'no' }, 'additionalProperties: expected an object or a boolean'],
    [{ items: { properties: { x: 'text' } } }, 'items.properties.x: expected an object'],
    [{ allOf: [{ nullable: 'yes' }] }, 'allOf[0].nullable: expected a boolean'],
  ])('with a field of another type is refused: %j', (list, message) => {
    expect(withSchema(list)).toMatch(/^FAILED .*invalid schema file: OpenAPI\./);
    expect(withSchema(list)).toContain(message);
  });

  test.each([
    [{ 'x-kubernetes-patch-strategy': 1 }, 'x-kubernetes-patch-strategy must be a string'],
    [{ 'x-kubernetes-patch-merge-key': [] }, 'x-kubernetes-patch-merge-key must be a string'],
    [{ 'x-kubernetes-list-map-keys': 'name' }, 'x-kubernetes-list-map-keys must be a list of strings'],
    [{ items: [{}] }, 'items must be one schema'],
  ])('fails the merge of a list that it says nonsense of: %j', (list, message) => {
    expect(withSchema(list)).toContain(message);
  });

  test('fails where the whole is wrong, or a kind has no version', () => {
    expect(withSchema({}, { swagger: 2 })).toContain('OpenAPI.swagger: expected a string');
    expect(withSchema({}, { paths: { '/a': { get: 1 } } })).toContain('/a.get: expected an object');
    expect(withSchema({}, {}, { kind: 'Till' })).toContain('needs a version and a kind');
  });
});

describe('definitions of crds', () => {
  test('may be empty, and may write their fields in any case', () => {
    expect(withCrds('{}')).toContain('kind: Till');
    expect(withCrds('{"a.Till": {"SCHEMA": {"properties": {}}, "dependencies": ["x"]}}')).toContain('kind: Till');
  });

  test.each([
    ['', 'the file is empty'],
    ['text', 'definitions: expected an object'],
    ['{"a": 1}', 'definitions.a: expected an object'],
    ['{"a": {"schema": {"type": 1}}}', 'definitions.a.Schema.type: expected a string'],
    ['{"a": {"Dependencies": "x"}}', 'definitions.a.Dependencies: expected a list'],
  ])('are refused where they are none: %j', (text, message) => {
    expect(withCrds(text)).toMatch(/^FAILED .*unable to parse open API definition/);
    expect(withCrds(text)).toContain(message);
  });
});
