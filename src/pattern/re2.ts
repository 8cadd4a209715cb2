import { fail } from './errors.ts';
import { compile, type Program } from './re2-compile.ts';

/** A compiled pattern; `test` says whether any part of a text matches. */
export interface Pattern {
  /** Steps of work that each character of a text may cost. */
  readonly size: number;
  test(text: string): boolean;
}

const LITERAL = /^[A-Za-z0-9 _/:@=,~-]*$/;

/**
 * A pattern of RE2 (Go's regexp) that runs in time linear in the text, whatever the pattern: repositories are input from
 * outside, so a backtracking engine is out of the question. Only whether it matches is asked, so groups capture nothing.
 */
export function compilePattern(source: string): Pattern {
  if (LITERAL.test(source)) return { size: 1, test: (text) => text.includes(source) };
  return matcher(compile(source));
}

/** A pattern that must match the whole text: `^(?:...)$`, as selectors use it. An empty one matches everything. */
export function compileAnchored(source: string): Pattern {
  if (source === '') return { size: 1, test: () => true };
  if (LITERAL.test(source)) return { size: 1, test: (text) => text === source };
  return matcher(compile(`^(?:${source})$`));
}

function matcher(program: Program): Pattern {
  return { size: program.code.length, test: (text) => run(program, text) };
}

function isWordCode(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
}

/** Holds of an assertion between two characters; -1 stands for the end of the text on either side. */
function holds(kind: string, before: number, after: number): boolean {
  switch (kind) {
    case 'start':
      return before < 0;
    case 'end':
      return after < 0;
    case 'line-start':
      return before < 0 || before === 10;
    case 'line-end':
      return after < 0 || after === 10;
    default: {
      const boundary = (before >= 0 && isWordCode(before)) !== (after >= 0 && isWordCode(after));
      return kind === 'word' ? boundary : !boundary;
    }
  }
}

/** Thompson's simulation: the set of states is at most as large as the program. */
function run(program: Program, text: string): boolean {
  const { code } = program;
  let now: number[] = [];
  let next: number[] = [];
  const marks = new Int32Array(code.length).fill(-1);
  const points = Array.from(text, (c) => c.codePointAt(0) ?? 0);
  for (let i = 0; ; i++) {
    const before = i === 0 ? -1 : (points[i - 1] ?? -1);
    const after = i < points.length ? (points[i] ?? -1) : -1;
    const seen = i;
    const list = now;
    const pending = [...list.splice(0), 0];
    if (follow(code, pending, list, marks, seen, before, after)) return true;
    if (i >= points.length) return false;
    next.length = 0;
    for (const at of list) {
      const step = code[at];
      if (step?.op === 'char' && step.accepts(after)) next.push(step.next);
    }
    [now, next] = [next, now];
  }
}

/** Follows steps that take no character; true when the match is reached. */
function follow(
  code: Program['code'],
  pending: number[],
  list: number[],
  marks: Int32Array,
  mark: number,
  before: number,
  after: number,
): boolean {
  while (pending.length > 0) {
    const at = pending.pop() ?? 0;
    if (marks[at] === mark) continue;
    marks[at] = mark;
    const step = code[at];
    if (step === undefined) fail('pattern program is damaged');
    if (step.op === 'match') return true;
    if (step.op === 'split') pending.push(step.other, step.next);
    else if (step.op === 'char') list.push(at);
    else if (holds(step.kind, before, after)) pending.push(step.next);
  }
  return false;
}
