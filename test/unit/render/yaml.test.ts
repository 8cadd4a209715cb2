import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type Json } from '../../../src/model/index.ts';
import { parseDocuments, type YamlLimits } from '../../../src/render/yaml/index.ts';

const documents = (input: string | Uint8Array, limits: Partial<YamlLimits> = {}) =>
  parseDocuments(input, { limits: { ...DEFAULT_LIMITS, ...limits }, file: 'f.yaml' }).documents;
const values = (input: string | Uint8Array, limits?: Partial<YamlLimits>): Json[] =>
  documents(input, limits).map(({ value }) => value);
const message = (input: string | Uint8Array, limits?: Partial<YamlLimits>): string => {
  try {
    documents(input, limits);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).code).toBe('build-failed');
    return (error as Fault).message;
  }
  return 'no error';
};

describe('documents of a stream', () => {
  it('are cut at markers, empty and comment-only ones left out, with the line of their first content', () => {
    const text = '# top\n---\n# only a comment\n---\na: 1\n---\n---\n\n# c\nb: 2\n...\n---\nnull\n--- # c\nc: 3\n';
    expect(documents(text).map(({ value, line }) => [value, line])).toEqual([
      [{ a: 1 }, 5],
      [{ b: 2 }, 10],
      [{ c: 3 }, 15],
    ]);
  });

  it('keep their directives', () => {
    expect(values('%YAML 1.1\n---\na: 1\n...\n%TAG !x! tag:x\n---\nb: !x!y z\n')).toEqual([{ a: 1 }, { b: 'z' }]);
    expect(message('%YAML 1.1\n')).toContain('f.yaml:');
  });

  it('may begin on the line of the marker', () => {
    expect(values('--- {a: 1}\n--- |\n text\n--- x\n')).toEqual([{ a: 1 }, 'text\n', 'x']);
  });

  it('are not cut by dashes inside block scalars, quoted text or longer words', () => {
    const pem = 'a: |\n  ---\n  x\n  -----BEGIN\nb: "x\n  --- y"\nc: >-\n  ---\n';
    expect(values(pem)).toEqual([{ a: '---\nx\n-----BEGIN\n', b: 'x --- y', c: '---' }]);
    expect(values('---x: 1\n')).toEqual([{ '---x': 1 }]);
  });

  it('read the same with CRLF, a BOM and no final line break', () => {
    const bytes = Buffer.from('\uFEFFa: 1\r\n---\r\nb: |\r\n  x\r\n  y\r\n---\r\nc: 3');
    expect(values(bytes)).toEqual([{ a: 1 }, { b: 'x\ny\n' }, { c: 3 }]);
  });

  it('tell the line of a value by its path', () => {
    const [document] = documents('# c\na: 1\nb:\n  - x\n  - c: 1\n    d: [1,\n      2]\n');
    const lines = [[], ['a'], ['b'], ['b', 0], ['b', 1], ['b', 1, 'd'], ['b', 1, 'd', 1], ['b', 9]];
    expect(lines.map((path) => document?.lineOf(path))).toEqual([2, 2, 3, 4, 5, 6, 7, 3]);
    const [json] = documents('\n{"a": 1,\n "b": {\n  "c": 2}}');
    expect([json?.line, json?.lineOf(['b', 'c'])]).toEqual([2, 4]);
  });
});

describe('JSON', () => {
  it('is read without the YAML reader and gives the same', () => {
    expect(values('{"a": [1, "yes", null, 1e3], "b": {"c": true}}')).toEqual([
      { a: [1, 'yes', null, 1000], b: { c: true } },
    ]);
  });

  it('keeps large integers exact', () => {
    expect(values('{"a": 9007199254740993, "b": 18446744073709551615}')).toEqual([
      { a: 9007199254740993n, b: 18446744073709551615n },
    ]);
  });

  it('may not name a key twice', () => {
    expect(message('{"a": 1,\n "a": 2}')).toBe('f.yaml:2:3: a key stands twice in one map');
    expect(values('{"a": "\\"a\\":", "b": {"a": 1}}')).toEqual([{ a: '"a":', b: { a: 1 } }]);
  });
});

describe('keys', () => {
  it('called __proto__ are plain keys', () => {
    for (const text of [
      '__proto__: {x: 1}\na: 2\n',
      '{"__proto__": {"x": 1}, "a": 2}',
      '<<: {__proto__: {x: 1}}\na: 2\n',
    ]) {
      const [value] = values(text);
      expect(Object.keys(value as object).sort()).toEqual(['__proto__', 'a']);
      expect((value as { x?: unknown }).x).toBeUndefined();
    }
  });

  it.each([
    ['a: 1\nb: 2\na: 3\n', 'f.yaml:3:1: a key stands twice in one map'],
    ['a: 1\n? [x]\n: 2\n', 'f.yaml:1:1: a list or map cannot be a key'],
    ['x:\n  ~: 1\n', 'f.yaml:2:3: the key null is not text: put it in quotes'],
  ])('%j is refused where it stands', (text, said) => {
    expect(message(text)).toBe(said);
  });
});

