import fc from 'fast-check';

/** Values of YAML as people write them: types, quotes, tags, dates, numbers in every base. */
const SCALARS = [
  ...[
    '1',
    '0',
    '-1',
    '1.5',
    '-0.25',
    '1e3',
    '1E-7',
    '1.0',
    '0.0',
    '123456789.123456789',
    '9007199254740993',
    '1.',
    '.5',
  ],
  ...['9223372036854775807', '0x1F', '0o17', '017', '0b101', '1_000', '+3', '-0', '.inf', '-.inf', '.nan', '1e400'],
  ...['true', 'False', 'TRUE', 'yes', 'no', 'on', 'off', 'y', 'n', 'null', '~', 'Null', '', '12:30:45', '1.2.3'],
  ...['2024-01-01', '2024-01-01T10:00:00Z', '2024-01-01 10:00:00', '2001-12-14t21:59:43.10-05:00'],
  ...['plain text', 'http://x.y/z?a=b&c=d', 'a:b', 'foo#bar', '$x', 'ünïñ🚀', '<<', '=', '"ENC["', 'x'],
  ...['"quoted"', "'single'", '"esc \\n \\t \\u00e9"', "'it''s'", '"1"', '"true"', '"null"', '""', "''", '" a "'],
  ...['"\\U0001F680"', '"\\x00"', '"a\\rb"', '"\\e"', '!!str 5', '!!int "5"', '!!float 5', '!!binary aGVsbG8='],
  ...['[]', '{}', '[1, two, "three"]', '{a: 1, b: [x, y]}', '["", null, ~]'],
];
const KEYS = [
  ...['data', 'stringData', 'metadata', 'name', 'kind', 'a', 'b', 'password', 'x_unencrypted', 'y_encrypted', 'spec'],
  ...['"quoted key"', "'sq'", 'with space', 'dotted.key', 'key/slash', 'üx', '"a:b"', 'yes', '-dash', 'q?'],
  'longkey'.repeat(12),
];
const COMMENTS = ['# a comment', '#tight', '#   spaced   ', '# ünï 🚀', '# with: colon', '## double', '# sops:enc'];
const LINES = [
  ...['line one', '  deeper', '', '# no comment', 'key: value', 'tab\there', 'ünï', 'x'.repeat(100)],
  'word '.repeat(30).trim(),
];

/** A value of a YAML text before it is laid out. */
type Part =
  | { readonly kind: 'scalar'; readonly text: string; readonly note: string }
  | { readonly kind: 'block'; readonly head: string; readonly lines: readonly string[] }
  | { readonly kind: 'map'; readonly wide: boolean; readonly entries: readonly Entry[] }
  | { readonly kind: 'list'; readonly wide: boolean; readonly items: readonly Entry[] };

interface Entry {
  readonly key: string;
  readonly above: string;
  readonly value: Part;
}

const rarely = <T>(value: fc.Arbitrary<T>, or: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(or) }, { weight: 1, arbitrary: value });
const comment = rarely(fc.constantFrom(...COMMENTS), '');
const { map } = fc.letrec<{ part: Part; map: Part; entry: Entry }>((tie) => ({
  entry: fc.record({ key: fc.constantFrom(...KEYS), above: comment, value: tie('part') }),
  map: fc.record({
    kind: fc.constant('map' as const),
    wide: fc.boolean(),
    entries: fc.uniqueArray(tie('entry'), { minLength: 1, maxLength: 6, selector: ({ key }) => key }),
  }),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constant('scalar' as const), text: fc.constantFrom(...SCALARS), note: comment }),
    fc.record({
      kind: fc.constant('block' as const),
      head: fc.constantFrom('|', '|-', '|+', '>', '>-', '>+'),
      lines: fc.array(fc.constantFrom(...LINES), { maxLength: 4 }).map((more) => ['first', ...more]),
    }),
    tie('map'),
    fc.record({
      kind: fc.constant('list' as const),
      wide: fc.boolean(),
      items: fc.array(tie('entry'), { minLength: 1, maxLength: 4 }),
    }),
  ),
}));

/** Behind a key or a dash, and the lines below. */
function below(part: Part, indent: string, inList: boolean): string {
  switch (part.kind) {
    case 'scalar':
      return ` ${[part.text, /^[[{]/.test(part.text) ? '' : part.note].filter((one) => one !== '').join(' ')}`.trimEnd();
    case 'block':
      return ` ${part.head}\n${part.lines.map((line) => (line === '' ? '' : `${indent}  ${line}`)).join('\n')}`;
    case 'map':
      return `\n${lay(part, indent + (part.wide ? '    ' : '  '), inList)}`;
    case 'list':
      return `\n${lay(part, indent + (part.wide ? '  ' : ''), inList)}`;
  }
}

