import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { generateKustomization } from '../../../src/render/flux-build/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { formatFloat, formatFloat32, normalFloat, plainFloat } from '../../../src/render/kustomize/yaml/numbers.ts';
import { memoryTree } from './memory-tree.ts';

/** Answers of kustomize v5.8.1 and of Go's strconv. */

const HEAD = 'apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: x\n';

/** With a line break before, so that a test can look for whole lines. */
function yaml(resource: string, kustomization = ''): string {
  return `\n${toYaml(
    build(memoryTree({ 'kustomization.yaml': `resources: [r.yaml]\n${kustomization}`, 'r.yaml': resource }), ''),
  )}`;
}

describe('floats as Go writes them', () => {
  test.each([
    [1e6, '1e+06', '1e+06', '1000000'],
    [0.1, '0.1', '0.1', '0.1'],
    [1.1, '1.1', '1.1', '1.1'],
    [16777217, '1.6777217e+07', '1.6777216e+07', '16777217'],
    [1e21, '1e+21', '1e+21', '1000000000000000000000'],
    [1e-7, '1e-07', '1e-07', '0.0000001'],
    [-0, '-0', '-0', '-0'],
    [-2.5, '-2.5', '-2.5', '-2.5'],
    [1e300, '1e+300', '+Inf', `1${'0'.repeat(300)}`],
  ])('%d', (value, general, single, plain) => {
    expect(formatFloat(value)).toBe(general);
    expect(formatFloat32(value)).toBe(single);
    expect(plainFloat(value)).toBe(plain);
  });

  test('that are whole become integers with the shortest digits, within 64 bits', () => {
    expect(normalFloat(Number('12345678901234567890'))).toBe(12345678901234567000n);
    expect(normalFloat(2 ** 63)).toBe(9223372036854776000n);
    expect(normalFloat(-(2 ** 63))).toBe(-(2 ** 63));
    expect(normalFloat(2 ** 64)).toBe(2 ** 64);
    expect(normalFloat(1e21)).toBe(1e21);
    expect(Object.is(normalFloat(-0), 0)).toBe(true);
  });
});

describe('numbers through a build', () => {
  test.each([
    ['12345678901234567890', '12345678901234567890'],
    ['12345678901234567890.0', '12345678901234567000'],
    ['!!float 7701264469931929097', '7701264469931930000'],
    ['18446744073709551616', '1.8446744073709552e+19'],
    ['-9223372036854775809', '-9.223372036854776e+18'],
    ['1e20', '1e+20'],
    ['0.0000001', '1e-07'],
    ['-0.0', '0'],
  ])('%s', (text, printed) => {
    expect(yaml(`${HEAD}v: ${text}\n`)).toContain(`\nv: ${printed}\n`);
  });

  test('a JSON patch takes all of them through doubles', () => {
    const patch = 'patches:\n- target: {kind: Thing}\n  patch: |-\n    - {op: add, path: /w, value: 1}\n';
    expect(yaml(`${HEAD}v: 12345678901234567890\n`, patch)).toContain('\nv: 12345678901234567000\n');
  });

  test('a hash is made of numbers that passed through doubles', () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n';
    const noted = `${map}  annotations: {internal.config.kubernetes.io/needsHashSuffix: enabled}\n`;
    const name = (value: string): string => /name: (m-\w+)/.exec(yaml(`${noted}data: {a: ${value}}\n`))?.[1] ?? '';
    expect(name('12345678901234567890')).toBe(name('12345678901234567000'));
  });
});

