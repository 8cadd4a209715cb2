import { describe, expect, it } from 'vitest';
import { CelError, compileCondition } from '../../../src/cel/index.ts';
import { DEFAULT_LIMITS, type JsonObject } from '../../../src/model/index.ts';

const nums = Array.from({ length: 300 }, (_, i) => i);
const long = 'a'.repeat(100_000);

function trouble(text: string, variables: JsonObject = {}, declared?: readonly string[]): string {
  try {
    const options = { ...DEFAULT_LIMITS, ...(declared === undefined ? {} : { declared }) };
    return String(compileCondition(text, options).holds(variables));
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
}

describe('an expression that asks for too much', () => {
  const costly: readonly (readonly [string, string, JsonObject])[] = [
    ['nested loops', 'n.all(a, n.all(b, n.all(c, a + b + c >= 0)))', { n: nums }],
    ['texts that double', `['${'a'.repeat(30)}']${'.map(a, a + a)'.repeat(40)}.size() == 1`, {}],
    ['lists that double', `[n]${'.map(a, a + a)'.repeat(40)}.size() == 1`, { n: nums }],
    ['a text that grows by a replacement', `s.replace('', '${'x'.repeat(1_000)}').size() == 1`, { s: long }],
    ['a pattern that backtracks', "s.matches('^(a+)+$')", { s: `${long}!` }],
    ['many comparisons of large values', `n.all(i, ${'v == v && '.repeat(20)}true)`, { n: nums, v: { nums } }],
    ['errors that are passed over', `${'n.all(a, n.all(b, nope)) || '.repeat(20)}false`, { n: nums }],
    ['a format that repeats', "n.map(i, '%s'.format([s])).size() == 1", { n: nums, s: long }],
    ['sets', 'sets.contains(n, n)  && n.all(i, sets.contains(n, n))', { n: nums }],
    ['a text looked for in a text', "n.all(i, s.indexOf('ab') < 0)", { n: nums, s: long }],
  ];
  it.each(costly)('ends: %s', (_, text, variables) => {
    expect(trouble(text, variables)).toMatch(/takes more than 200000 steps \(limits\.expressionSteps\)/);
  });

  const deep: readonly (readonly [string, string])[] = [
    ['parentheses', `${'('.repeat(2_000)}true${')'.repeat(2_000)}`],
    ['nots', `${'!'.repeat(4_000)}true`],
    ['minuses', `${'-'.repeat(4_000)}1 == 1`],
    ['a sum', `1${'+1'.repeat(3_000)} == 1`],
    ['fields', `a${'.a'.repeat(3_000)}`],
    ['calls', `a${'.a()'.repeat(1_500)}`],
    ['lists', `${'['.repeat(3_000)}${']'.repeat(3_000)} == []`],
    ['choices', `${'true ? true : '.repeat(500)}true`],
  ];
  it.each(deep)('may not nest deeper than cel-go lets it: %s', (_, text) => {
    expect(trouble(text)).toMatch(/nests deeper than 250/);
  });

  it('may be long where it is not deep', () => {
    expect(trouble(`true${' && true'.repeat(1_000)}`)).toBe('true');
    expect(trouble(`1 in [${'0, '.repeat(2_000)}1]`)).toBe('true');
  });

  it('is refused by its length, with the limit', () => {
    expect(trouble(`'${'a'.repeat(9_000)}' == ''`)).toMatch(
      /9008 characters, more than 8192 \(limits\.expressionChars\)/,
    );
  });

  it('cannot reach what a JavaScript object has', () => {
    const variables = { o: { a: 1 }, l: [1] };
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(trouble(`has(o.${name})`, variables)).toBe('false');
      expect(trouble(`o.${name} == 1`, variables)).toMatch(/no such key/);
      expect(trouble(`o['${name}'] == 1`, variables)).toMatch(/no such key/);
      expect(trouble(`${name} == 1`, variables)).toMatch(/no such attribute/);
      expect(trouble(`l.${name}()`, variables)).toMatch(/no such overload/);
      expect(trouble(`{'${name}': 1}.${name} == 1`, variables)).toBe('true');
    }
  });

  it('tells where it is wrong', () => {
    expect(trouble("a == 'x")).toMatch(/column 6: unexpected '''/);
    expect(trouble('a ==')).toMatch(/column 5: unexpected the end/);
    expect(trouble('dep.x && nope', {}, ['dep'])).toMatch(/column 10: undeclared reference to 'nope'/);
  });
});
