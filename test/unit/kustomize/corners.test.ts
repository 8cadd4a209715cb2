import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { yamlToJson } from '../../../src/render/kustomize/yaml/legacy.ts';
import { parseDocument } from '../../../src/render/kustomize/yaml/parse.ts';
import { nodeText } from '../../../src/render/kustomize/yaml/write.ts';
import { memoryTree } from './memory-tree.ts';

// Each of these was found by holding builds against kustomize v5.8.1, and is what it answers.

const BOUNDS = { yamlDepth: 100, yamlNodes: 10_000 };
const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n';

function built(files: Record<string, string>, root = ''): string {
  try {
    return toYaml(build(memoryTree(files), root));
  } catch (error) {
    if (error instanceof Fault) return `FAILED ${error.message}`;
    throw error;
  }
}

/** Reads with both readers: v3 for resources, v2 for kustomizations. */
function read(text: string): { v3: string; v2: string } {
  const attempt = (run: () => unknown): string => {
    try {
      return JSON.stringify(run());
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };
  return {
    v3: attempt(() => {
      const root = parseDocument(text, BOUNDS);
      return root === undefined ? '' : nodeText(root);
    }),
    v2: attempt(() => yamlToJson(text, BOUNDS)),
  };
}

describe('what stands around a document', () => {
  test('a text that begins with the end of a document is none', () => {
    const { v3, v2 } = read('...\nshop: 1\n');
    expect(v3).toContain('did not find expected node content');
    expect(v2).toContain('did not find expected node content');
  });

  test('v3 looks two tokens past the end of a document, v2 does not', () => {
    const { v3, v2 } = read('shop: 1\n...\n%nonsense\n');
    expect(v3).toContain('found unknown directive name');
    expect(v2).toBe('{"shop":1}');
  });

  test('a scalar may not be followed by a map', () => {
    expect(read('shop\nopen: true\n').v2).toContain('mapping values are not allowed in this context');
  });

  test('a byte order mark in the middle is a character of a word', () => {
    expect(read('shop: 1\n\ufeffopen: 2\n').v2).toBe('{"shop":1,"\ufeffopen":2}');
  });

  test('a comment after a comment may stand behind a tab, in v3', () => {
    const text = 'shops:\n- a\n# one\n  \t# two\n- b\n';
    expect(read(text).v3).toBe(JSON.stringify('shops:\n- a\n- b\n'));
    expect(read(text).v2).toContain('found character that cannot start any token');
  });

  test('a separator is ended by white space of Unicode, but no byte order mark', () => {
    const both = (mark: string): string =>
      built({
        'kustomization.yaml': 'resources: [r.yaml]\n',
        'r.yaml': `${SERVICE}---${mark}\n${SERVICE.replace('shop', 'till')}`,
      });
    expect(both('\u0085')).toContain('name: till');
    expect(both('\ufeff')).toContain('invalid document separator');
  });
});

describe('tags as go-yaml v2 reads them', () => {
  test('the tag ! makes text of a number', () => {
    expect(read('size: ! 12\n').v2).toBe('{"size":"12"}');
  });

  test('!!binary must be base64', () => {
    expect(read('key: !!binary c2hvcA==\n').v2).toBe('{"key":"shop"}');
    expect(read('key: !!binary c2hv*\n').v2).toContain('invalid base64 data');
  });
});

describe('builds', () => {
  test('characters are escaped in notes as in objects', () => {
    const out = built({
      'kustomization.yaml': 'resources: [r.yaml]\ntransformers: [t.yaml]\nbuildMetadata: [transformerAnnotations]\n',
      'r.yaml': SERVICE,
      't.yaml':
        'apiVersion: builtin\nkind: SuffixTransformer\nmetadata:\n  name: "\\0"\nsuffix: -x\nfieldSpecs:\n- path: metadata/name\n',
    });
    expect(out).toContain('name: "\\0"');
  });

  test('prefix and suffix transformers know their fields in lower case only, and take any scalar for text', () => {
    const out = (spec: string, suffix: string): string =>
      built({
        'kustomization.yaml': 'resources: [r.yaml]\ntransformers: [t.yaml]\n',
        'r.yaml': SERVICE,
        't.yaml': `apiVersion: builtin\nkind: SuffixTransformer\nmetadata: {name: t}\nsuffix: ${suffix}\nfieldSpecs: [{${spec}: metadata/name}]\n`,
      });
    expect(out('path', 'true')).toContain('name: shoptrue');
    expect(out('path', '1e7')).toContain('name: shop10000000');
    expect(out('Path', '-x')).toContain('FAILED');
  });

  test('a generator does not replace what a patch has made another kind', () => {
    const out = built(
      {
        'base/kustomization.yaml':
          'configMapGenerator:\n- name: shop\n  literals: [a=1]\npatches:\n- target: {name: shop}\n  options: {allowKindChange: true}\n  patch: |\n    apiVersion: v1\n    kind: Till\n    metadata: {name: any}\n',
        'over/kustomization.yaml':
          'resources: [../base]\nconfigMapGenerator:\n- name: shop\n  behavior: merge\n  literals: [b=2]\n',
      },
      'over',
    );
    expect(out).toContain('cannot find resource with id ConfigMap.v1.[noGrp]/shop.[noNs] to replace');
  });

  test('a roleRef that is a list says nothing of what it names', () => {
    const out = built({
      'kustomization.yaml': 'namePrefix: p-\nresources: [r.yaml]\n',
      'r.yaml':
        'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: till}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: shop}\nroleRef:\n- {kind: Role, name: till}\nsubjects: []\n',
    });
    expect(out).toContain('name: p-shop');
  });

  test('a referrer with an empty group is refused, whatever it refers to', () => {
    const pod = 'apiVersion: /v1\nkind: Pod\nmetadata: {name: shop}\n';
    expect(built({ 'kustomization.yaml': 'resources: [r.yaml]\n', 'r.yaml': pod })).toContain(
      "node-referrerOriginal 'APIVersion' mismatch '/v1' != 'v1'",
    );
  });

  test('the name of a subject must be a scalar', () => {
    const binding =
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: shop}\nsubjects:\n- {kind: ServiceAccount, name: [till]}\n';
    expect(built({ 'kustomization.yaml': 'namespace: ns\nresources: [r.yaml]\n', 'r.yaml': binding })).toContain(
      'wrong node kind: expected ScalarNode but got SequenceNode',
    );
  });

  test('the kind of a subject with a namespace must be text', () => {
    const binding = (kind: string): string =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: shop}\nsubjects:\n- {kind: ${kind}, name: till, namespace: n}\n`;
    const out = (kind: string): string =>
      built({ 'kustomization.yaml': 'resources: [r.yaml]\n', 'r.yaml': binding(kind) });
    expect(out('Any')).toContain('kind: Any');
    expect(out('0o17')).toContain('kinds that are text');
  });

  test('of annotations that stand twice, one is left', () => {
    const twice =
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n  annotations: {a: b}\n  annotations: {c: d}\n';
    expect(built({ 'kustomization.yaml': 'resources: [r.yaml]\n', 'r.yaml': twice })).toContain(
      '  annotations:\n    a: b\n    c: d\n',
    );
  });

  test('the largest index of 64 bits is an index', () => {
    const at = (index: string): string =>
      built({
        'kustomization.yaml': `resources: [r.yaml]\ncommonAnnotations: {a: b}\nconfigurations: [c.yaml]\n`,
        'r.yaml': SERVICE,
        'c.yaml': `commonAnnotations:\n- path: "${index}"\n  create: true\n  kind: Service\n`,
      });
    expect(at('9223372036854775807')).toContain('wrong node kind: expected SequenceNode');
    expect(at('9223372036854775808')).toContain('"9223372036854775808":\n  a: b');
  });

  test('a bad pattern of an image shows only where an image is', () => {
    const out = (object: string): string =>
      built({ 'kustomization.yaml': 'resources: [r.yaml]\nimages: [{name: "[", newTag: "1"}]\n', 'r.yaml': object });
    expect(out(SERVICE)).toBe(SERVICE);
    expect(
      out('apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n'),
    ).toContain('FAILED');
  });

  test('a count has 64 bits', () => {
    const count = (n: string): string =>
      built({ 'kustomization.yaml': `resources: [r.yaml]\nreplicas: [{name: x, count: ${n}}]\n`, 'r.yaml': SERVICE });
    expect(count('9223372036854775807')).toContain('resource with name x does not match');
    expect(count('9223372036854775808')).toContain('cannot unmarshal number');
  });

  test('an item without keys takes those of every other that it is held against', () => {
    const files = {
      'kustomization.yaml': 'resources: [r.yaml]\npatches: [{path: p.yaml}]\n',
      'r.yaml': `${SERVICE}spec: {ports: [{port: 80}, {port: 81, name: h, targetPort: 1}, {port: 81, targetPort: web}]}\n`,
      'p.yaml': `${SERVICE}spec: {ports: [{targetPort: web}, {port: 81, name: g}, {port: 80}]}\n`,
    };
    expect(built(files)).toContain('  ports:\n  - port: 80\n  - port: 81\n    targetPort: web\n');
  });

  test('a text that has lost its tag to a patch is what it looks like', () => {
    const files = {
      'kustomization.yaml':
        'resources: [r.yaml]\npatches:\n- patch: "{kind: Service, metadata: {name: x, labels: {a: b}}}"\n  target: {kind: Service}\n',
      'r.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: !!str 1\n',
    };
    expect(built(files)).toContain('\n  name: 1\n');
  });

  test('a field made with the name << is a merge, and must be a map', () => {
    const label = (pairs: string): string =>
      built({
        'kustomization.yaml': `resources: [r.yaml]\nconfigurations: [c.yaml]\nlabels: [{pairs: ${pairs}}]\n`,
        'r.yaml': SERVICE,
        'c.yaml': 'labels: [{path: <<, create: true}]\n',
      });
    expect(label('{till: open}')).toContain('\ntill: open\n');
  });
});

describe('comments in a text that a replacement changes', () => {
  const changed = (text: string): string => {
    const data = text.replace(/^(?=.)/gm, '    ');
    const out = built({
      'kustomization.yaml':
        'resources: [r.yaml]\nreplacements:\n- sourceValue: "7"\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: ["data.shop.tills"]\n',
      'r.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  shop: |\n${data}`,
    });
    return (/shop: \|-?\n(.*)\nkind/s.exec(out)?.[1] ?? out).replace(/^ {4}/gm, '');
  };

  test.each([
    [
      'stay beside and above what they are about',
      'tills: 1 # open\n# two rooms\nrooms: 2\n',
      'tills: 7 # open\n# two rooms\nrooms: 2',
    ],
    ['lose blank lines before them', 'tills: 1\n\n# rooms\nrooms: 2\n', 'tills: 7\n# rooms\nrooms: 2'],
    ['keep a blank line after them at the top', '# the shop\n\ntills: 1\n', '# the shop\n\ntills: 7'],
    ['move with lists', 'tills: 1\nrooms:\n  # big\n  - a # x\n  - b\n', 'tills: 7\nrooms:\n# big\n- a # x\n- b'],
    ['leave a value that is nothing', 'rooms:\ntills: 1\n', 'rooms:\ntills: 7'],
    ['close a block', 'rooms:\n  a: 1\n  # b: 2\ntills: 1\n', 'rooms:\n  a: 1\n  # b: 2\ntills: 7'],
    ['are text in a block of text', 'note: |\n  # no\ntills: 1\n# end\n', 'note: |\n  # no\ntills: 7\n# end'],
    ['stay where there are more spaces', 'rooms: {a:   1}  # b\n# c\ntills:   1\n', 'rooms: {a: 1} # b\n# c\ntills: 7'],
    ['stay where the text is laid out otherwise', 'rooms: [a,\n  b]\n# c\ntills: 1\n', 'rooms: [a, b]\n# c\ntills: 7'],
    ['break a list in brackets', 'rooms: [a, # b\n  c]\ntills: 1\n', 'rooms: [a, # b\n  c]\ntills: 7'],
    ['stay behind the key of a list', 'rooms: # a\n  - b\ntills: 1\n', 'rooms: # a\n- b\ntills: 7'],
    ['close a list inside', 'rooms:\n- a\n# b\n\ntills: 1\n', 'rooms:\n- a\n# b\n\ntills: 7'],
    ['stand behind the header of a block', 'rooms: | # a\n  b\ntills: 1\n', 'rooms: | # a\n  b\ntills: 7'],
    ['begin a text that has a mark', '# a\n--- # b\ntills: 1\n', '# a\n# b\ntills: 7'],
    ['give way to those behind a mark at the end', 'tills: 1\n# a\n...\n# b\n', 'tills: 7\n\n# b'],
  ])('%s', (_, text, wanted) => {
    expect(changed(text)).toBe(wanted);
  });
});

