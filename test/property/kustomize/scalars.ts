import fc from 'fast-check';
import type { Repository } from './generate.ts';

/* Repositories whose point is the text of scalars and the shape of documents: what is read, and how it is written again. */

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const digits = fc.array(fc.nat(9), { minLength: 1, maxLength: 22 }).map((list) => list.join(''));
const sign = pick('', '', '-', '+');

/** Numbers and what looks like one. */
const numberText = fc.oneof(
  fc.tuple(sign, digits).map((parts) => parts.join('')),
  fc
    .tuple(
      sign,
      digits,
      pick('.', '.0', '.5', '.25', '.000', '.1e3', 'e3', 'E-7', 'e+21', 'e22', 'e-5', 'e300', 'e400'),
    )
    .map((parts) => parts.join('')),
  fc.double().map((n) => String(n)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  pick(
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '18446744073709551616',
    '-9223372036854775808',
    '-9223372036854775809',
    '1e21',
    '1e20',
    '-1e20',
    '1e-6',
    '1e-7',
    '0.000001',
    '0.0000001',
    '-0',
    '-0.0',
    '0.0',
    '+0',
    '00',
    '007',
    '08',
    '0o10',
    '0O10',
    '0x1f',
    '0XFF',
    '0b101',
    '0xFFFFFFFFFFFFFFFFF',
    '1_000',
    '1__0',
    '_1',
    '1_',
    '0x_1f',
    '1:30',
    '12:30:45',
    '190:20:30',
    '.inf',
    '-.INF',
    '+.Inf',
    '.nan',
    '.NaN',
    'nan',
    'inf',
    '1.',
    '.5',
    '.',
    '-.5',
    '1.5.5',
    '1e',
    'e1',
    '1,000',
    '123456789.123',
    '1234567.0',
    '100000.0',
    '1000000.0',
    '21e-1',
  ),
);

const words = pick(
  'true',
  'True',
  'TRUE',
  'tRue',
  'false',
  'yes',
  'Yes',
  'no',
  'on',
  'off',
  'y',
  'n',
  'Y',
  'N',
  'null',
  'Null',
  '~',
  'NULL',
  'nil',
  'none',
  '2020-01-01',
  '2020-1-1',
  '2020-01-01T00:00:00Z',
  '2020-01-01 00:00:00 +01:00',
  '2001-12-14t21:59:43.10-05:00',
  '2020-13-40',
  '<<',
  '=',
  '-',
  '--',
  '---',
  '...',
  '?',
  ':',
  '!',
  '&a',
  '*a',
  '@x',
  '`x',
  '%x',
  '|',
  '>',
  '[',
  ']',
  '{',
  '}',
  ',',
  '#',
  'a #b',
  'a:b',
  'a: b',
  'a:',
  ':a',
  '- a',
  '-a',
  '? a',
  '?a',
  '!a',
  "'",
  '"',
  "it's",
  'a"b',
  'a\\b',
  'é',
  'ü: x',
  '😀',
  '日本語',
  '\u00a0',
  'a\u00a0b',
  '\u2028',
  'a\u2029b',
  '\ufeff',
  '\u0085',
  'a\tb',
  '\ta',
  'a\t',
  ' a',
  'a ',
  '  ',
  '',
  'null ',
  '$(X)',
  '${X}',
  '{{x}}',
  '0x',
  '0b',
  '0o',
);

const bits = fc.oneof(
  words,
  numberText,
  pick(
    ' ',
    '  ',
    '\t\n',
    '\n\t',
    '\n',
    '\n\n',
    ' \n',
    '\n ',
    '\t',
    ': ',
    ' #',
    ', ',
    'word',
    'a much longer word that goes on',
    'x'.repeat(90),
    '\\',
    '"',
    "'",
  ),
);

/** Any text: words, or several of them together. */
const anyText = fc.oneof(
  { weight: 3, arbitrary: words },
  { weight: 3, arbitrary: numberText },
  { weight: 3, arbitrary: fc.array(bits, { minLength: 1, maxLength: 14 }).map((parts) => parts.join('')) },
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ maxLength: 40 }),
);

/** Zero with a minus sign, which docs/kustomize.md says comes out otherwise. */
const isMinusZero = (value: string): boolean => value.startsWith('-') && Object.is(Number(value), -0);

/** Without line separators beside line breaks, whose fate in four libraries is nobody's concern. */
const text = anyText
  .filter((value) => !isMinusZero(value))
  .map((value) => (value.includes('\n') ? value.replaceAll(/[\u0085\u2028\u2029]/g, '') : value));

const single = (value: string): string => `'${value.replaceAll("'", "''").replaceAll('\n', '\n\n   ')}'`;

/** A scalar as YAML, in a style; plain ones may mean something else, or be no YAML at all. */
function styled(value: string, style: number, indent: number): string {
  const pad = ' '.repeat(indent);
  const block = (mark: string): string =>
    `${mark}\n${value
      .split('\n')
      .map((line) => pad + line)
      .join('\n')}`;
  switch (style) {
    case 0:
      return value.replaceAll('\n', ' ');
    case 1:
      return JSON.stringify(value);
    case 2:
      return single(value);
    case 3:
      return block('|');
    case 4:
      return block('>');
    case 5:
      return block('|-');
    case 6:
      return block('|+');
    case 7:
      return `${block('>+')}\n\n`;
    case 8:
      return `!!str ${JSON.stringify(value)}`;
    case 9:
      return `!!${value.length % 2 === 0 ? 'int' : 'float'} ${value.replaceAll('\n', ' ')}`;
    case 10:
      return `{k: ${JSON.stringify(value)}, l: [${value.replaceAll(/[\n,[\]{}#:]/g, ' ')}]}`;
    default:
      return block('>2-').replace('2', '');
  }
}