describe('brackets, braces and quotes that are indented too little', () => {
  it.each([
    ['a: [\n  1,\n  2\n]\nb: 3\n', { a: [1, 2], b: 3 }],
    ['x:\n  a: {\n    b: 1\n  }\n  c: 2\n', { x: { a: { b: 1 }, c: 2 } }],
    ['a: "x\n\ny"\n', { a: 'x\ny' }],
    ['a: [x,\n\tz]\n', { a: ['x', 'z'] }],
  ])('%j is read as Go reads it', (text, value) => {
    expect(values(text)).toEqual([value]);
  });

  it('do not move the lines of errors', () => {
    expect(message('a: [\n1\n]\nb: {\n]\n')).toMatch(/^f\.yaml:5:/);
  });
});

describe('hostile text', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map((k, i) => `${k}: &${k} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
  ].join('\n');

  it.each([
    [
      'a long line',
      `a: ${'x'.repeat(10 * 1024 * 1024)}`,
      { manifestBytes: 64 << 20 },
      'limits.manifestLineBytes = 4194304',
    ],
    [
      'too many bytes',
      `a: |\n${'  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n'.repeat(3e5)}`,
      {},
      'limits.manifestBytes = 8388608',
    ],
    ['an alias bomb', bomb, {}, 'limits.yamlNodes = 300000'],
    ['a ring of aliases', 'a: &a [*a, *a]', {}, 'limits.yamlDepth = 100'],
    ['many aliases', `a: &a 1\nb: [${'*a, '.repeat(200)}]`, { yamlAliases: 100 }, 'limits.yamlAliases = 100'],
    ['deep brackets', '['.repeat(4e5), {}, 'limits.yamlDepth = 100'],
    ['deep JSON', `${'['.repeat(1e5)}${']'.repeat(1e5)}`, {}, 'limits.yamlDepth = 100'],
    [
      'deep indentation',
      Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      {},
      'limits.yamlDepth = 100',
    ],
    ['many values', `a: [${'a,'.repeat(1.5e6)}]`, {}, 'limits.yamlNodes = 300000'],
    [
      'a flood of merges',
      `a: &a {${Array.from({ length: 900 }, (_, i) => `k${i}: 1`).join(', ')}}\n${Array.from({ length: 50 }, (_, i) => `m${i}: {<<: *a}`).join('\n')}`,
      { yamlNodes: 20_000 },
      'limits.yamlNodes = 20000',
    ],
    ['UTF-16', Buffer.from('\uFEFFa: 1', 'utf16le'), {}, 'UTF-16'],
    ['a zero byte', 'a: \0', {}, 'null byte'],
    ['infinity', 'a:\n  - 1\n  - -.inf\n', {}, 'f.yaml:3:5: infinity and not-a-number'],
    ['a tab as indentation', 'a:\n\tb: 1\n', {}, 'f.yaml:2:1: tab characters must not be used'],
    ['an unknown alias', 'a: *b\n', {}, 'unidentified alias "b"'],
    ['an open quote', 'a: "x\n', {}, 'within a double quoted scalar'],
  ] as const)('%s is refused with a reason', (_name, text, limits, said) => {
    expect(message(text, limits)).toContain(said);
  });

  it('names the line of a byte that is not UTF-8', () => {
    expect(message(Buffer.from([0x61, 0x3a, 0x20, 0x31, 10, 0x62, 0x3a, 0xff, 10]))).toBe(
      'f.yaml:2:1: the text is not UTF-8',
    );
  });

  it('with many keys, blank lines or documents is read in good time', () => {
    const keys = Array.from({ length: 1e5 }, (_, i) => `  k${i}: v\n`).join('');
    expect(Object.keys((values(`a:\n${keys}`)[0] as { a: object }).a)).toHaveLength(1e5);
    expect(values(`${'\n'.repeat(5e6)}a: 1`)).toEqual([{ a: 1 }]);
    expect(values('---\na: 1\n'.repeat(1e4))).toHaveLength(1e4);
    expect(values(`a: |\n${'  {"a": [1, 2, 3], "b": {}},\n'.repeat(2e5)}`)).toHaveLength(1);
  });
});
