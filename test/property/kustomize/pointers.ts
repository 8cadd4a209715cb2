import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/* JSON patches of every operation on every kind of place, in each way to write them, and strategic merges after or before. */

/** Paths that lead somewhere in OBJECT, and their ends. */
const THERE = [
  ...['/spec', '/spec/text', '/spec/int', '/spec/float', '/spec/list', '/spec/list/0', '/spec/list/2', '/spec/objs/0'],
  ...[
    '/spec/objs/1/name',
    '/spec/map',
    '/spec/map/k',
    '/spec/deep/list/0/0',
    '/spec/deep/list/1',
    '/spec/a~1b',
    '/spec/c~0d',
  ],
  ...[
    '/spec/~01',
    '/spec/',
    '/spec//x',
    '/spec/nil',
    '/spec/empty',
    '/spec/none',
    '/metadata/labels',
    '/metadata/labels/app',
  ],
  ...[
    '/metadata/annotations',
    '/metadata/annotations/',
    '/spec/zero',
    '/metadata/annotations/note',
    '/metadata/name',
    '/metadata/namespace',
    '/spec/0',
    '/spec/é',
  ],
  ...['/spec/block', '/spec/folded', '/spec/bool', '/spec/date', '/spec/big', '/spec/quoted', '/spec/tilde', '/kind'],
];
const GONE = [
  ...[
    '/spec/list/-',
    '/spec/list/3',
    '/spec/list/4',
    '/spec/list/-1',
    '/spec/list/-3',
    '/spec/list/-4',
    '/spec/list/00',
  ],
  ...['/spec/list/1e0', '/spec/list/+1', '/spec/list/ 1', '/spec/list/0/x', '/spec/new', '/spec/new/x', '/spec/none/0'],
  ...[
    '/spec/none/-',
    '/spec/empty/x',
    '/spec/nil/x',
    '/spec/text/x',
    '/spec/int/0',
    '/spec/a/b',
    '/spec/~',
    '/spec/~2',
    '',
  ],
  ...[
    '/',
    'spec',
    '/x/y',
    '/spec/objs/-',
    '/spec/objs/9/name',
    '/spec/deep/list/0/-',
    '/spec/deep/list/-/0',
    '/metadata/x',
  ],
  ...[
    '/apiVersion',
    '/metadata',
    '/spec/list/1/',
    '/spec/objs/name',
    '/spec/objs/0/name/x',
    '/spec/list/99999999999999999999',
  ],
];
const there = pick(...THERE);
const anywhere = fc.oneof({ weight: 12, arbitrary: there }, { weight: 1, arbitrary: pick(...GONE) });
const addable = fc.oneof({ weight: 5, arbitrary: there }, { weight: 2, arbitrary: pick(...GONE) });

const VALUES = [
  ...[
    '1',
    '"1"',
    'true',
    'null',
    '{}',
    '[]',
    '{a: b}',
    '[1, two, null]',
    '1.0',
    '1.50',
    '1e3',
    '1E400',
    '-0',
    '-0.0',
    '0.1',
    '"a\\nb"',
    '"\\ta\\nb"',
  ],
  ...[
    '12345678901234567890',
    '9007199254740993',
    '-9223372036854775808',
    '"é"',
    '"\\u2028"',
    '0x1F',
    '0o17',
    '017',
    'yes',
    '2020-01-01',
  ],
  ...[
    '~',
    '""',
    '" lead"',
    '"trail "',
    '"null"',
    '"true"',
    '"1e3"',
    '{k: {l: [1, {m: n}]}}',
    '"- a"',
    '"a: b"',
    '"#x"',
    '1_000',
    '.5',
  ],
  ...[
    '{x: null, y: [null]}',
    '"<>&"',
    '{1: 2}',
    '{true: x}',
    '{a: 1, a: 2}',
    '!!str 5',
    '!!int "7"',
    '"/x"',
    '*',
    '1.7976931348623157e308',
  ],
];
const value = pick(...VALUES);
/** What OBJECT has at some places, so that tests can pass. */
const TESTS = [
  ...[
    '/spec/text, value: hello',
    '/spec/int, value: 5',
    '/spec/int, value: 5.0',
    '/spec/int, value: "5"',
    '/spec/float, value: 1.5',
  ],
  ...[
    '/spec/list, value: [a, b, c]',
    '/spec/list, value: [a, b]',
    '/spec/map, value: {l: m, k: v}',
    '/spec/nil, value: null',
  ],
  ...[
    '/spec/nil',
    '/spec/gone, value: null',
    '/spec/gone',
    '/spec/bool, value: true',
    '/spec/empty, value: {}',
    '/spec/none, value: []',
  ],
  ...[
    '/spec/big, value: 12345678901234567890',
    '/spec/big, value: 12345678901234567891',
    '/spec/date, value: 2020-01-01',
    '/spec/none, value: null',
  ],
  ...[
    '/spec/date, value: "2020-01-01"',
    '/spec/zero, value: -0.0',
    '/spec/zero, value: 0',
    '/spec/quoted, value: "007"',
    '/spec/objs/0, value: {name: one, v: 1}',
    '/metadata/labels/app, value: x',
  ],
];

