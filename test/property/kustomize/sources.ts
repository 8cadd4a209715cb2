import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/* ConfigMaps and Secrets made from files of every kind, over layers that add to them, replace them and refer to them. */

const KEYS = pick('A', 'B', 'a.b', 'a-b', '_x', 'A B', 'é', '1', 'ключ', '', ' K', '.', '..', 'x/y', 'export A', '"Q"');
const VALUES = pick(
  ...[
    '1',
    'x=y',
    '"q"',
    "'q'",
    '"un',
    "'",
    'two words ',
    ' lead',
    '',
    'é',
    '#no',
    'a #c',
    '$A',
    '\\n',
    '\ttab',
    'a\u0000b',
    '\u2028',
    '😀',
  ],
  ...['x'.repeat(120), '"a"b"', '\ufeffx', 'true', 'null', '{a: b}', '- x', '|', 'a: b'],
);
const envLine = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.tuple(KEYS, pick('=', '=', '=', '=', ' = ', ':', ''), VALUES).map((parts) => parts.join('')),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(pick('A', 'B', 'C', 'D', 'E', 'G'), VALUES).map(([key, value]) => `${key}=${value}`),
  },
  pick('', '# note', '   # note', '\t', '#', '==', '=', 'A', 'B ', '  A=1', 'NO'),
);
const envFile = fc
  .tuple(
    fc.array(envLine, { maxLength: 4 }),
    pick('\n', '\n', '\n', '\r\n', '\r', '\n\n'),
    pick('', '', '', '\ufeff'),
    fc.boolean(),
  )
  .map(([lines, end, bom, last]) => `${bom}${lines.join(end)}${last ? end : ''}`);

const bytes = fc.oneof(
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  pick(
    ...[
      '',
      '\n',
      'text',
      'text\n',
      '\ufefftext',
      '\ufeff',
      'a\r\nb\r\n',
      'a\rb',
      'tab\tin',
      'end ',
      'end \n',
      '\u0000',
      'é\n',
      'a\n\n\nb\n\n',
    ],
    ...[
      ' lead\n',
      '# c\n',
      '---\na: b\n',
      'a: b\n',
      '\n\n',
      'x'.repeat(200),
      `${'y '.repeat(80)}\n`,
      '\u0085',
      '\u2028x\n',
      'del\u007f',
      '\u0007',
      '\ud7ff',
    ],
    ...[
      '  two\n one\n',
      'a\\nb',
      '"quoted"',
      '"8080"',
      '8080',
      'true\n',
      '1e3',
      '~',
      '- a\n- b\n',
      'trail\n  \n',
      '\ufffd',
      '\uffff',
      'ü\r\n\u00a0',
      '>',
      '|\n x',
    ],
  ).map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ minLength: 50, maxLength: 60 }),
  pick([0xff], [0xc3], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf, 0xff], [0xfe, 0xff, 0, 65]).map(
    (list) => new Uint8Array(list),
  ),
);

const literal = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.tuple(pick('a', 'b', 'c', 'd', 'f', 'g', 'h', 'i'), VALUES).map(([key, value]) => `${key}=${value}`),
  },
  fc.tuple(KEYS, VALUES).map(([key, value]) => `${key}=${value}`),
  pick('a', '=x', '', 'a=b=c', "'a=b'", '"a=b"', ' a=b', 'a= b '),
);
const source = pick(
  'one.bin',
  'two.bin',
  'k=one.bin',
  'l=two.bin',
  'sub/deep.txt',
  'k=sub/deep.txt',
  'e.env',
  'none',
  'a=b=one.bin',
  '=one.bin',
  'k=',
  'sub',
  '../base/one.bin',
);
const quoted = (list: readonly string[]): string => `[${list.map((one) => JSON.stringify(one)).join(', ')}]`;
const good = <T>(value: fc.Arbitrary<T>, max: number): fc.Arbitrary<readonly T[]> =>
  fc.array(value, { maxLength: max });

