import { isBlank, isBlankOrEnd, isBreak, isWord } from './chars.ts';
import { behindToken, lineToHead, ownLines, skipComments } from './comments.ts';
import { fetchDirective, scanHandle, scanUri } from './directives.ts';
import { type Notes, unfold } from './notes.ts';
import { scanBlockScalar, scanPlain, scanQuoted } from './scalars.ts';
import {
  at,
  atDocumentMark,
  closeFlow,
  columnOf,
  fetchComma,
  fetchDocumentMark,
  fetchEnd,
  fetchEntry,
  fetchKey,
  fetchValue,
  headIsOpen,
  openFlow,
  push,
  removeKey,
  type Scanner,
  saveKey,
  scanError,
  skipLine,
  unrollIndent,
} from './scanner.ts';
import {
  T_ALIAS,
  T_ANCHOR,
  T_BLOCK_END,
  T_DOC_END,
  T_DOC_START,
  T_FLOW_MAP,
  T_FLOW_MAP_END,
  T_FLOW_SEQ,
  T_FLOW_SEQ_END,
  T_TAG,
  type Token,
} from './token.ts';

/** The next token, without taking it. */
export function peek(s: Scanner): Token {
  while (s.head >= s.tokens.length || (!s.ended && (s.tokens.length - s.head <= s.ahead || headIsOpen(s))))
    fetchToken(s);
  const token = s.tokens[s.head] as Token;
  if (s.notes !== undefined) unfold(s.notes, token.start, token.type === T_BLOCK_END);
  return token;
}

/** Takes the next token. */
export function take(s: Scanner): Token {
  const token = peek(s);
  s.head++;
  s.taken++;
  if (s.head === s.tokens.length || s.head > 64) {
    s.tokens.splice(0, s.head);
    s.head = 0;
  }
  return token;
}

/** Steps over blanks, comments and line breaks to the next token. */
function toNextToken(s: Scanner): void {
  for (;;) {
    while (at(s, 0) === 32 || ((s.flow > 0 || !s.keyAllowed) && at(s, 0) === 9)) s.pos++;
    if (s.notes !== undefined) lineToHead(s, s.notes);
    const c = at(s, 0);
    if (c === 35 || c === 9)
      if (s.notes === undefined) skipComments(s);
      else if (c === 35) ownLines(s, s.notes);
    if (!isBreak(at(s, 0))) return;
    skipLine(s);
    if (s.flow === 0) s.keyAllowed = true;
  }
}

function fetchToken(s: Scanner): void {
  s.from = s.pos;
  s.fromLine = s.line;
  toNextToken(s);
  unrollIndent(s, columnOf(s));
  s.start = s.pos;
  const c = at(s, 0);
  if (c === 0) {
    fetchEnd(s);
    return;
  }
  if (columnOf(s) === 0) {
    if (c === 37) {
      fetchDirective(s);
      return;
    }
    if (c === 45 && atDocumentMark(s, 45)) {
      fetchDocumentMark(s, T_DOC_START);
      return;
    }
    if (c === 46 && atDocumentMark(s, 46)) {
      fetchDocumentMark(s, T_DOC_END);
      return;
    }
  }
  if (s.notes !== undefined) fetchNoted(s, c, s.notes);
  else if (!fetchIndicator(s, c)) fetchPlain(s, c);
}

/** A token, and the comment behind it. Behind `:` and `,` that is about what stands before them. */
function fetchNoted(s: Scanner, c: number, notes: Notes): void {
  const before = c === (s.flow > 0 ? 44 : 58) ? s.tokens.at(-1) : undefined;
  const token = before?.start ?? s.start;
  if (!fetchIndicator(s, c)) fetchPlain(s, c);
  behindToken(s, notes, token);
}

/** Tokens that one character begins; false when this character begins a plain scalar. */
function fetchIndicator(s: Scanner, c: number): boolean {
  switch (c) {
    case 91:
      openFlow(s, T_FLOW_SEQ);
      return true;
    case 123:
      openFlow(s, T_FLOW_MAP);
      return true;
    case 93:
      closeFlow(s, T_FLOW_SEQ_END);
      return true;
    case 125:
      closeFlow(s, T_FLOW_MAP_END);
      return true;
    case 44:
      fetchComma(s);
      return true;
    case 45:
      return when(isBlankOrEnd(at(s, 1)), fetchEntry, s);
    case 63:
      return when(s.flow > 0 || isBlankOrEnd(at(s, 1)), fetchKey, s);
    case 58:
      return when(s.flow > 0 || isBlankOrEnd(at(s, 1)), fetchValue, s);
    default:
      return fetchContent(s, c);
  }
}

function when(test: boolean, run: (s: Scanner) => void, s: Scanner): boolean {
  if (test) run(s);
  return test;
}

function fetchContent(s: Scanner, c: number): boolean {
  switch (c) {
    case 42:
      fetchAnchor(s, T_ALIAS);
      return true;
    case 38:
      fetchAnchor(s, T_ANCHOR);
      return true;
    case 33:
      fetchTag(s);
      return true;
    case 39:
    case 34:
      saveKey(s);
      s.keyAllowed = false;
      scanQuoted(s, c);
      return true;
    case 124:
    case 62:
      if (s.flow > 0) return false;
      removeKey(s);
      s.keyAllowed = true;
      scanBlockScalar(s, c === 124);
      return true;
    default:
      return false;
  }
}

/** Characters that begin no plain scalar. */
const NOT_PLAIN = new Set([...' \t\n\r-?:,[]{}#&*!|>\'"%@`'].map((c) => c.charCodeAt(0)));

function fetchPlain(s: Scanner, c: number): void {
  const plain =
    !(NOT_PLAIN.has(c) || isBreak(c)) ||
    (c === 45 && !isBlank(at(s, 1))) ||
    (s.flow === 0 && (c === 63 || c === 58) && !isBlankOrEnd(at(s, 1)));
  if (!plain) scanError(s, s.line, 'found character that cannot start any token');
  saveKey(s);
  s.keyAllowed = false;
  scanPlain(s);
}

/** Indicators that may follow the name of an anchor or alias at once. */
const AFTER_ANCHOR = '?:,]}%@`';

function fetchAnchor(s: Scanner, type: number): void {
  saveKey(s);
  s.keyAllowed = false;
  const line = s.line;
  const start = ++s.pos;
  while (isWord(at(s, 0))) s.pos++;
  const next = at(s, 0);
  if (s.pos === start || !(isBlankOrEnd(next) || AFTER_ANCHOR.includes(String.fromCharCode(next))))
    scanError(s, line, 'did not find expected alphabetic or numeric character');
  push(s, type, line, s.text.slice(start, s.pos));
}

function fetchTag(s: Scanner): void {
  saveKey(s);
  s.keyAllowed = false;
  const line = s.line;
  let handle = '';
  let suffix: string;
  if (at(s, 1) === 60) {
    s.pos += 2;
    suffix = scanUri(s, '', line);
    if (at(s, 0) !== 62) scanError(s, line, "did not find the expected '>'");
    s.pos++;
  } else {
    handle = scanHandle(s);
    if (handle.length > 1 && handle.endsWith('!')) suffix = scanUri(s, '', line);
    else {
      suffix = scanUri(s, handle, line);
      handle = suffix === '' ? '' : '!';
      if (suffix === '') suffix = '!';
    }
  }
  if (!isBlankOrEnd(at(s, 0))) scanError(s, line, 'did not find expected whitespace or line break');
  push(s, T_TAG, line, handle, suffix);
}
