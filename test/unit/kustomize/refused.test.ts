import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { memoryTree } from './memory-tree.ts';

// Each of these was found by generated repositories, held against kustomize v5.8.1, and is what it answers.

const THING = 'apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: shop}\n';

function built(files: Record<string, string>): string {
  try {
    return toYaml(build(memoryTree({ 'app/r.yaml': THING, ...files }), 'app'));
  } catch (error) {
    if (error instanceof Fault) return `FAILED ${error.message}`;
    throw error;
  }
}

describe('text that begins with a tab', () => {
  const tab = 'found a tab character where an indentation space is expected';

  test('is not read again after it was written as a block', () => {
    const files = { 'app/kustomization.yaml': 'configMapGenerator: [{name: c, files: [f]}]\n' };
    expect(built({ ...files, 'app/f': '\ttill\n' })).toContain(tab);
    expect(built({ ...files, 'app/f': '\ttill' })).toContain('f: "\\ttill"\n');
    expect(built({ ...files, 'app/f': '\n\ttill\n' })).toContain('f: "\\n\\ttill\\n"\n');
    const resource = { 'app/kustomization.yaml': 'resources: [r.yaml]\n' };
    expect(built({ ...resource, 'app/r.yaml': `${THING}text: |2\n  \ttill\n` })).toContain(tab);
    expect(built({ ...resource, 'app/r.yaml': `${THING}text: "\\ttill\\n"\n` })).toContain('text: "\\ttill\\n"\n');
  });

  test('fails in the JSON patch that sets it, though it is gone after the next', () => {
    const patch = (text: string): string =>
      `resources: [r.yaml]\npatches:\n- target: {kind: Thing}\n  patch: |-\n    - {op: add, path: /text, value: "${text}"}\n- target: {kind: Thing}\n  patch: |-\n    - {op: remove, path: /text}\n`;
    expect(built({ 'app/kustomization.yaml': patch('\\ttill\\nopen') })).toContain(tab);
    expect(built({ 'app/kustomization.yaml': patch('\\ttill') })).toContain('name: shop\n');
  });
});

describe('vars', () => {
  test('the first byte after a dollar counts as a character, so that what follows is no text any more', () => {
    const made = built({
      'app/kustomization.yaml':
        'resources: [r.yaml]\nvars: [{name: V, objref: {kind: Thing, name: shop, apiVersion: example.com/v1}}]\n',
      'app/r.yaml':
        'apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: shop\n  annotations: {a: x$é$(V), b: "$(é) $(V)", c: "$(V) ß"}\n',
    });
    expect(made).toContain('a: eCTDg6lzaG9w\n    b: $(é) shop\n    c: shop ß\n');
  });
});

describe('metadata that is a list', () => {
  test('takes no origin', () => {
    const files = {
      'app/kustomization.yaml': 'resources: [r.yaml]\nbuildMetadata: [originAnnotations]\n',
      'app/r.yaml': 'kind: Thing\nmetadata: {name: shop, annotations: []}\n',
    };
    expect(built(files)).toContain("cannot add path annotation for 'r.yaml'");
  });

  test('is read as keys and values in turn, so that one may not be left over', () => {
    const patch = (labels: string): string =>
      `resources: [r.yaml]\npatches:\n- target: {kind: Thing}\n  patch: |-\n    - {op: add, path: /metadata/labels, value: ${labels}}\n- target: {kind: Thing}\n  patch: |-\n    - {op: add, path: /open, value: 1}\n`;
    expect(built({ 'app/kustomization.yaml': patch('[a, b, c]') })).toContain('index out of range [3] with length 3');
    expect(built({ 'app/kustomization.yaml': patch('[a, b]') })).toContain('labels:\n  - a\n  - b\n');
  });
});