const bare = (part: Part): Part => (part.kind === 'scalar' ? { ...part, note: '' } : part);

/** Of comments where a list or map begins in a list, as of those behind lists and maps in one line, sops loses some. */
function lay(part: Extract<Part, { kind: 'map' | 'list' }>, indent: string, inList = false): string {
  const above = ({ above: text, value }: Entry, i: number): string => {
    const lost = inList && (i === 0 || part.kind === 'list');
    return text === '' || lost || (part.kind === 'list' && value.kind === 'list') ? '' : `${indent}${text}\n`;
  };
  const lines =
    part.kind === 'map'
      ? part.entries.map(
          (one, i) =>
            `${above(one, i)}${indent}${one.key}:${below(inList && i === 0 ? bare(one.value) : one.value, indent, false)}`,
        )
      : part.items.map((one, i) => `${above(one, i)}${indent}-${below(one.value, `${indent}  `, true)}`);
  return lines.join('\n');
}

/** Texts of YAML files with one document or several. Some are none, or nothing that sops takes. */
export const yamlTexts = fc
  .record({
    documents: rarely(fc.array(map, { minLength: 2, maxLength: 3 }), []),
    one: map,
    crlf: rarely(fc.boolean(), false),
  })
  .map(({ documents, one, crlf }) => {
    const parts = (documents.length === 0 ? [one] : documents) as readonly Extract<Part, { kind: 'map' }>[];
    const text = `${parts.map((part) => lay(part, '')).join('\n---\n')}\n`;
    return crlf ? text.replaceAll('\n', '\r\n') : text;
  });

const JSON_SCALARS = [
  ...['1', '0', '-1', '1.5', '1e3', '1E+2', '-0', '-0.0', '1.0', '100000000000000000000', '9007199254740993', '1e-7'],
  ...['9223372036854775807', '9223372036854775808', '123456789.123456789', 'true', 'false', 'null', '""', '"text"'],
  ...[
    '"a\\nb"',
    '"\\u00e9"',
    '"é🚀"',
    '"\\ud83d\\ude80"',
    '"<&>"',
    '"\\/"',
    '"\\t"',
    '"\\u0000"',
    '"\\u2028"',
    '"\\\\"',
  ],
];
const JSON_KEYS = ['data', 'a', 'b', 'password', 'x_unencrypted', 'ü', 'a b', '', '1', 'a:b', 'longkey'.repeat(10)];
const space = fc.constantFrom('', ' ', '\n  ', '\t');
const { object } = fc.letrec<{ value: string; object: string }>((tie) => ({
  object: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...JSON_KEYS), tie('value'), space), {
      maxLength: 5,
      selector: ([key]) => key,
    })
    .map((pairs) => `{${pairs.map(([key, value, gap]) => `${gap}"${key}":${gap}${value}`).join(',')}}`),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...JSON_SCALARS),
    tie('object'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
  ),
}));
export const jsonTexts = object;

const PLAIN = [
  ...['value', '', '1', 'true', '1.5', '"quoted"', "'single'", 'a=b=c', 'with  space', ' lead', 'trail ', 'a\\nb'],
  ...['a\\\\nb', 'ü🚀', '#hash', 'x # y', 'x ; y', '$VAR', '{"a":1}', 'a:b', '"""three"""', '`tick`', 'x'.repeat(150)],
];
const NAMES = ['A', 'B_C', 'lower', 'a.b', 'with-dash', 'sp ace', 'ü', 'KEY_unencrypted', 'password', '"q"'];
const lined = (above: readonly string[], delimiters: readonly string[]): fc.Arbitrary<string> =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.constantFrom(...PLAIN),
        fc.constantFrom(...delimiters),
        rarely(fc.constantFrom(...above), ''),
      ),
      { maxLength: 5, selector: ([key]) => key },
    )
    .map((pairs) =>
      pairs.map(([key, value, is, note]) => `${note === '' ? '' : `${note}\n`}${key}${is}${value}\n`).join(''),
    );

export const dotenvTexts = lined(['# comment', '#x', '#', '# ü', '#  a = b'], ['=']);

export const iniTexts = fc
  .tuple(
    lined(['; comment', '# comment', ';x', '# a = b'], ['=', ' = ', ':']),
    fc.uniqueArray(
      fc.tuple(
        fc.constantFrom('main', 'sec.sub', 'with space', 'ü', 'A'),
        lined(['; comment', '#x'], ['=', ' = ', ' : ']),
      ),
      { maxLength: 3, selector: ([name]) => name },
    ),
  )
  .map(([first, sections]) => first + sections.map(([name, lines]) => `[${name}]\n${lines}`).join('\n'));

export const binaries = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  yamlTexts.map((text) => Buffer.from(text)),
);