const operation = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(addable, value).map(([path, v]) => `{op: add, path: '${path}', value: ${v}}`) },
  { weight: 9, arbitrary: fc.tuple(anywhere, value).map(([path, v]) => `{op: replace, path: '${path}', value: ${v}}`) },
  { weight: 6, arbitrary: anywhere.map((path) => `{op: remove, path: '${path}'}`) },
  {
    weight: 6,
    arbitrary: fc.tuple(anywhere, addable).map(([from, path]) => `{op: copy, from: '${from}', path: '${path}'}`),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(anywhere, addable).map(([from, path]) => `{op: move, from: '${from}', path: '${path}'}`),
  },
  { weight: 1, arbitrary: pick(...TESTS).map((rest) => `{op: test, path: ${rest}}`) },
  {
    weight: 1,
    arbitrary: pick(
      ...[
        '{op: add, path: /spec/x}',
        '{op: replace, path: /spec/text}',
        '{op: move, path: /spec/x}',
        '{op: copy, path: /spec/x}',
      ],
      ...[
        '{path: /spec/x, value: 1}',
        '{op: add, value: 1}',
        '{op: ADD, path: /spec/x, value: 1}',
        '{op: "", path: /spec/x}',
        '{}',
      ],
      ...[
        '{op: add, path: /spec/x, value: 1, odd: y}',
        '{op: add, path: 5, value: 1}',
        '{op: remove, path: [a]}',
        '5',
        'null',
        '[]',
      ],
      ...[
        '{Op: add, Path: /spec/x, Value: 1}',
        '{op: add, path: null, value: 1}',
        '{op: test, path: "", value: 1}',
        '{op: remove, path: /spec/x, value: null}',
      ],
    ),
  },
);

const MERGES = pick(
  ...[
    '',
    '',
    'spec: {text: merged}',
    'spec: {list: [z]}',
    'spec: {map: {k: null, n: 1}}',
    'spec: {objs: [{name: one, v: 2}]}',
  ],
  ...[
    'metadata: {labels: {app: null}}',
    'spec: {nil: 1, empty: null, none: null}',
    '$patch: replace\nspec: {only: x}',
    '$patch: delete',
  ],
  ...[
    'spec: {$patch: delete}',
    'spec: {$patch: replace, a: b}',
    'spec: {objs: [{$patch: replace}, {name: z}]}',
    'spec: null',
    'spec: {deep: {list: null}}',
  ],
  ...[
    'spec: {$retainKeys: [text], text: kept}',
    'spec: {$deleteFromPrimitiveList/list: [a]}',
    'spec: {$setElementOrder/list: [c, a, b], list: [c, d]}',
  ],
);

const HEAD = 'apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: thing\n';
const OBJECT = `apiVersion: example.com/v1
kind: Thing
metadata:
  name: thing
  labels: {app: x}
  annotations: {note: "1"}
spec:
  text: hello
  int: 5
  float: 1.50
  zero: -0.0
  bool: true
  big: 12345678901234567890
  date: 2020-01-01
  quoted: "007"
  tilde: ~
  nil: null
  empty: {}
  none: []
  list: [a, b, c]
  objs:
  - {name: one, v: 1}
  - name: two
    v: 2 # two
  map: {k: v, l: m}
  deep: {list: [[1, 2], [3]]}
  a/b: slash
  c~d: tilde
  ~1: odd
  "0": zero
  é: accent
  block: |
    one
      two
  folded: >-
    one
    two

    three
`;

/** How a list of operations is written: YAML in a patch, JSON in a file, or under the older field. */
export const pointerRepositories: fc.Arbitrary<Repository> = fc
  .record({
    lists: fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
    notes: pick('note: "1"', 'note: "1"', 'note: "1", zero: -0.0', 'note: "1", "": x'),
    hasEmpty: pick(false, false, false, false, false, true),
    how: pick('file', 'old', 'block', 'block', 'block', 'block', 'block', 'odd'),
    before: MERGES,
    after: MERGES,
    target: pick(
      'kind: Thing',
      'kind: Thing',
      'name: thing',
      'group: example.com, version: v1, kind: Thing, name: thing',
    ),
    more: pick('', '', 'namePrefix: p-\n', 'commonLabels: {c: d}\n', 'buildMetadata: [transformerAnnotations]\n'),
  })
  .map(({ lists, how, before, after, target, more, hasEmpty, notes }) => {
    const object = OBJECT.replace('note: "1"', notes);
    const files: Record<string, string> = { 'r.yaml': hasEmpty ? `${object}  "": {x: empty}\n` : object };
    const entries: string[] = [];
    const old: string[] = [];
    const merge = (text: string): void => {
      if (text !== '')
        entries.push(
          `- patch: |-\n    ${`${HEAD}${text}`
            .replace('metadata:\n  name: thing\nmetadata: {', 'metadata:\n  name: thing\n  ')
            .replace(/(labels: \{app: null\})\}/, '$1')
            .replaceAll('\n', '\n    ')}\n`,
        );
    };
    merge(before);
    for (const [i, list] of lists.entries()) {
      const flow = `[${list.join(', ')}]`;
      const block = list.map((one) => `- ${one}`).join('\n');
      if (how === 'file') files[`p${i}.yaml`] = block;
      const body =
        how === 'file'
          ? `path: p${i}.yaml`
          : how === 'block' || how === 'old'
            ? `patch: |-\n    ${block.replaceAll('\n', '\n    ')}`
            : `patch: |-\n    ${how === 'odd' ? (list[0] ?? '') : flow}`;
      const full = how === 'old' ? 'group: example.com, version: v1, kind: Thing, name: thing' : target;
      (how === 'old' ? old : entries).push(`- target: {${full}}\n  ${body}\n`);
    }
    merge(after);
    files['kustomization.yaml'] =
      `resources: [r.yaml]\n${more}${entries.length > 0 ? `patches:\n${entries.join('')}` : ''}${old.length > 0 ? `patchesJson6902:\n${old.join('')}` : ''}`;
    return { root: '.', files };
  });
