import { isBlank, isBreak, isBreakOrEnd } from './chars.ts';
import type { Notes, Part, Place } from './notes.ts';
import { at, columnOf, type Scanner, skipLine } from './scanner.ts';
import {
  T_BLOCK_SEQ,
  T_COMMA,
  T_DIRECTIVE,
  T_DOC_END,
  T_DOC_START,
  T_END,
  T_ENTRY,
  T_VALUE,
  type Token,
} from './token.ts';

/** How far go-yaml v3 looks for the next comment. */
const COMMENT_REACH = 512;

const HASH = 35;
const NOWHERE: Place = { pos: 0, line: 0, column: 0 };

/** Line breaks since the last character that is no white space. */
function breaksBefore(s: Scanner): number {
  let count = 0;
  for (let i = s.pos - 1; i >= 0; i--) {
    const c = s.text.charCodeAt(i);
    if (isBreak(c)) count += c === 13 && s.text.charCodeAt(i + 1) === 10 ? 0 : 1;
    else if (!isBlank(c)) break;
  }
  return count;
}

/** Takes what is left of the line of a comment that begins at a position, with everything before it. */
function takeLine(s: Scanner, from: number): string {
  while (s.pos < from)
    if (isBreak(at(s, 0))) skipLine(s);
    else s.pos++;
  while (!isBreakOrEnd(at(s, 0))) s.pos++;
  return s.text.slice(from, s.pos);
}

/** Looks for a comment behind what was scanned, on its line; `token` is where the token begins that it is given to. */
export function behind(s: Scanner, notes: Notes, token: number): void {
  if (breaksBefore(s) > 0) return;
  let reach = 0;
  while (reach < COMMENT_REACH && isBlank(at(s, reach))) reach++;
  if (reach === COMMENT_REACH || at(s, reach) !== HASH) return;
  const start = { pos: s.pos + reach, line: s.line, column: columnOf(s) + reach };
  notes.found.push({ part: 'line', text: takeLine(s, start.pos), token, start, end: 0, scan: 0 });
}

/** The same behind a token, but for a dash: what stands there is the head of what follows. */
export function behindToken(s: Scanner, notes: Notes, token: number): void {
  if (s.tokens.at(-1)?.type !== T_ENTRY) behind(s, notes, token);
}

/** A comment behind a key is the head of the first item where a list with an indent of its own stands below it. */
export function lineToHead(s: Scanner, notes: Notes): void {
  const last = notes.found.at(-1);
  if (last?.part !== 'line' || s.tokens.at(-1)?.type !== T_ENTRY || s.tokens.at(-2)?.type !== T_BLOCK_SEQ) return;
  if (isBreak(at(s, 0))) return;
  last.part = 'head';
  if (last.start.line === s.line - 1) last.token = s.pos;
}

/** Comments on lines of their own that are being read. */
interface Block {
  readonly s: Scanner;
  readonly notes: Notes;
  /** The indent of what is around them. */
  readonly indent: number;
  /** A comment that begins on this line is the foot of what is above it; -1 where nothing is. */
  readonly footLine: number;
  /** What is read and not given yet, and where it begins. */
  text: string;
  start: Place;
  scan: number;
  token: number;
  line: number;
  column: number;
  /** No line without a comment was seen so far. */
  firstEmpty: boolean;
  /** The line before has no comment. */
  wasEmpty: boolean;
}

/** The token that comments below it belong to; undefined at the beginning of the text. */
function tokenAbove(s: Scanner): Token | undefined {
  const last = s.tokens.at(-1);
  return last?.type === T_COMMA ? (s.tokens.at(-2) ?? last) : last;
}

function newBlock(s: Scanner, notes: Notes): Block {
  const above = tokenAbove(s);
  const newlines = breaksBefore(s);
  const isAlone = newlines > 0 || columnOf(s) <= 1;
  const footLine = s.line - newlines + (isAlone ? 1 : 2);
  return {
    s,
    notes,
    indent: Math.max(s.indent, 0),
    footLine: s.fromLine === 0 || above?.type === T_VALUE ? -1 : footLine,
    text: '',
    start: NOWHERE,
    scan: s.from,
    token: above?.start ?? 0,
    line: s.line,
    column: columnOf(s),
    firstEmpty: newlines <= 1,
    wasEmpty: false,
  };
}

