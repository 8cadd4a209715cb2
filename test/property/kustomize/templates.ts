import fc from 'fast-check';
import { pick } from './wide-parts.ts';

/* Templates as Flux's substitution reads them, and values of variables. */

/** A template, variables, and whether they must be set. */
export interface TemplateCase {
  readonly text: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly strict: boolean;
}

const VARS = ['A', 'B', 'C', 'NONE', 'long_name', '_x', 'x1'] as const;
const VALUES = [
  ...[
    'hello',
    'Hello World',
    '',
    '8080',
    'true',
    'null',
    '1e3',
    '0x1F',
    '1.50',
    '2020-01-01',
    'a: b',
    '- a',
    '# c',
    'x #y',
    '"q"',
  ],
  ...[
    "it's",
    'a"b',
    '{a: b}',
    '[1, 2]',
    'é😀',
    'ÀÉ',
    'tab\tin',
    'two\nlines',
    '\n',
    ' lead',
    'trail ',
    '${A}',
    '$A',
    '$$',
    'a/b/c',
    'x.y.z',
  ],
  ...[
    '&a',
    '*a',
    '!t',
    '|',
    '>',
    '%',
    '@',
    '`',
    '~',
    'yes',
    '\\',
    '\\n',
    'ǆ',
    'ß',
    'İ',
    '1_000',
    '017',
    '0o17',
    '.inf',
    ': ',
    '---',
    'x'.repeat(90),
  ],
];
const value = pick(...VALUES);
const vars = fc.dictionary(pick('A', 'A', 'B', 'C', 'long_name', '_x', 'x1', 'a-b'), value, { maxKeys: 5 });
/** Variables whose names are right, at least one. */
export const goodVars = fc.dictionary(pick('A', 'A', 'B', 'C', 'long_name', '_x', 'x1'), value, {
  minKeys: 1,
  maxKeys: 6,
});

const word = pick(
  'x',
  'ab',
  '*',
  '?',
  'l',
  'o',
  'H',
  '/',
  '.',
  'é',
  ' ',
  '[a-z]',
  '[^h]',
  '[',
  '\\/',
  '\\\\',
  ':',
  '-',
  '1',
  '"',
  "'",
  'b',
  '{',
  '$',
  '$$',
  '=',
  '#',
  '%',
  ',',
  '^',
);
const plain = fc.array(word, { maxLength: 3 }).map((list) => list.join(''));
const { template } = fc.letrec<{ template: string; call: string; arg: string }>((tie) => ({
  arg: fc.oneof(
    { weight: 5, arbitrary: plain },
    { weight: 1, arbitrary: tie('call') },
    { weight: 1, arbitrary: fc.tuple(plain, tie('call')).map((list) => list.join('')) },
  ),
  call: fc
    .tuple(
      pick(...VARS),
      pick(
        ...[
          '',
          '',
          '',
          ':-',
          '-',
          ':=',
          '=',
          ':+',
          '+',
          ':?',
          '?',
          '#',
          '##',
          '%',
          '%%',
          '/',
          '//',
          '/#',
          '/%',
          '^',
          '^^',
          ',',
          ',,',
          ':',
          ':',
          '@',
          '!',
          ':x',
          '~',
          '^^^',
          '###',
          '///',
        ],
      ),
      tie('arg'),
      tie('arg'),
      pick('', '', '0', '1', '3', '-1', '-3', '99', 'x', '+2', ' 1', '01', '9223372036854775808'),
      pick('', '', '1', '2', '99', 'x', '0'),
      fc.nat(12),
    )
    .map(([name, op, one, two, from, length, odd]) => {
      if (odd === 0) return `\${#${name}}`;
      if (odd === 1) return `\${${name}${op}${one}`;
      if (odd === 2) return `\${${one}${name}}`;
      if (op === ':') return `\${${name}:${from}${length === '' ? '' : `:${length}`}}`;
      if (op.startsWith('/')) return `\${${name}${op}${one}${one.length % 3 === 0 ? '' : `/${two}`}}`;
      return `\${${name}${op}${one}}`;
    }),
  template: fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: tie('call') as fc.Arbitrary<string> },
        { weight: 3, arbitrary: plain },
        pick(
          '$',
          '$$',
          '${',
          '}',
          '$A',
          '$(A)',
          '${}',
          '${A',
          '$${A}',
          '$$$',
          '\\${A}',
          '{',
          '\n',
          'é',
          '${A }',
          '${ A}',
          '${1}',
          '${A.B}',
          '${A-B}',
          '${é}',
        ),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((list) => list.join('')),
}));

/** Templates of all operators, right and wrong, in each other. */
export const templateCases: fc.Arbitrary<TemplateCase> = fc.record({ text: template, vars, strict: fc.boolean() });