describe('documents of schemas', () => {
  const files = {
    'app/kustomization.yaml': `resources: [r.yaml]\nopenapi: {path: s.json}\npatches: [{patch: "{apiVersion: example.com/v1, kind: Thing, metadata: {name: shop}, open: 1}"}]\n`,
  };

  test('a name may stand once in an object of JSON, as Go reads it', () => {
    const twice = '{"definitions": {"a": {"default": {"a": 1, "\\u0061": 2}}}}';
    expect(built({ ...files, 'app/s.json': twice })).toContain('duplicate name "a"');
    expect(built({ ...files, 'app/s.json': 'definitions: {a: {b: 1}, a: {b: 2}}\n' })).toContain('open: 1\n');
    expect(built({ ...files, 'app/s.json': '{"a": [{"b": 1}, {"b": 2}], "c": {"a": 1}}' })).toContain('open: 1\n');
    expect(built({ ...files, 'app/s.json': '' })).toContain('invalid schema file');
  });

  test('in files of crds that holds for what is below a schema', () => {
    const crds = { 'app/kustomization.yaml': 'resources: [r.yaml]\ncrds: [c.json]\n' };
    const twice = '{"properties": {"a": {}, "a": {}}}';
    expect(built({ ...crds, 'app/c.json': `{"x": {"Schema": ${twice}}}` })).toContain('duplicate name "a"');
    expect(built({ ...crds, 'app/c.json': `{"x": {"odd": ${twice}}, "x": {}}` })).toContain('name: shop\n');
  });
});

describe('IAMPolicyGenerator', () => {
  test('makes an account without a name, which a prefix may still give it', () => {
    const generator =
      'apiVersion: builtin\nkind: IAMPolicyGenerator\nmetadata: {name: g}\ncloud: gke\nserviceAccount: {name: sa, projectId: p}\n';
    const files = { 'app/g.yaml': generator };
    expect(built({ ...files, 'app/kustomization.yaml': 'generators: [g.yaml]\nnamePrefix: k-\n' })).toContain(
      'name: k-\n',
    );
    expect(built({ ...files, 'app/kustomization.yaml': 'generators: [g.yaml]\n' })).toContain('missing metadata.name');
  });
});

describe('YAML that few write', () => {
  const resources = { 'app/kustomization.yaml': 'resources: [r.yaml]\n' };

  test('an empty list or map ends a document, whatever stands behind it', () => {
    expect(built({ ...resources, 'app/r.yaml': '[]open: 1\n' })).toBe('');
    expect(built({ ...resources, 'app/r.yaml': '{} "open": 1\n' })).toBe('');
    expect(built({ ...resources, 'app/r.yaml': '[shop]open: 1\n' })).toContain('did not find expected key');
    expect(built({ ...resources, 'app/r.yaml': '[]: 1\n' })).toContain('FAILED');
  });

  test.each([
    ['%YAML 1.2:', 'did not find expected comment or line break'],
    ['%YAML', 'did not find expected version number'],
    ['%YAML 1', "did not find expected digit or '.' character"],
    ['%YAML 1234567890.1', 'found extremely long version number'],
    ['%TAG !e x', "did not find expected '!'"],
    ['%TAG !e!x', 'did not find expected whitespace'],
    ['%', 'could not find expected directive name'],
    ['%YAML:', 'found unexpected non-alphabetical character'],
    ['%SHOP 1', 'found unknown directive name'],
  ])('%s after a document is looked at all the same', (directive, problem) => {
    expect(built({ 'app/kustomization.yaml': `resources: [r.yaml]\n${directive}\n` })).toContain(problem);
    expect(built({ ...resources, 'app/r.yaml': `${THING}${directive}\n` })).toContain(problem);
  });

  test('a right directive there ends the document', () => {
    expect(
      built({ 'app/kustomization.yaml': 'resources: [r.yaml]\n%TAG !e! tag:e.com,1: # x\nnamePrefix: p-\n' }),
    ).toContain('name: shop\n');
  });

  test('a key at the top has what its tag says', () => {
    expect(built({ ...resources, 'app/r.yaml': `${THING}!!binary eA==: open\n` })).toMatch(/\nx: open\n$/);
    expect(built({ ...resources, 'app/r.yaml': `${THING}!!null "": open\n` })).not.toContain('open');
    expect(built({ ...resources, 'app/r.yaml': `${THING}!!float 1: open\n` })).toMatch(/^"1": open\n/);
    expect(built({ ...resources, 'app/r.yaml': `${THING}!!float till: open\n` })).toContain('cannot decode');
  });

  test('the largest integer of 64 bits may be a float, no larger one', () => {
    expect(built({ ...resources, 'app/r.yaml': `${THING}x: !!float 9223372036854775807\n` })).toContain('x: 9223372');
    expect(built({ ...resources, 'app/r.yaml': `${THING}x: !!float 9223372036854775808\n` })).toContain(
      'cannot decode',
    );
  });

  test('a text whose last line is ended by U+2028 needs no break after it', () => {
    const files = { 'app/kustomization.yaml': 'configMapGenerator: [{name: c, files: [f]}]\n' };
    expect(built({ ...files, 'app/f': 'a\n\u2028' })).toContain('f: |+\n    a\n\u2028kind: ConfigMap\n');
  });

  test('a null in the list of what a replacement leaves out is looked behind', () => {
    const replacement = (reject: string): string =>
      `resources: [r.yaml]\nreplacements: [{source: {kind: Thing, fieldPath: metadata.name}, targets: [{select: {kind: Till}, reject: [${reject}], fieldPaths: [x]}]}]\n`;
    expect(built({ 'app/kustomization.yaml': replacement('~') })).toContain('nil pointer dereference');
    expect(built({ 'app/kustomization.yaml': replacement('{}') })).toContain('name: shop\n');
  });
});