describe('vars', () => {
  const vars = (field: string): string =>
    `vars:\n- name: V\n  objref: {apiVersion: example.com/v1, kind: Thing, name: x}\n  fieldref: {fieldpath: ${field}}\ncommonAnnotations: {whole: $(V), part: "x-$(V)"}\n`;

  test.each([
    ['1e6', '1000000', '1e+06'],
    ['123456789.5', '123456789.5', '1.234567895e+08'],
    ['017', '17', '17'],
    ['+5', '5', '5'],
    ['1e-7', '0.0000001', '1e-07'],
    ['TRUE', 'true', 'true'],
    ['2020-01-01', '2020-01-01', '2020-01-01'],
  ])('%s is read by the rules of Go', (value, whole, part) => {
    expect(yaml(`${HEAD}v: ${value}\n`, vars('v'))).toContain(`part: x-${part}\n    whole: "${whole}"\n`);
  });

  test.each([['0x1F'], ['9223372036854775808'], ['1_000'], ['.inf']])('%s is refused', (value) => {
    expect(() => yaml(`${HEAD}v: ${value}\n`, vars('v'))).toThrow(Fault);
  });

  test('a field that is not there is an error that names the var and the field', () => {
    expect(() => yaml(HEAD, vars('spec.nothing'))).toThrow(
      "field specified in var '{V Thing.v1.example.com {spec.nothing}}' not found in corresponding resource",
    );
  });
});

describe('text', () => {
  test('keeps a space at its end beside a text with a next-line character', () => {
    const out = yaml(`${HEAD}a: "\\x85y"\nb: "trail "\n`);
    expect(out).toContain("\na: ' y'\n");
    expect(out).toContain("\nb: 'trail '\n");
  });

  test('a key << that is text is removed, as kyaml does', () => {
    expect(yaml(`${HEAD}a: {"<<": text, b: 1}\n`)).toContain('\na:\n  b: 1\n');
  });

  test('a key that is nothing becomes an empty text', () => {
    expect(yaml(`${HEAD}l:\n- ?\nm: {?}\n`)).toContain('\nl:\n- "": null\n');
  });

  test('a time of day in a flow map comes back as text, and not from the items of a List', () => {
    expect(yaml(`${HEAD}m: {t: 2020-01-01 10:00:00}\nt: 2020-01-01 10:00:00\n`)).toContain(
      '\nm:\n  t: "2020-01-01 10:00:00"\nmetadata:\n  name: x\nt: "2020-01-01T10:00:00Z"\n',
    );
    const item = '{apiVersion: v1, kind: ConfigMap, metadata: {name: i}, data: {t: 2020-01-01 10:00:00}}';
    expect(yaml(`${HEAD}---\napiVersion: v1\nkind: List\nitems:\n- ${item}\n`)).toContain('t: "2020-01-01T10:00:00Z"');
  });

  test('is escaped whole after a byte order mark', () => {
    expect(yaml(`${HEAD}a: "\\ufeffab c"\n`)).toContain('\na: "\\uFEFF\\x61\\x62\\x20\\x63"\n');
  });

  test('folded text with a tab keeps its line breaks as kustomize leaves them', () => {
    expect(yaml(`${HEAD}a: >+\n  x\t\n\n\n`)).toContain('\na: "x\\t\\n\\n\\n\\n"\n');
  });
});

test('a patch on a map with a key that is no text fails', () => {
  const patch = 'patches:\n- patch: |-\n    {apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, b: 1}\n';
  expect(() => yaml(`${HEAD}a: {"": 1}\n`, patch)).toThrow('expected ScalarNode but got MappingNode');
});

test('subjects of a role binding that are no maps are an error', () => {
  const binding =
    'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x, namespace: n}\nsubjects: [a]\n';
  expect(() => yaml(binding)).toThrow('subjects of RoleBinding.v1.rbac.authorization.k8s.io/x.n');
});

test('numbers become text in a kustomization that Flux reads as a float of 32 bits is written', () => {
  const tree = memoryTree({ 'app/kustomization.yaml': 'resources: [x.yaml]\nimages: [{name: a, newTag: 1.10}]\n' });
  const spec = {
    path: 'app',
    patches: [],
    images: [],
    components: [],
    ignoreMissingComponents: false,
    buildMetadata: [],
  };
  expect(generateKustomization(tree, spec).text).toContain('newTag: "1.1"');
});
