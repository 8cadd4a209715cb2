import { describe, expect, it } from 'vitest';
import { closingLine, sum, tallyReport } from '../../../scripts/steps/tally.ts';

const report = (...files: readonly (readonly [status: string, ...cases: string[]])[]) =>
  JSON.stringify({
    testResults: files.map(([status, ...cases]) => ({ status, assertionResults: cases.map((s) => ({ status: s })) })),
  });

describe('the tally of a test run', () => {
  it('sums test cases over files; what neither passed nor failed was skipped', () => {
    const text = report(['passed', 'passed', 'passed', 'skipped', 'todo'], ['failed', 'failed', 'passed']);
    expect(tallyReport(text, 1)).toEqual({ passed: 3, failed: 1, skipped: 2 });
  });

  it('counts a file that does not load as one failure', () => {
    expect(tallyReport(report(['failed'], ['passed', 'passed']), 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  it('never calls a bad end a success', () => {
    expect(tallyReport(report(['passed', 'passed']), 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(tallyReport(report(['passed', 'passed']), null).failed).toBe(1);
    for (const text of [undefined, '', '{', '{}', '[]', 'null']) expect(tallyReport(text, 0).failed).toBe(1);
  });
});

it('closes with a line that a machine reads', () => {
  expect(closingLine(sum([]))).toBe('0 passed, 0 failed');
  const one = { passed: 1, failed: 2, skipped: 0 };
  expect(closingLine(sum([one, one]))).toBe('2 passed, 4 failed');
  expect(closingLine(sum([one, { passed: 0, failed: 0, skipped: 3 }]))).toBe('1 passed, 2 failed, 3 skipped');
});
