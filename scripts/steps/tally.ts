import { casesOf, type FileResult, filesOf } from './report.ts';

/** How many checks came out how. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };
export const ONE_FAILED: Tally = { ...NOTHING, failed: 1 };

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (all, one) => ({
      passed: all.passed + one.passed,
      failed: all.failed + one.failed,
      skipped: all.skipped + one.skipped,
    }),
    NOTHING,
  );
}

/** The closing line: `N passed, N failed`, and `, N skipped` where some were. */
export function closingLine(tally: Tally): string {
  const skipped = tally.skipped === 0 ? '' : `, ${tally.skipped} skipped`;
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

/**
 * Counts the test cases of a vitest JSON report. What fails outside a test case counts as one failure each: a file
 * that does not load, and a run that ends badly for another reason (an unhandled error, no report at all).
 */
export function tallyReport(report: string | undefined, exitCode: number | null): Tally {
  const files = filesOf(report);
  if (files === undefined) return ONE_FAILED;
  const tally = sum(files.map(tallyFile));
  return exitCode !== 0 && tally.failed === 0 ? sum([tally, ONE_FAILED]) : tally;
}

function tallyFile(file: FileResult): Tally {
  const cases = casesOf(file);
  const count = (...wanted: string[]) => cases.filter(({ status }) => wanted.includes(String(status))).length;
  const passed = count('passed');
  const failed = count('failed');
  const broken = file.status === 'failed' && failed === 0 ? 1 : 0;
  return { passed, failed: failed + broken, skipped: cases.length - passed - failed };
}
