import { describe, expect, test } from 'vitest';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { yamlToJson } from '../../../src/render/kustomize/yaml/legacy.ts';
import { memoryTree } from './memory-tree.ts';

const BOUNDS = { yamlDepth: 100, yamlNodes: 10_000 };

describe('merges in YAML 1.1', () => {
  test('a map that merges itself is refused by name', () => {
    expect(() => yamlToJson('shop: &a {<<: *a}', BOUNDS)).toThrow("anchor 'a' value contains itself");
    expect(() => yamlToJson('shop: &a {b: {<<: [*a]}}', BOUNDS)).toThrow("anchor 'a' value contains itself");
  });

  test('maps without fields count where they are merged ten times ten times', () => {
    const layers = Array.from({ length: 6 }, (_, i) => `m${i + 1}: &m${i + 1} {<<: [${`*m${i},`.repeat(10)}]}`);
    expect(() => yamlToJson(`m0: &m0 {}\n${layers.join('\n')}\n`, BOUNDS)).toThrow('excessive aliasing');
  });
});

/** Entries of a map, one a line. */
function entries(prefix: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `  ${prefix}${i}: x\n`).join('');
}

/** The CPU time of a build in milliseconds, which other processes do not change much, and how many lines it printed. */
function timed(files: Readonly<Record<string, string>>): { ms: number; lines: number } {
  const start = process.cpuUsage();
  const lines = toYaml(build(memoryTree(files), '')).split('\n').length;
  const { user, system } = process.cpuUsage(start);
  return { ms: (user + system) / 1_000, lines };
}

const HEAD = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n';

describe('maps with very many fields', () => {
  // Six times the fields take about six times as long; by their square it would be thirty-six.
  const CASES: readonly (readonly [string, (count: number) => Readonly<Record<string, string>>])[] = [
    [
      'a strategic merge',
      (count) => ({
        'kustomization.yaml': 'resources: [r.yaml]\npatches: [{path: p.yaml}]\n',
        'r.yaml': `${HEAD}data:\n${entries('a', count)}`,
        'p.yaml': `${HEAD}data:\n${entries('b', count)}`,
      }),
    ],
    [
      'a merge key',
      (count) => ({
        'kustomization.yaml': 'resources: [r.yaml]\n',
        'r.yaml': `${HEAD}data: &a\n${entries('a', count)}more:\n  <<: *a\n${entries('b', count)}`,
      }),
    ],
    [
      'a generator that merges',
      (count) => ({
        'kustomization.yaml': 'resources: [base]\nconfigMapGenerator: [{name: c, behavior: merge, envs: [e]}]\n',
        e: entries('b', count).replaceAll(': ', '='),
        'base/kustomization.yaml': 'configMapGenerator: [{name: c, envs: [e]}]\n',
        'base/e': entries('a', count).replaceAll(': ', '='),
      }),
    ],
  ];

  test.each(CASES)('%s takes time by their number', (_, files) => {
    timed(files(500));
    const few = timed(files(2_000));
    const many = timed(files(12_000));
    expect(many.lines).toBeGreaterThan(24_000);
    expect(many.ms).toBeLessThan(few.ms * 18);
  });
});
