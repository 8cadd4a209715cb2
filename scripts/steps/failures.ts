import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** A test that failed, or a file that could not be run. */
export interface Failure {
  /** Path of the test file as the report has it. */
  readonly file: string;
  /** Its name with those of what it is in; '' for the whole file. */
  readonly name: string;
  readonly message: string;
}

/** At most so many are shown, each with so many lines of its message, none longer than so many characters. */
const MOST = 20;
const MOST_LINES = 12;
const LONGEST = 400;

/** Frames of the test runner and of Node say nothing of what failed. */
const FOREIGN = /^\s+at .*(?:node_modules|<anonymous>|node:internal)/;

interface Case {
  readonly status?: unknown;
  readonly fullName?: unknown;
  readonly failureMessages?: unknown;
}

interface FileResult {
  readonly name?: unknown;
  readonly status?: unknown;
  readonly message?: unknown;
  readonly assertionResults?: unknown;
}

/** What failed by a vitest JSON report; nothing where there is none that can be read. */
export function failuresOf(report: string | undefined): readonly Failure[] {
  return listOf<FileResult>(report === undefined ? undefined : parsed(report)).flatMap((one) => {
    const file = textOf(one?.name);
    const failed = listOf<Case>(one?.assertionResults).filter((each) => each?.status === 'failed');
    if (failed.length === 0) return one?.status === 'failed' ? [{ file, name: '', message: textOf(one.message) }] : [];
    return failed.map((each) => ({
      file,
      name: textOf(each?.fullName),
      message: listOf(each?.failureMessages).map(textOf).join('\n'),
    }));
  });
}

/** Lines that name each failure and begin its message, `root` cut off its path. Bounded, so that a log is not full of one. */
export function failureLines(failures: readonly Failure[], root: string): readonly string[] {
  const lines = failures.slice(0, MOST).flatMap(({ file, name, message }) => {
    const path = file.startsWith(root) ? relative(root, file) : file;
    const said = stripVTControlCharacters(message)
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '' && !FOREIGN.test(line));
    const shown = said
      .slice(0, MOST_LINES)
      .map((line) => (line.length > LONGEST ? `${line.slice(0, LONGEST)} ...` : line));
    if (said.length > MOST_LINES) shown.push(`... ${said.length - MOST_LINES} more lines`);
    return [`! ${path}${name === '' ? ' could not be run' : ` > ${name}`}`, ...shown.map((line) => `    ${line}`)];
  });
  return failures.length > MOST ? [...lines, `! and ${failures.length - MOST} more`] : lines;
}

function parsed(report: string): unknown {
  try {
    return (JSON.parse(report) as { readonly testResults?: unknown } | null)?.testResults;
  } catch {
    return undefined;
  }
}

const listOf = <T>(value: unknown): readonly (T | undefined)[] => (Array.isArray(value) ? (value as T[]) : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