describe('what is written and read again', () => {
  const out = (resource: string, more = ''): string =>
    built({
      'kustomization.yaml': `resources: [r.yaml]\n${more}`,
      'r.yaml': `apiVersion: v1\nkind: Shop\n${resource}`,
    });
  const PATCH = 'patches:\n- target: {kind: Shop}\n  patch: |-\n    - {op: add, path: /open, value: "1"}\n';

  test('a zero keeps its minus through a JSON patch, where that shows', () => {
    const made = out('metadata:\n  name: s\n  annotations: {a: -0.0, b: -0}\ntill: -0.0\n', PATCH);
    expect(made).toContain('a: "-0"\n    b: "0"');
    expect(made).toContain('till: 0\n');
  });

  test('annotations are gone after a JSON patch where one has no name', () => {
    const made = out('metadata:\n  name: s\n  annotations: {"": x, b: y}\n', PATCH);
    expect(made).toContain('metadata:\n  name: s\n');
    expect(made).not.toContain('annotations');
  });

  test('a test of a JSON patch tells zeros apart', () => {
    const patch = (value: string): string =>
      out(
        'metadata: {name: s}\ntill: -0.0\n',
        `patches:\n- target: {kind: Shop}\n  patch: |-\n    - {op: test, path: /till, value: ${value}}\n`,
      );
    expect(patch('-0.0')).toContain('till: 0');
    expect(patch('0')).toContain('test failed');
  });

  test.each([
    ['has one break more above a comment that closes the document', ' |+\n  a\n\n# end\n', ' |+\n  a\n\n\n'],
    ['so has one that is folded', ' >+\n  a\n\n# end\n', ' |+\n  a\n\n\n\n'],
    ['has none more without', ' |+\n  a\n\n', ' |+\n  a\n\n'],
    ['nor where the comment stands inside of it', ' |+\n  a\n\n  # end\n', ' |\n  a\n\n  # end\n'],
    ['nor above a comment that is about its field', '\n  a: |+\n    b\n\n  # note\n# end\n', '\n  a: |+\n    b\n\n'],
    ['nor for one of which one break is kept', ' |\n  a\n\n# end\n', ' |\n  a\n'],
  ])('a block that keeps its last breaks %s', (_, text, wanted) => {
    const made = out(`metadata: {name: s}\nnote:${text}`);
    expect(made.slice(made.indexOf('note:'))).toBe(`note:${wanted}`);
  });

  test('a folded text has its breaks of Unicode beside others', () => {
    expect(out('metadata: {name: s}\nnote: >\n  \u2028  a\n\n\n  \tb\n')).toContain('"\\La\\n\\n\\n\\n\\tb\\n"');
  });
});