const generator = fc
  .record({
    name: pick('gen', 'gen', 'gen', 'gen', 'gen', 'gen', 'gen', 'other', 'plain'),
    namespace: pick('', '', '', '', '', '', '', '', '', 'one', 'default'),
    literals: fc.oneof({ weight: 3, arbitrary: good(literal, 2) }, fc.constant([])),
    files: fc.oneof(
      { weight: 12, arbitrary: fc.subarray(['one.bin', 'k=two.bin', 'sub/deep.txt'], { maxLength: 2 }) },
      { weight: 1, arbitrary: good(source, 2) },
    ),
    envs: fc.oneof(
      { weight: 12, arbitrary: fc.subarray(['e.env'], { maxLength: 1 }) },
      good(pick('e.env', 'f.env', 'none.env', 'one.bin'), 2),
    ),
    type: pick('', '', 'Opaque', 'kubernetes.io/tls', 'x'),
    options: pick(
      ...[
        '',
        '',
        '',
        'disableNameSuffixHash: true',
        'immutable: true',
        'immutable: false',
        'labels: {l: "1"}, annotations: {note: é}',
      ],
      ...['disableNameSuffixHash: false, labels: {o: p}', 'annotations: {config.kubernetes.io/local-config: "true"}'],
    ),
  })
  .map(
    (g) =>
      (secret: boolean, behavior: string): string =>
        [
          `name: ${g.name}`,
          g.namespace === '' ? '' : `namespace: ${g.namespace}`,
          behavior === '' ? '' : `behavior: ${behavior}`,
          g.literals.length === 0 ? '' : `literals: ${quoted(g.literals)}`,
          g.files.length === 0 ? '' : `files: ${quoted(g.files)}`,
          g.envs.length === 0 ? '' : `envs: ${quoted(g.envs)}`,
          secret && g.type !== '' ? `type: ${g.type}` : '',
          g.options === '' ? '' : `options: {${g.options}}`,
        ]
          .filter(Boolean)
          .join(', '),
  );

type Made = (secret: boolean, behavior: string) => string;
const OPTIONS = pick(
  ...[
    '',
    '',
    '',
    'generatorOptions: {disableNameSuffixHash: true}\n',
    'generatorOptions: {immutable: true, labels: {all: x}}\n',
  ],
  ...[
    'generatorOptions: {annotations: {note: all, z: "2"}}\n',
    'generatorOptions: {disableNameSuffixHash: false}\n',
    'generatorOptions: {}\n',
  ],
);
const REST = pick('', '', 'namePrefix: p-\n', 'nameSuffix: -s\n', 'namespace: one\n', 'commonLabels: {c: d}\n');
const BEHAVIOR = pick('', 'merge', 'merge', 'merge', 'merge', 'merge', 'replace', 'replace', 'create', 'odd');

function field(secret: boolean, list: readonly Made[], behaviors: readonly string[]): string {
  const name = secret ? 'secretGenerator' : 'configMapGenerator';
  return list.length === 0
    ? ''
    : `${name}:\n${list.map((make, i) => `- {${make(secret, behaviors[i] ?? '')}}\n`).join('')}`;
}

const USER = `apiVersion: v1
kind: Pod
metadata: {name: pod}
spec:
  containers:
  - name: c
    image: i
    envFrom: [{configMapRef: {name: gen}}, {secretRef: {name: gen}}, {secretRef: {name: other}}]
  volumes:
  - {name: v, configMap: {name: plain}}
  - {name: w, projected: {sources: [{secret: {name: gen}}, {configMap: {name: other}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, labels: {own: x}}
data: {a: own, e: kept}
binaryData: {bin: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: plain}
data: {a: b3du}
stringData: {s: text}
immutable: true
`;

/** Generators in a base and over it, with the files that both read. */
export const sourceRepositories: fc.Arbitrary<Repository> = fc
  .record({
    base: fc.array(generator, { minLength: 1, maxLength: 1 }),
    over: fc.array(generator, { maxLength: 2 }),
    secret: fc.boolean(),
    overSecret: pick(0, 0, 0, 0, 0, 0, 0, 1),
    behaviors: fc.array(BEHAVIOR, { minLength: 2, maxLength: 2 }),
    options: fc.tuple(OPTIONS, OPTIONS),
    rest: fc.tuple(REST, REST),
    env: fc.tuple(envFile, envFile),
    files: fc.tuple(bytes, bytes, bytes),
    top: pick('', '', 'namePrefix: top-\n'),
  })
  .map((r) => {
    const [one, two, deep] = r.files;
    const texts: Record<string, string> = {
      'base/user.yaml': USER,
      'base/kustomization.yaml': `resources: [user.yaml]\n${r.options[0]}${r.rest[0]}${field(r.secret, r.base, ['', 'merge'])}`,
      'over/kustomization.yaml': `resources: [../base]\n${r.options[1]}${r.rest[1]}${field(r.overSecret === 1 ? !r.secret : r.secret, r.over, r.behaviors)}`,
      'top/kustomization.yaml': `resources: [../over]\n${r.top}`,
    };
    const raw: Record<string, Uint8Array> = {};
    for (const folder of ['base', 'over']) {
      texts[`${folder}/e.env`] = r.env[folder === 'base' ? 0 : 1];
      texts[`${folder}/f.env`] = 'F=1\n';
      raw[`${folder}/one.bin`] = one;
      raw[`${folder}/two.bin`] = two;
      raw[`${folder}/sub/deep.txt`] = deep;
    }
    return { root: r.top === '' ? 'over' : 'top', files: texts, bytes: raw };
  });
