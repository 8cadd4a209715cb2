import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CelError, compileCondition } from '../../../src/cel/index.ts';
import { DEFAULT_LIMITS, fromJson, type JsonObject } from '../../../src/model/index.ts';

const golden = fromJson(
  readFileSync(new URL('../../golden/cel/testdata/cel-go.json', import.meta.url), 'utf8'),
) as unknown as { readonly variables: JsonObject; readonly rows: readonly (readonly [string, string, string])[] };
const known = fc.constantFrom(...golden.rows.map(([text]) => text));
const pieces = fc.constantFrom(
  ...golden.rows.flatMap(([text]) => text.split(/(?<=[\s()[\]{}.,?:])/)).filter((part) => part !== ''),
);

/** True, false, or that it has none; anything but a CelError is a bug. */
function answer(text: string, declared?: readonly string[]): boolean | 'none' {
  try {
    const options = { ...DEFAULT_LIMITS, expressionSteps: 20_000, ...(declared === undefined ? {} : { declared }) };
    return compileCondition(text, options).holds(golden.variables);
  } catch (error) {
    if (error instanceof CelError) return 'none';
    throw error;
  }
}

describe('whatever an expression says', () => {
  it('it has a value, or a CelError tells why not', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(pieces, { maxLength: 20 }).map((all) => all.join('')),
      fc.tuple(known, fc.nat(), fc.nat({ max: 5 }), pieces).map(([text, at, length, piece]) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + piece + text.slice(from + length);
      }),
      fc.tuple(known, known, fc.constantFrom('&&', '||', '==', '+', 'in')).map(([a, b, op]) => `(${a}) ${op} (${b})`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        answer(text);
        answer(text, ['dep', 'self']);
      }),
      { numRuns: 3_000 },
    );
  });

  it('and is the same in parentheses, twice denied, or repeated', () => {
    fc.assert(
      fc.property(known, (text) => {
        if (text.includes('//')) return;
        const value = answer(text);
        expect(answer(`(${text})`)).toBe(value);
        expect(answer(`!!(${text})`)).toBe(value);
        expect(answer(`(${text}) && (${text})`)).toBe(value);
        expect(answer(`(${text}) ? true : false`)).toBe(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('&& and || do not depend on the order of their operands', () => {
    fc.assert(
      fc.property(known, known, (a, b) => {
        if (a.includes('//') || b.includes('//')) return;
        expect(answer(`(${a}) && (${b})`)).toBe(answer(`(${b}) && (${a})`));
        expect(answer(`(${a}) || (${b})`)).toBe(answer(`(${b}) || (${a})`));
      }),
      { numRuns: 1_000 },
    );
  });
});