describe('a text that a replacement changes', () => {
  const changed = (text: string, value: string, path: string): string => {
    const out = built({
      'kustomization.yaml': `resources: [r.yaml]\nreplacements:\n- source: {kind: Secret, fieldPath: value}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: ["data.shop.${path}"]\n    options: {create: true}\n`,
      'r.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  shop: ${JSON.stringify(text)}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nvalue: ${value}\n`,
    });
    return (/shop: \|-?\n(.*?)\nkind/s.exec(out)?.[1] ?? out).replace(/^ {4}/gm, '');
  };

  test.each([
    [
      'keeps its anchors',
      'a: &x {b: 1}\nc: *x\nl:\n- &y\n  m: 1\n- *y\nn: &z 1\n',
      '7',
      'a.b',
      'a: &x {b: 7}\nc: *x\nl:\n- &y\n  m: 1\n- *y\nn: &z 1',
    ],
    ['loses the anchor of what is replaced', 'a: &x {b: 1}\nd: 1\n', '[7]', 'a', 'a: [7]\nd: 1'],
    [
      'keeps comments above a field that is added',
      '# c\na: 1 # d\n# e\nb:\n  f: 1\n',
      '7',
      'n',
      '# c\na: 1 # d\n# e\nb:\n  f: 1\nn: 7',
    ],
    [
      'keeps the comment of a value that gets lines',
      'a: 1 # c\nb: 2\n',
      '"x\\ny"',
      'b',
      'a: 1 # c\nb: !!int |-\n  x\n  y',
    ],
    ['keeps blocks of one line', 'a: >-\n  f\n  g\nb: |-\n  h\nc: 1\n', '7', 'c', 'a: >-\n  f g\nb: |-\n  h\nc: 7'],
    ['writes a block of nothing in quotes', 'a: |\n  x\nc: 1\n', '""', 'a', 'a: ""\nc: 1'],
    ['writes no space after the tag of nothing', 'a: 1\nc: 1\n', '""', 'a', 'a: !!int\nc: 1'],
    ['doubles breaks in single quotes', "a: 'q'\nc: 1\n", '"x\\n\\ny"', 'a', "a: 'x\n\n\n  y'\nc: 1"],
  ])('%s', (_, text, value, path, wanted) => {
    expect(changed(text, value, path)).toBe(wanted);
  });
});
