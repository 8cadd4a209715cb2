import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { type BuildOptions, build, toObjects, toYaml } from '../../../src/render/kustomize/index.ts';
import { memoryTree } from './memory-tree.ts';

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n';

function yaml(files: Record<string, string | Uint8Array>, root = '', options: BuildOptions = {}): string {
  return toYaml(build(memoryTree(files), root, options));
}

function failure(files: Record<string, string | Uint8Array>, root = '', options: BuildOptions = {}): string {
  try {
    yaml(files, root, options);
  } catch (error) {
    if (error instanceof Fault && error.code === 'build-failed') return error.message;
    throw error;
  }
  throw new Error('the build did not fail');
}

describe('build', () => {
  test('renames references with the objects they name', () => {
    const out = yaml(
      {
        'base/kustomization.yaml': 'resources: [pod.yaml]\nconfigMapGenerator:\n- name: c\n  literals: [a=1]\n',
        'base/pod.yaml':
          'apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  volumes:\n  - name: v\n    configMap:\n      name: c\n',
        'over/kustomization.yaml': 'resources: [../base]\nnamePrefix: x-\nnamespace: ns\n',
      },
      'over',
    );
    const name = /name: (x-c-[a-z0-9]{10})/.exec(out)?.[1];
    expect(name).toBeDefined();
    expect(out.split(`name: ${name}`)).toHaveLength(3);
    expect(out).toContain('namespace: ns');
  });

  test('keeps integers beyond 53 bits exactly, as text and as objects', () => {
    const files = { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': `${CONFIG_MAP}size: 9007199254740993\n` };
    expect(yaml(files)).toContain('size: 9007199254740993\n');
    expect(toObjects(build(memoryTree(files), ''))[0]?.['size']).toBe(9007199254740993n);
  });

  test('orders kinds as the command line does when asked to', () => {
    const files = {
      'kustomization.yaml': 'resources: [a.yaml]\n',
      'a.yaml': `${CONFIG_MAP}---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n`,
    };
    expect(yaml(files).indexOf('Namespace')).toBeGreaterThan(yaml(files).indexOf('ConfigMap'));
    const legacy = yaml(files, '', { reorder: 'legacy' });
    expect(legacy.indexOf('Namespace')).toBeLessThan(legacy.indexOf('ConfigMap'));
  });

  test('takes a pinned remote base from the hook, and refuses it without', () => {
    const files = { 'kustomization.yaml': 'resources: ["github.com/o/r//d?ref=v1"]\n' };
    expect(failure(files)).toContain("remote base 'github.com/o/r//d?ref=v1' is refused");
    const tree = memoryTree({ 'd/kustomization.yaml': 'resources: [a.yaml]\n', 'd/a.yaml': CONFIG_MAP });
    expect(yaml(files, '', { remote: { base: () => ({ tree, root: 'd' }) } })).toBe(
      'apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\nmetadata:\n  name: a\n',
    );
  });

  test('warns of deprecated fields', () => {
    const warnings: string[] = [];
    yaml({ 'kustomization.yaml': 'resources: [a.yaml]\ncommonLabels: {a: b}\n', 'a.yaml': CONFIG_MAP }, '', {
      warn: (text) => warnings.push(text),
    });
    expect(warnings.join()).toContain("'commonLabels' is deprecated");
  });
});

describe('refusals', () => {
  const resource = (text: string): Record<string, string> => ({
    'kustomization.yaml': 'resources: [a.yaml]\n',
    'a.yaml': text,
  });

  test.each([
    ['an unknown field', { 'kustomization.yaml': 'bogus: 1\n' }, 'json: unknown field "bogus"'],
    [
      'two kustomization files',
      { 'kustomization.yaml': 'a: 1', Kustomization: 'a: 1' },
      'Found multiple kustomization files',
    ],
    ['an empty kustomization', { 'kustomization.yaml': 'namePrefix: ""\n' }, 'kustomization.yaml is empty'],
    ['a path out of the tree', { 'kustomization.yaml': 'resources: [../../x.yaml]\n' }, 'fs-security-constraint'],
    ['an absolute path', { 'kustomization.yaml': 'resources: [/etc]\n' }, 'cannot be absolute'],
    ['a missing file', { 'kustomization.yaml': 'resources: [gone.yaml]\n' }, 'no such file or directory'],
    ['helm charts', { 'kustomization.yaml': 'helmCharts: [{name: x}]\n' }, 'must specify --enable-helm'],
    [
      'an external plugin',
      { 'kustomization.yaml': 'transformers:\n- |-\n  apiVersion: e.com/v1\n  kind: T\n  metadata: {name: t}\n' },
      "external plugins disabled; unable to load external plugin 'T'",
    ],
    [
      'a bad pattern',
      {
        ...resource(CONFIG_MAP),
        'kustomization.yaml':
          'resources: [a.yaml]\npatches: [{target: {name: "("}, patch: "- {op: remove, path: /data}"}]\n',
      },
      'missing closing )',
    ],
    ['a tab for indentation', resource('a:\n\t- b\n'), 'MalformedYAMLError'],
    [
      'bytes that are no text',
      { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': new Uint8Array([0xff, 0xfe, 0x61]) },
      'invalid leading UTF-8',
    ],
    ['an object without a name', resource('apiVersion: v1\nkind: Pod\n'), 'missing metadata.name in object'],
    [
      'one object twice',
      resource(`${CONFIG_MAP}---\n${CONFIG_MAP}`),
      'already registered id: ConfigMap.v1.[noGrp]/a.[noNs]',
    ],
    ['a key twice', resource(`${CONFIG_MAP}x: 1\nx: 2\n`), 'mapping key "x" already defined'],
    ['an alias of itself', resource(`${CONFIG_MAP}x: &a [*a]\n`), 'contains itself'],
  ] as [string, Record<string, string | Uint8Array>, string][])('of %s say what is wrong', (_what, files, words) => {
    expect(failure(files)).toContain(words);
  });

  test('no message shows what a secret holds', () => {
    const generator = 'secretGenerator:\n- name: s\n  literals: [user=hunter2, =hunter3]\n';
    expect(failure({ 'kustomization.yaml': generator })).not.toContain('hunter');
    const secret = (namespace: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: ${namespace}\nstringData:\n  p: hunter4\n`;
    const clash = {
      'kustomization.yaml': 'resources: [a.yaml]\nnamespace: one\n',
      'a.yaml': `${secret('aa')}---\n${secret('bb')}`,
    };
    expect(failure(clash)).toContain('ID conflict');
    expect(failure(clash)).not.toContain('hunter');
  });

  test('a cycle of bases ends', () => {
    const files = { 'a/kustomization.yaml': 'resources: [../b]\n', 'b/kustomization.yaml': 'resources: [../a]\n' };
    expect(failure(files, 'a')).toContain('cycle detected');
  });

  test('a file outside its kustomization is refused unless the restriction is lifted', () => {
    const files = { 'd/kustomization.yaml': 'resources: [../a.yaml]\n', 'a.yaml': CONFIG_MAP };
    expect(failure(files, 'd')).toContain("security; file '/a.yaml' is not in or below '/d'");
    expect(yaml(files, 'd', { loadRestrictor: 'none' })).toContain('name: a');
  });
});

describe('bounds', () => {
  const bomb = `${CONFIG_MAP}a: &a [x, x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
    .split('')
    .map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]}, `.repeat(9)}*${'abcdefgh'[i]}]`)
    .join('\n')}\n`;

  test('aliases that multiply are stopped', () => {
    expect(failure({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': bomb })).toMatch(
      /limit yaml(Aliases|Nodes)/,
    );
  });

  test.each([
    ['manifestBytes', { manifestBytes: 20 }],
    ['renderFiles', { renderFiles: 1 }],
    ['renderObjects', { renderObjects: 1 }],
    ['yamlNodes', { yamlNodes: 5 }],
    ['renderBytes', { renderBytes: 30 }],
  ])('%s names itself when it is passed', (name, limits) => {
    const files = {
      'kustomization.yaml': 'resources: [a.yaml]\n',
      'a.yaml': `${CONFIG_MAP}---\n${CONFIG_MAP.replace('name: a', 'name: b')}`,
    };
    expect(failure(files, '', { limits })).toContain(name);
  });

  test('nesting is bounded', () => {
    const deep = `${CONFIG_MAP}x: ${'['.repeat(5000)}${']'.repeat(5000)}\n`;
    expect(failure({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': deep })).toContain('exceeded max depth');
  });

  test('a pattern made to be slow is not', () => {
    const files = {
      'kustomization.yaml':
        'resources: [a.yaml]\npatches: [{target: {name: "(a*)*(a|aa)*b"}, patch: "- {op: remove, path: /data}"}]\n',
      'a.yaml': CONFIG_MAP.replace('name: a', `name: ${'a'.repeat(20_000)}`),
    };
    const start = performance.now();
    yaml(files);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
