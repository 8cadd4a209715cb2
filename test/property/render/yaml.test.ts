import fc from 'fast-check';
import { type DumpOptions, dump } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type Json, toJson } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';

const read = (input: string | Uint8Array, rules: 'kubernetes' | 'kustomize' = 'kubernetes'): Json[] =>
  parseDocuments(input, { limits: DEFAULT_LIMITS, file: 'f', rules }).documents.map(({ value }) => value);

/** Words that read as something else when they are not quoted. */
const tricky = fc.constantFrom(
  'y',
  'no',
  'On',
  '010',
  '1_000',
  '0o7',
  '1e3',
  '.inf',
  '~',
  '',
  '2001-12-14',
  '12:30',
  '---',
  '...',
  '- a',
  'a: b',
  '# c',
  ' x ',
  'a\nb',
  '\ta',
  '\n',
  '"',
  "'",
  '<<',
  '=',
  '%',
  '@',
  '*a',
  '&b',
  '!c',
  '|',
  '>',
  '__proto__',
  '\u2028',
  '\u{1F600}',
);
const text = fc
  .oneof(fc.string({ unit: 'grapheme' }), tricky)
  .filter(
    (value) =>
      /^[\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(value) &&
      !value.includes('\ufeff'),
  );
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.boolean(),
  fc.constant(null),
);
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}));
const mapping = fc.dictionary(text, json, { minKeys: 1, maxKeys: 5 });

const styles: fc.Arbitrary<DumpOptions> = fc.record({
  indent: fc.constantFrom(1, 2, 4),
  seqNoIndent: fc.boolean(),
  flowLevel: fc.constantFrom(-1, 0, 1, 2),
  lineWidth: fc.constantFrom(-1, 20, 80),
  quoteStyle: fc.constantFrom('single', 'double'),
  forceQuotes: fc.boolean(),
});

describe('any JSON value', () => {
  it('comes back from YAML in any style, by both rules', () => {
    fc.assert(
      fc.property(fc.array(mapping, { minLength: 1, maxLength: 3 }), styles, fc.boolean(), (values, style, crlf) => {
        const stream = values.map((value) => `---\n${dump(value, style)}`).join('');
        // A line break inside quotes and blocks reads as \n either way.
        const written = crlf ? stream.replaceAll('\n', '\r\n') : stream;
        const plain = JSON.stringify(values);
        expect(toJson(read(written, 'kubernetes'))).toBe(plain);
        expect(toJson(read(Buffer.from(written), 'kustomize'))).toBe(plain);
      }),
      { numRuns: 400 },
    );
  });

  it('comes back from JSON text', () => {
    fc.assert(
      fc.property(mapping, fc.constantFrom(0, 2), (value, indent) => {
        expect(toJson(read(JSON.stringify(value, null, indent)))).toBe(`[${JSON.stringify(value)}]`);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps integers of 64 bits exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (n) => {
        expect(toJson(read(`a: ${n}\n`)[0] ?? null)).toBe(`{"a":${n}}`);
      }),
    );
  });
});

describe('any bytes', () => {
  const pieces = fc.array(
    fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      ' ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '&x ',
      '*x',
      '!!t ',
      '|\n',
      '>-\n',
      '#',
      '---\n',
      '...\n',
      '%Y\n',
      '? ',
      '<<: ',
      '\t',
      '\r',
      '\0',
      '0x1',
      '~',
    ),
    { maxLength: 40 },
  );
  it('give documents or a fault that names the file, never another error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          pieces.map((all) => Buffer.from(all.join(''))),
          fc.uint8Array({ maxLength: 60 }),
        ),
        (bytes) => {
          try {
            for (const document of parseDocuments(bytes, { limits: DEFAULT_LIMITS, file: 'f' }).documents) {
              expect(document.line).toBeGreaterThan(0);
              expect(document.lineOf(['a', 0])).toBeGreaterThan(0);
              toJson(document.value);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(Fault);
            expect((error as Fault).message).toMatch(/^f:\d+:\d+: /);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
