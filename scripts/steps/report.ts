/** A test file of a vitest JSON report, as far as it is read. */
export interface FileResult {
  readonly name?: unknown;
  readonly status?: unknown;
  readonly message?: unknown;
  readonly assertionResults?: unknown;
}

/** A test case of it. */
export interface CaseResult {
  readonly status?: unknown;
  readonly fullName?: unknown;
  readonly failureMessages?: unknown;
}

/** The files of a report; undefined where there is none that can be read. */
export function filesOf(report: string | undefined): readonly FileResult[] | undefined {
  if (report === undefined) return undefined;
  try {
    const testResults = (JSON.parse(report) as { readonly testResults?: unknown } | null)?.testResults;
    return Array.isArray(testResults) ? recordsOf<FileResult>(testResults) : undefined;
  } catch {
    return undefined;
  }
}

/** The test cases of a file. */
export const casesOf = ({ assertionResults }: FileResult): readonly CaseResult[] =>
  recordsOf<CaseResult>(assertionResults);

/** The items of what should be a list; an item that is no object counts as an empty one. */
function recordsOf<T extends object>(value: unknown): readonly T[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  return items.map((one) => (typeof one === 'object' && one !== null ? one : {}) as T);
}
