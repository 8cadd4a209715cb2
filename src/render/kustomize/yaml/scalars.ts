import { hexValue, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigit } from './chars.ts';
import { behind } from './comments.ts';
import { STYLE_DOUBLE, STYLE_FOLDED, STYLE_LITERAL, STYLE_SINGLE } from './node.ts';
import { at, atDocumentMark, columnOf, push, type Scanner, scanError, skipBlanks, skipLine } from './scanner.ts';
import { T_SCALAR } from './token.ts';

/** Takes one line break and gives what it stands for: `\n`, but U+2028 and U+2029 stand for themselves. */
function readBreak(s: Scanner): string {
  const c = at(s, 0);
  skipLine(s);
  return c === 0x2028 || c === 0x2029 ? String.fromCharCode(c) : '\n';
}

/** Line breaks inside a flow scalar: one is a space, more are the rest of them. */
function folded(first: string, rest: string): string {
  if (first.charCodeAt(0) !== 10) return first + rest;
  return rest === '' ? ' ' : rest;
}

/** Where a run of plain text ends on this line. */
function plainEnd(s: Scanner): number {
  const text = s.text;
  let i = s.pos;
  for (;;) {
    const c = text.charCodeAt(i) | 0;
    if (isBlankOrEnd(c)) return i;
    if (c === 58 && isBlankOrEnd(text.charCodeAt(i + 1) | 0)) return i;
    if (s.flow > 0 && (c === 44 || c === 63 || c === 91 || c === 93 || c === 123 || c === 125)) return i;
    i++;
  }
}

/** A plain scalar: ends at `: `, at ` #`, or at a line that is not indented deeper. */
export function scanPlain(s: Scanner): void {
  const line = s.line;
  const indent = s.indent + 1;
  let out = '';
  let gap = '';
  let broke = false;
  for (;;) {
    if (columnOf(s) === 0 && (atDocumentMark(s, 45) || atDocumentMark(s, 46))) break;
    if (at(s, 0) === 35) break;
    const end = plainEnd(s);
    if (end > s.pos) {
      out += gap + s.text.slice(s.pos, end);
      gap = '';
      broke = false;
      s.pos = end;
    }
    if (!(isBlank(at(s, 0)) || isBreak(at(s, 0)))) break;
    const space = plainGap(s, indent, line, broke);
    gap = space.text;
    broke = space.broke;
    if (s.flow === 0 && columnOf(s) < indent) break;
  }
  push(s, T_SCALAR, line, out);
  if (broke) s.keyAllowed = true;
}

function plainGap(s: Scanner, indent: number, line: number, already: boolean): { text: string; broke: boolean } {
  let spaces = '';
  let first = '';
  let rest = '';
  let broke = already;
  for (;;) {
    const c = at(s, 0);
    if (isBlank(c)) {
      if (broke && c === 9 && columnOf(s) < indent)
        scanError(s, line, 'found a tab character that violates indentation');
      if (!broke) spaces += s.text.charAt(s.pos);
      s.pos++;
    } else if (!isBreak(c)) break;
    else if (broke) rest += readBreak(s);
    else {
      first = readBreak(s);
      broke = true;
    }
  }
  return { text: broke ? folded(first, rest) : spaces, broke };
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};
const HEX_LENGTH: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function readEscape(s: Scanner, line: number): string {
  const letter = s.text.charAt(s.pos + 1);
  const known = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
  s.pos += 2;
  if (known !== undefined) return known;
  const length = Object.hasOwn(HEX_LENGTH, letter) ? (HEX_LENGTH[letter] ?? 0) : 0;
  if (length === 0) scanError(s, line, 'found unknown escape character');
  let code = 0;
  for (let k = 0; k < length; k++) {
    const digit = hexValue(at(s, k));
    if (digit < 0) scanError(s, line, 'did not find expected hexdecimal number');
    code = code * 16 + digit;
  }
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
    scanError(s, line, 'found invalid Unicode character escape code');
  s.pos += length;
  return String.fromCodePoint(code);
}

/** Text up to the closing quote or the next blank; true when a `\` before a line break ended it. */
function quotedRun(s: Scanner, quote: number, line: number, out: string[]): boolean {
  let start = s.pos;
  for (;;) {
    const c = at(s, 0);
    if (isBlankOrEnd(c) || (c === quote && !(quote === 39 && at(s, 1) === 39))) break;
    if (c === quote) {
      out.push(s.text.slice(start, s.pos + 1));
      s.pos += 2;
      start = s.pos;
    } else if (c === 92 && quote === 34) {
      out.push(s.text.slice(start, s.pos));
      if (isBreak(at(s, 1))) {
        s.pos++;
        skipLine(s);
        return true;
      }
      out.push(readEscape(s, line));
      start = s.pos;
    } else s.pos++;
  }
  out.push(s.text.slice(start, s.pos));
  return false;
}