const STYLE = pick(0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11);
const scalar = (indent: number): fc.Arbitrary<string> =>
  fc.tuple(text, STYLE).map(([value, style]) => styled(value, style, indent));

const key = fc.oneof(
  { weight: 6, arbitrary: pick('a', 'b', 'c', 'd', 'a1', 'a2', 'a10', 'A', 'Z', 'ä', 'k.yaml', 'a-b', 'a_b', '_x') },
  // A key that is empty is told of in docs/kustomize.md.
  fc
    .oneof(words, numberText)
    .filter((value) => value !== '')
    .map((value) => JSON.stringify(value)),
  pick('? x\n  ', '"a\\tb"', "'it''s'", 'y', 'n', 'on', '1', '1.5', 'true', 'null', '"null"', '2020-01-01'),
);

const entries = (indent: number, max: number): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.tuple(key, scalar(indent + 2)), { minLength: 1, maxLength: max, selector: ([name]) => name })
    .map((list) => list.map(([name, value]) => `${' '.repeat(indent)}${name}: ${value}\n`).join(''));

const CHANGES = pick(
  '',
  '',
  '',
  'namePrefix: p-\n',
  'commonAnnotations: {added: "1"}\n',
  'namespace: n\n',
  'patches:\n- target: {kind: .*}\n  patch: |-\n    - {op: add, path: /metadata/annotations/p, value: "1"}\n',
  'patches:\n- target: {kind: Thing}\n  patch: |-\n    - {op: test, path: /kind, value: Thing}\n',
  'patches:\n- target: {kind: .*}\n  patch: |-\n    kind: X\n    metadata: {name: x, labels: {p: "1"}}\n',
  'patches:\n- path: patch.yaml\n  target: {kind: Thing}\n',
);

/** Odd documents beside the first. */
const MORE = pick(
  '',
  '',
  '',
  '---\n',
  '---\n---\n',
  '---\n# only a comment\n',
  '--- \napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n...\n',
  '---\napiVersion: v1\nkind: List\nitems: []\n',
  '---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: i1}, data: {a: 1.0, b: 2020-01-01 10:00:00}}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: i2}\n',
  '---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: nested}}\n',
  '---\napiVersion: example.com/v1\nkind: ThingList\nmetadata: {name: l}\nitems: [a, b]\n',
  '---\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"},"data":{"a":"\\u00e9","b":"x\\/y","c":"1\\n2"}}\n',
  '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: dup}\ndata:\n  a: x\n  a: y\n',
  '---\napiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: anchored, labels: {a: b}}\ndata: &d\n  x: &x "1"\n  y: *x\nother: {<<: *d, z: *x}\nlist: [*x, *d]\n',
  '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: merge}\na: &a {k: 1, l: 2}\nb: &b {l: 3, m: 4}\nc:\n  <<: [*a, *b]\n  m: 5\n',
);

/** One object with many scalars, as it is, with CRLF, or after it was changed. */
export const scalarRepositories: fc.Arbitrary<Repository> = fc
  .record({
    spec: entries(2, 5),
    list: fc.array(scalar(4), { maxLength: 3 }),
    data: entries(2, 3),
    annotations: fc.option(entries(4, 2), { freq: 3 }),
    patch: entries(2, 2),
    changes: CHANGES,
    more: MORE,
    crlf: pick(false, false, false, false, true),
    comments: fc.boolean(),
    end: pick('', '', '# end\n', '\n# end\n', '  # one\n\n# end\n'),
    generate: fc.option(text, { freq: 5 }),
  })
  .map((r) => {
    const meta = (name: string): string =>
      `metadata:\n  name: ${name}\n${r.annotations === null ? '' : `  annotations:\n${r.annotations}`}`;
    const note = r.comments ? '# head\n' : '';
    const list = r.list.map((value) => `  - ${value}\n`).join('');
    const thing = `${note}apiVersion: example.com/v1\nkind: Thing # kind\n${meta('x')}spec:\n${r.spec}${list === '' ? '' : `list:\n${list}`}`;
    const map = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n${note}data:\n${r.data}${r.end}`;
    const all = `${thing}---\n${map}${r.more}`;
    return {
      root: '.',
      files: {
        'kustomization.yaml': `resources: [r.yaml]\n${r.changes}${r.generate === null ? '' : 'configMapGenerator:\n- {name: g, files: [f.txt], envs: [e.env]}\nsecretGenerator:\n- {name: g, files: [f.txt]}\n'}`,
        'r.yaml': r.crlf ? all.replaceAll('\n', '\r\n') : all,
        'patch.yaml': `apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\nspec:\n${r.patch}`,
        'f.txt': r.generate ?? '',
        'e.env': `A=${r.generate ?? ''}\nB=2\n`,
      },
    };
  });
