import { describe, expect, it } from 'vitest';
import { failureLines, failuresOf } from '../../../scripts/steps/failures.ts';

const report = (...testResults: readonly object[]): string => JSON.stringify({ testResults });
const failed = (fullName: string, ...failureMessages: readonly string[]) => ({
  status: 'failed',
  fullName,
  failureMessages,
});

describe('the failures of a test run', () => {
  it('are read from the report, by file and name', () => {
    const text = report(
      { name: '/repo/test/unit/a.test.ts', status: 'passed', assertionResults: [{ status: 'passed', fullName: 'ok' }] },
      {
        name: '/repo/test/unit/b.test.ts',
        status: 'failed',
        assertionResults: [
          { status: 'passed', fullName: 'ok' },
          failed('b is well', 'expected 1\n  at /repo/node_modules/x.js:1:2\n  at b.test.ts:3'),
        ],
      },
      { name: '/repo/test/unit/c.test.ts', status: 'failed', message: 'SyntaxError: no', assertionResults: [] },
    );
    const failures = failuresOf(text);
    expect(failures).toEqual([
      { file: '/repo/test/unit/b.test.ts', name: 'b is well', message: expect.stringMatching(/^expected 1\n/) },
      { file: '/repo/test/unit/c.test.ts', name: '', message: 'SyntaxError: no' },
    ]);
    expect(failureLines(failures, '/repo')).toEqual([
      '! test/unit/b.test.ts > b is well',
      '    expected 1',
      '      at b.test.ts:3',
      '! test/unit/c.test.ts could not be run',
      '    SyntaxError: no',
    ]);
  });

  it('are shown up to a bound, without colours', () => {
    const long = Array.from({ length: 100 }, (_, index) => `\u001b[31mline ${index}\u001b[39m`).join('\n');
    const cases = Array.from({ length: 50 }, (_, index) => failed(`case ${index}`, long, 'x'.repeat(100_000)));
    const lines = failureLines(
      failuresOf(report({ name: '/repo/t.ts', status: 'failed', assertionResults: cases })),
      '/repo',
    );
    expect(lines.slice(0, 2)).toEqual(['! t.ts > case 0', '    line 0']);
    expect(lines.at(-1)).toBe('! and 30 more');
    expect(lines).toHaveLength(20 * 14 + 1);
    const wide = failureLines([{ file: 't.ts', name: 'n', message: 'x'.repeat(100_000) }], '/repo');
    expect(wide.join('\n').length).toBeLessThan(500);
  });

  it.each([undefined, '', '{', 'null', '{}', '[]', '{"testResults":[null,7,{"assertionResults":[null,{}]}]}'])(
    'are none where the report cannot be read: %s',
    (text) => expect(failuresOf(text)).toEqual([]),
  );
});