/** A single or double quoted scalar. */
export function scanQuoted(s: Scanner, quote: number): void {
  const line = s.line;
  const out: string[] = [];
  s.pos++;
  for (;;) {
    if (atDocumentMark(s, 45) || atDocumentMark(s, 46)) scanError(s, line, 'found unexpected document indicator');
    if (at(s, 0) === 0) scanError(s, line, 'found unexpected end of stream');
    const escaped = quotedRun(s, quote, line, out);
    if (at(s, 0) === quote) break;
    out.push(quotedGap(s, escaped));
  }
  s.pos++;
  push(s, T_SCALAR, line, out.join(''), '', quote === 39 ? STYLE_SINGLE : STYLE_DOUBLE);
}

function quotedGap(s: Scanner, escaped: boolean): string {
  const start = s.pos;
  let first = '';
  let rest = '';
  let broke = escaped;
  for (;;) {
    const c = at(s, 0);
    if (isBlank(c)) s.pos++;
    else if (!isBreak(c)) break;
    else if (broke) rest += readBreak(s);
    else {
      first = readBreak(s);
      broke = true;
    }
  }
  if (!broke) return s.text.slice(start, s.pos);
  return first === '' ? rest : folded(first, rest);
}

interface BlockHeader {
  /** 1 keeps trailing breaks, -1 drops them all, 0 keeps one. */
  readonly chomp: number;
  readonly increment: number;
}

function blockHeader(s: Scanner, line: number): BlockHeader {
  let chomp = 0;
  let increment = 0;
  for (let k = 0; k < 2; k++) {
    const c = at(s, 0);
    if (chomp === 0 && (c === 43 || c === 45)) chomp = c === 43 ? 1 : -1;
    else if (increment === 0 && isDigit(c)) {
      if (c === 48) scanError(s, line, 'found an indentation indicator equal to 0');
      increment = c - 48;
    } else break;
    s.pos++;
  }
  skipBlanks(s);
  if (at(s, 0) === 35 && s.notes !== undefined) behind(s, s.notes, s.start);
  if (at(s, 0) === 35) while (!isBreakOrEnd(at(s, 0))) s.pos++;
  if (!isBreakOrEnd(at(s, 0))) scanError(s, line, 'did not find expected comment or line break');
  if (isBreak(at(s, 0))) skipLine(s);
  return { chomp, increment };
}

/** Takes empty lines and indentation; finds the indentation when it is not known yet (0). */
function blockBreaks(s: Scanner, known: number, line: number): { indent: number; breaks: string } {
  let widest = 0;
  let breaks = '';
  for (;;) {
    while ((known === 0 || columnOf(s) < known) && at(s, 0) === 32) s.pos++;
    widest = Math.max(widest, columnOf(s));
    if ((known === 0 || columnOf(s) < known) && at(s, 0) === 9)
      scanError(s, line, 'found a tab character where an indentation space is expected');
    if (!isBreak(at(s, 0))) break;
    breaks += readBreak(s);
  }
  return { indent: known === 0 ? Math.max(widest, s.indent + 1, 1) : known, breaks };
}

/** A literal (`|`) or folded (`>`) scalar. */
export function scanBlockScalar(s: Scanner, literal: boolean): void {
  const line = s.line;
  s.pos++;
  const header = blockHeader(s, line);
  const given = header.increment > 0 ? Math.max(s.indent, 0) + header.increment : 0;
  let state = blockBreaks(s, given, line);
  const out: string[] = [];
  let lead = '';
  let wasBlank = false;
  while (columnOf(s) === state.indent && at(s, 0) !== 0) {
    const blank = isBlank(at(s, 0));
    if (!literal && lead.charCodeAt(0) === 10 && !wasBlank && !blank) {
      if (state.breaks === '') out.push(' ');
    } else out.push(lead);
    out.push(state.breaks);
    wasBlank = blank;
    const start = s.pos;
    while (!isBreakOrEnd(at(s, 0))) s.pos++;
    out.push(s.text.slice(start, s.pos));
    lead = at(s, 0) === 0 ? '' : readBreak(s);
    state = blockBreaks(s, state.indent, line);
  }
  if (header.chomp !== -1) out.push(lead);
  if (header.chomp === 1) out.push(state.breaks);
  push(s, T_SCALAR, line, out.join(''), '', literal ? STYLE_LITERAL : STYLE_FOLDED);
}
