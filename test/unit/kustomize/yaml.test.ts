import { describe, expect, test } from 'vitest';
import {
  compileAnchored,
  compilePattern,
  parseLabelSelector,
} from '../../../src/render/kustomize/resource/patterns.ts';
import { decodeNode } from '../../../src/render/kustomize/yaml/decode.ts';
import { emitYaml } from '../../../src/render/kustomize/yaml/emit.ts';
import { yamlToJson } from '../../../src/render/kustomize/yaml/legacy.ts';
import { formatFloat } from '../../../src/render/kustomize/yaml/numbers.ts';
import { parseDocument } from '../../../src/render/kustomize/yaml/parse.ts';
import { compareKeys } from '../../../src/render/kustomize/yaml/sort.ts';
import { nodeText } from '../../../src/render/kustomize/yaml/write.ts';

const BOUNDS = { yamlDepth: 100, yamlNodes: 10_000 };

/** What a value of a resource becomes in the output. */
function through(value: string): string {
  const root = parseDocument(`a: ${value}\n`, BOUNDS);
  if (root === undefined) throw new Error('empty');
  return emitYaml(decodeNode(root, BOUNDS)).slice(3).trimEnd();
}

describe('scalars on their way through kustomize', () => {
  test.each([
    ['yes', '"yes"'],
    ['on', '"on"'],
    ['true', 'true'],
    ['True', 'true'],
    ['~', 'null'],
    ['007', '7'],
    ['0o7', '7'],
    ['"0o7"', '"0o7"'],
    ['0x1F', '31'],
    ['1_000', '1000'],
    ['1.0', '1'],
    ['1.50', '1.5'],
    ['1e3', '1000'],
    ['1e23', '1e+23'],
    ['1e400', '1e400'],
    ['12345678901234567890', '12345678901234567890'],
    ['2020-01-01', '"2020-01-01T00:00:00Z"'],
    ['"2020-01-01"', '"2020-01-01"'],
    ['12:30', '"12:30"'],
    ['!!str 5', '"5"'],
    ['!!binary aGk=', 'hi'],
    ["'a: b'", "'a: b'"],
    ['"#"', "'#'"],
    ['"\\t"', '"\\t"'],
    ['"\\U0001F600"', '"\\U0001F600"'],
    ['{b: }', '\n  b: ""'],
    ['[]', '[]'],
    ['{}', '{}'],
    ['|\n  x\n  y', '|\n  x\n  y'],
    ['|-\n   x\n', 'x'],
    ['"a\\nb "', '"a\\nb "'],
    ['<<', '<<'],
  ])('%s becomes %s', (source, expected) => {
    const got = through(source).replace(/^\n/, '');
    expect(got).toBe(expected.replace(/^\n/, ''));
  });

  test('lines fold after 80 columns at a single space', () => {
    const word = 'x'.repeat(50);
    expect(emitYaml({ a: `${word} ${word} ${word}` })).toBe(`a: ${word} ${word}\n  ${word}\n`);
  });

  test('keys sort with numbers by value and capitals first', () => {
    const keys = ['a10', 'a9', 'b', 'A', '1', 'a1', 'a01', '_', 'é'];
    expect(keys.sort(compareKeys)).toEqual(['_', '1', 'A', 'a1', 'a01', 'a9', 'a10', 'b', 'é']);
  });

  test.each([
    [1e6, '1e+06'],
    [100000, '100000'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1234567.5, '1.2345675e+06'],
    [-2.5, '-2.5'],
  ])('%d is written as Go writes it', (value, expected) => {
    expect(formatFloat(value)).toBe(expected);
  });

  test('YAML 1.1 rules hold where kustomize reads with go-yaml v2', () => {
    expect(yamlToJson('{a: yes, b: 0o7, c: 010, 1: x, d: 2020-01-01}', BOUNDS)).toEqual({
      a: true,
      b: 7,
      c: 8,
      '1': 'x',
      d: '2020-01-01',
    });
  });

  test('text inside text keeps its quoting', () => {
    const root = parseDocument('a: \'x\'\nb:\n- c: "y"\n  d: |\n    z\n- {e: f}\n', BOUNDS);
    expect(root === undefined ? '' : nodeText(root)).toBe('a: \'x\'\nb:\n- c: "y"\n  d: |\n    z\n- {e: f}\n');
  });
});

describe('patterns', () => {
  test.each([
    ['a.*b', 'xaxxb', true],
    ['^a', 'ba', false],
    ['(?i)WEB', 'web', true],
    ['[[:alpha:]]+$', 'x1', false],
    ['\\pL', '1é', true],
    ['x{2,3}y', 'xxy', true],
    ['\\bweb\\b', 'a web b', true],
    ['\\Qa.b\\E', 'a.b', true],
  ])('%s on %s is %s', (pattern, text, expected) => {
    expect(compilePattern(pattern).test(text)).toBe(expected);
  });

  test('anchored patterns match the whole text, alternatives included', () => {
    expect(compileAnchored('a|b').test('ab')).toBe(false);
    expect(compileAnchored('a|b').test('b')).toBe(true);
  });

  test.each(['(', 'a**', '(?=a)', '\\1', 'a{1001}', '((a{100}){100}){100}'])('%s is refused', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/error parsing regexp/);
  });
});

describe('label selectors', () => {
  const labels = new Map([
    ['app', 'web'],
    ['n', '5'],
  ]);
  test.each([
    ['app=web', true],
    ['app==web,n!=6', true],
    ['app in (api, web)', true],
    ['app notin (web)', false],
    ['!missing', true],
    ['missing', false],
    ['n>4', true],
    ['n<4', false],
  ])('%s is %s', (text, expected) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(expected);
  });

  test.each(['=a', 'a in b', 'a,', 'a b', '-a', 'a in (b'])('%s is refused', (text) => {
    expect(() => parseLabelSelector(text)).toThrow();
  });
});
