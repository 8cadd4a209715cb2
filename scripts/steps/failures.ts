import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { casesOf, filesOf } from './report.ts';

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

/** What failed by a vitest JSON report; nothing where there is none that can be read. */
export function failuresOf(report: string | undefined): readonly Failure[] {
  return (filesOf(report) ?? []).flatMap((one) => {
    const file = textOf(one.name);
    const failed = casesOf(one).filter((each) => each.status === 'failed');
    if (failed.length === 0) return one.status === 'failed' ? [{ file, name: '', message: textOf(one.message) }] : [];
    return failed.map(({ fullName, failureMessages }) => ({
      file,
      name: textOf(fullName),
      message: Array.isArray(failureMessages) ? failureMessages.map(textOf).join('\n') : '',
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

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