function give(b: Block, part: Part, token: number, end: number): void {
  b.notes.found.push({ part, text: b.text, token, start: b.start, end, scan: b.scan });
}

/** What was read is a foot of what stands above it. */
function giveFoot(b: Block, token: number, end: number): void {
  give(b, 'foot', token, end);
  b.scan = end;
  b.token = end;
  b.text = '';
}

/** At the end of a line without a comment, or of flow: what was read may be a foot, or goes on after an empty line. */
function pause(b: Block, c: number, end: number, closes: boolean): void {
  if (b.text === '' || (b.wasEmpty && !closes)) return;
  const dedented = b.start.column - 1 < b.indent;
  if (closes || (b.firstEmpty && (b.start.line === b.footLine || dedented)))
    giveFoot(b, dedented ? b.start.pos : b.token, end);
  else if (c !== 0) b.text += '\n';
}

/** One line of a comment. */
function readLine(b: Block, from: number): void {
  if (b.text === '') b.start = { pos: from, line: b.line, column: b.column };
  else b.text += '\n';
  b.text += takeLine(b.s, from);
  b.line = b.s.line;
  b.column = 0;
  b.wasEmpty = false;
}

/** Looks at one character; true where it ends the comments. */
function look(b: Block, c: number, end: number): boolean {
  const closes = b.s.flow > 0 && (c === 93 || c === 125);
  if (closes || isBreakOrEnd(c)) {
    pause(b, c, end, closes);
    if (!isBreak(c)) return true;
    b.firstEmpty = false;
    b.wasEmpty = true;
    b.column = 0;
    b.line++;
    return false;
  }
  if (b.text !== '' && b.column - 1 < b.indent && b.column !== b.start.column) giveFoot(b, b.token, end);
  return c !== HASH;
}

/** Takes comments that stand on lines of their own, from the first `#` on: heads of what follows, feet of what is above. */
export function ownLines(s: Scanner, notes: Notes): void {
  const b = newBlock(s, notes);
  // go-yaml steps over bytes: within a break of several it finds one that is neither blank nor break.
  let torn = false;
  let peek = 0;
  for (; peek < COMMENT_REACH; peek++) {
    const c: number = torn ? -1 : at(s, peek);
    b.column++;
    if (isBlank(c)) continue;
    if (look(b, c, s.pos + peek)) break;
    torn = c > 127;
    if (c !== HASH) continue;
    readLine(b, s.pos + peek);
    torn = at(s, 0) > 127;
    // The break that ends the comment is not looked at: the next turn begins behind it.
    peek = 0;
  }
  if (b.text !== '') give(b, 'head', b.start.pos, s.pos + peek - 1);
}

/** True where a comment would stand behind a token, on its line, and the token is one that go-yaml v3 looks behind. */
function isBehind(s: Scanner): boolean {
  if (s.line !== s.fromLine || s.from <= s.lineStart) return false;
  const type = s.tokens.at(-1)?.type ?? T_END;
  if (type === T_ENTRY || type === T_END || type === T_DOC_START || type === T_DOC_END || type === T_DIRECTIVE)
    return false;
  let i = s.lineStart;
  while (i < s.from && isBlank(s.text.charCodeAt(i))) i++;
  return i < s.from;
}

/** How far the next comment is, with any blanks and breaks between; 0 for none. */
function nextComment(s: Scanner): number {
  let reach = 0;
  for (let c = at(s, 0); reach < COMMENT_REACH && (isBlank(c) || c === 10 || c === 13); c = at(s, reach)) reach++;
  return at(s, reach) === HASH ? reach : 0;
}

/**
 * Steps over a comment that nobody wants. In go-yaml v3 tabs may stand before one behind a token, and one on a line of its
 * own goes on with all that follow it.
 */
export function skipComments(s: Scanner): void {
  const isV3 = s.ahead > 0;
  const isAlone = isV3 && !isBehind(s);
  if (at(s, 0) !== HASH) {
    let reach = 0;
    while (isBlank(at(s, reach))) reach++;
    if (!isV3 || isAlone || at(s, reach) !== HASH) return;
  }
  while (!isBreakOrEnd(at(s, 0))) s.pos++;
  for (let reach = isAlone ? nextComment(s) : 0; reach > 0; reach = nextComment(s)) takeLine(s, s.pos + reach);
}