describe('comments in YAML text, around a field that a replacement adds', () => {
  const changed = (text: string, path = 'new'): string => {
    const lines = text.replaceAll('\n', '\n    ');
    const made = built({
      'app/r.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  y: |\n    ${lines}\n`,
      'app/kustomization.yaml': `resources: [r.yaml]\nreplacements:\n- sourceValue: val\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.y.${path}], options: {create: true}}]\n`,
    });
    return (/\|-\n([\s\S]*)\nkind/.exec(made)?.[1] ?? made).replaceAll(/^ {4}/gm, '');
  };

  test.each([
    ['a comment below the last field stays with it', 'a: 1\nb: x\n# c', 'a: 1\nb: x\n# c\n\nnew: val'],
    ['one with a blank line before it stays last', 'a: 1\nb: x\n\n# c', 'a: 1\nb: x\nnew: val\n\n# c'],
    ['of two with a blank line between, one each', 'b: x\n# c\n\n# d', 'b: x\n# c\n\nnew: val\n\n# d'],
    ['a deeper one belongs to the map inside', 'a:\n  b: x\n    # c', 'a:\n  b: x\n  # c\nnew: val'],
    ['below nothing it is the document', 'a: 1\nb:\n# c', 'a: 1\nb:\nnew: val\n\n# c'],
    ['below a first line in quotes, too', 'b: "x"\n# c', 'b: "x"\nnew: val\n\n# c'],
    ['but not where something stands before that', '# a\nb: "x"\n# c', '# a\nb: "x"\n# c\n\nnew: val'],
    ['a first line in braces takes none in the middle', 'b: {x: 1}\n# c\n\nd: 1', 'b: {x: 1}\n# c\nd: 1\nnew: val'],
    ['the last of several loses its blank line', 'b: x\n# c\n\n# d\n\ne: 1', 'b: x\n# c\n\n# d\ne: 1\nnew: val'],
  ])('%s', (_, before, after) => {
    expect(changed(before)).toBe(after);
  });

  test('in a map or list inside, those of its own level come before', () => {
    expect(changed('a:\n  b: x\n  # c\n# d', 'a.new')).toBe('a:\n  b: x\n  # c\n\n  new: val\n# d');
    expect(changed('a:\n- x\n# c', 'a.1')).toBe('a:\n- x\n# c\n\n- val');
    expect(changed('a:\n  - x\n# c', 'a.1')).toBe('a:\n- x\n- val\n# c');
  });
});
