import { describe, expect, it } from 'vitest';
import { build, parsedTexts, toYaml } from '../../../../src/render/kustomize/index.ts';
import { textTree } from '../../../support/text-tree.ts';

const conf = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf, labels: {a: &x b}}\ndata: {k: *x}\n';
const files = {
  'base/kustomization.yaml': 'resources: [conf.yaml]\n',
  'base/conf.yaml': conf,
  'one/kustomization.yaml': 'resources: [../base]\nnamePrefix: one-\ncommonLabels: {site: one}\n',
  'two/kustomization.yaml':
    'resources: [../base]\nnamePrefix: two-\npatches:\n- patch: |-\n    - op: add\n      path: /data/more\n      value: x\n  target: {kind: ConfigMap}\n',
};

describe('documents shared by the builds of one revision', () => {
  it('give what each build gives alone, in any order and again', () => {
    const tree = textTree(files);
    const alone = (root: string): string => toYaml(build(tree, root));
    const parsed = parsedTexts(10_000);
    for (const root of ['one', 'two', 'one', 'base', 'two'])
      expect(toYaml(build(tree, root, { parsed }))).toBe(alone(root));
  });

  it('are parsed once', () => {
    const asked: string[] = [];
    const kept = parsedTexts(10_000);
    const parsed = {
      get: (text: string) => kept.get(text),
      put: (text: string, nodes: Parameters<typeof kept.put>[1]) => {
        asked.push(text);
        kept.put(text, nodes);
      },
    };
    for (const root of ['one', 'two']) build(textTree(files), root, { parsed });
    expect(asked.filter((text) => text === conf)).toHaveLength(1);
  });

  it('are let go of when they would grow past their bound', () => {
    const parsed = parsedTexts(10);
    parsed.put('123456', []);
    expect(parsed.get('123456')).toEqual([]);
    parsed.put('abcdef', []);
    expect(parsed.get('123456')).toBeUndefined();
    parsed.put('longer than ten', []);
    expect(parsed.get('longer than ten')).toBeUndefined();
  });
});
