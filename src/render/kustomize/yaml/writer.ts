import type { Comments } from './notes.ts';

/*
 * Where a text of go-yaml v3 stands that is being written. Comments wait here for the place where its writer puts them: that
 * may be behind something else than what they were given to.
 */

export interface Writer {
  readonly out: string[];
  column: number;
  /** -1 outside of everything. */
  indent: number;
  /** Depth of brackets and braces. */
  flow: number;
  /** The last character was a space, or nothing was written on this line. */
  whitespace: boolean;
  /** Only spaces and `-`, `?` and `:` stand on this line. */
  indention: boolean;
  /** What is written at this indent has an empty line before it, since a foot stands above; -1 for none. */
  footIndent: number;
  head: string;
  line: string;
  foot: string;
  /** Foot of the key before. */
  tail: string;
  /** Comment behind a key, until it is known what the value is. */
  keyLine: string;
}

export function newWriter(): Writer {
  return {
    out: [],
    column: 0,
    indent: -1,
    flow: 0,
    whitespace: true,
    indention: true,
    footIndent: -1,
    head: '',
    line: '',
    foot: '',
    tail: '',
    keyLine: '',
  };
}

/** Comments that come with what is written next; none of a kind leaves what waits. */
export function receive(w: Writer, { head, line, foot }: Comments, tail = ''): void {
  if (head !== '') w.head = head;
  if (line !== '') w.line = line;
  if (foot !== '') w.foot = foot;
  if (tail !== '') w.tail = tail;
}

/** True where a comment waits that ends the line. */
export function isTrailed(w: Writer): boolean {
  return w.line !== '' || w.foot !== '' || w.tail !== '';
}

/** Goes one level deeper: the indent before. A list that is a value of a map stands where its key does (`compact`). */
export function deeper(w: Writer, flow: boolean, compact = false): number {
  const before = w.indent;
  if (before < 0) w.indent = flow ? 2 : 0;
  else if (!compact) w.indent = before + 2;
  return before;
}

/** Writes text that has no line break. */
export function put(w: Writer, text: string): void {
  w.out.push(text);
  w.column += text.length;
}

/** Writes a line break: `\n`, or one of Unicode that stands in a text. */
export function putBreak(w: Writer, text = '\n'): void {
  w.out.push(text);
  w.column = 0;
  w.indention = true;
}

/** Begins a line, unless one was begun, and goes to the indent. */
export function writeIndent(w: Writer): void {
  const indent = Math.max(w.indent, 0);
  if (!w.indention || w.column > indent || (w.column === indent && !w.whitespace)) putBreak(w);
  if (w.footIndent === indent) putBreak(w);
  if (w.column < indent) put(w, ' '.repeat(indent - w.column));
  w.whitespace = true;
  w.footIndent = -1;
}

/** What an indicator needs before it, and what it leaves. */
interface Around {
  readonly spaced?: boolean;
  readonly whitespace?: boolean;
  readonly indention?: boolean;
}

export function writeIndicator(w: Writer, text: string, around: Around = {}): void {
  if (around.spaced === true && !w.whitespace) put(w, ' ');
  put(w, text);
  w.whitespace = around.whitespace === true;
  w.indention &&= around.indention === true;
}

/** Writes text with a space before it where none is. */
export function writeWord(w: Writer, text: string): void {
  writeIndicator(w, text, { spaced: true });
}

function writeComment(w: Writer, comment: string): void {
  let broke = false;
  for (const part of comment.split(/(\n)/)) {
    if (part === '\n') {
      putBreak(w);
      broke = true;
    } else if (part !== '') {
      if (broke) writeIndent(w);
      put(w, part);
      w.indention = false;
      broke = false;
    }
  }
  if (!broke) putBreak(w);
  w.whitespace = true;
}

function writeFoot(w: Writer, comment: string): void {
  writeIndent(w);
  writeComment(w, comment);
  w.footIndent = Math.max(w.indent, 0);
}

/** Writes the foot of what is above, and the head of what follows. */
export function writeHead(w: Writer): void {
  if (w.tail !== '') writeFoot(w, w.tail);
  w.tail = '';
  if (w.head === '') return;
  writeIndent(w);
  writeComment(w, w.head);
  w.head = '';
}

/** Writes the comment behind what is written; true where there was one, which ends the line. */
export function writeLine(w: Writer): boolean {
  if (w.line === '') return false;
  if (!w.whitespace) put(w, ' ');
  writeComment(w, w.line);
  w.line = '';
  return true;
}

/** Writes the foot of what was written. */
export function writeBelow(w: Writer): void {
  if (w.foot !== '') writeFoot(w, w.foot);
  w.foot = '';
}

/** Writes the comments behind and below what was written. */
export function writeAfter(w: Writer): void {
  writeLine(w);
  writeBelow(w);
}
