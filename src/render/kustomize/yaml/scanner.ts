import { BuildError } from '../errors.ts';
import { isBlank, isBlankOrEnd } from './chars.ts';
import { blockEnd, type Notes } from './notes.ts';
import { T_BLOCK_END, T_BLOCK_MAP, T_BLOCK_SEQ, T_COMMA, T_END, T_ENTRY, T_KEY, T_VALUE, type Token } from './token.ts';

interface SimpleKey {
  possible: boolean;
  /** The next token is given out without a look whether this is a key. */
  unseen: boolean;
  required: boolean;
  token: number;
  index: number;
  line: number;
  column: number;
}

/** Where a scan stands. */
export interface Scanner {
  readonly text: string;
  pos: number;
  line: number;
  /** Position of the first character of the line. */
  lineStart: number;
  readonly tokens: Token[];
  head: number;
  /** Tokens handed out so far. */
  taken: number;
  flow: number;
  indent: number;
  readonly indents: number[];
  keyAllowed: boolean;
  readonly keys: SimpleKey[];
  ended: boolean;
  readonly maxDepth: number;
  /** Tokens that are read beyond the next one, and may fail there. */
  readonly ahead: number;
  /** Where the white space before the next token begins, its line, and where the token begins. */
  from: number;
  fromLine: number;
  start: number;
  /** Comments go here, where somebody wants them. */
  readonly notes: Notes | undefined;
}

/** A scanner at the start of a text. */
export function makeScanner(text: string, maxDepth: number, ahead: number, notes?: Notes): Scanner {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  return {
    text,
    pos: start,
    line: 0,
    lineStart: start,
    tokens: [],
    head: 0,
    taken: 0,
    flow: 0,
    indent: -1,
    indents: [],
    keyAllowed: true,
    keys: [noKey()],
    ended: false,
    maxDepth,
    ahead,
    from: start,
    fromLine: 0,
    start,
    notes,
  };
}

function noKey(token = 0): SimpleKey {
  return { possible: false, unseen: false, required: false, token, index: 0, line: 0, column: 0 };
}

/** The character at an offset from here; 0 past the end. */
export function at(s: Scanner, offset: number): number {
  return s.text.charCodeAt(s.pos + offset) | 0;
}

/** Column of the next character. */
export function columnOf(s: Scanner): number {
  return s.pos - s.lineStart;
}

/** Steps over one line break of any kind. */
export function skipLine(s: Scanner): void {
  s.pos += at(s, 0) === 13 && at(s, 1) === 10 ? 2 : 1;
  s.line++;
  s.lineStart = s.pos;
}

/** Fails as the scanner of go-yaml does: `yaml: line N: problem`, by the line where the thing began. */
export function scanError(s: Scanner, line: number, problem: string): never {
  const at = line === 0 ? s.line : line;
  throw new BuildError(`yaml: ${at > 0 ? `line ${at + 1}: ` : ''}${problem}`);
}

export function push(s: Scanner, type: number, line: number, value = '', suffix = '', style = 0): void {
  s.tokens.push({ type, line, start: s.start, value, suffix, style });
}

function insert(s: Scanner, at: number, type: number, { line, index }: SimpleKey): void {
  const token = { type, line, start: index, value: '', suffix: '', style: 0 };
  // What was taken already comes too late: libyaml puts the token at the end.
  s.tokens.splice(at < 0 ? s.tokens.length : s.head + at, 0, token);
}

/** Opens a block collection when the column is deeper than the current one: here, or before a key. */
function rollIndent(s: Scanner, type: number, key?: SimpleKey): void {
  const column = key?.column ?? columnOf(s);
  if (s.flow > 0 || s.indent >= column) return;
  s.indents.push(s.indent);
  s.indent = column;
  const line = key?.line ?? s.line;
  if (s.indents.length > s.maxDepth) scanError(s, line, `exceeded max depth of ${s.maxDepth}`);
  if (key === undefined) push(s, type, line);
  else insert(s, key.token - s.taken, type, key);
}

/** Closes block collections down to a column. */
export function unrollIndent(s: Scanner, column: number): void {
  if (s.flow > 0) return;
  for (let start = s.from - 1; s.indent > column; s.indent = s.indents.pop() ?? -1) {
    if (s.notes !== undefined) start = blockEnd(s.notes, s.indent, start);
    s.tokens.push({ type: T_BLOCK_END, line: s.line, start, value: '', suffix: '', style: 0 });
  }
}

/** Closes all of them, at the end of a document. */
export function unrollAll(s: Scanner): void {
  s.from = s.pos;
  unrollIndent(s, -1);
  removeKey(s);
  s.keyAllowed = false;
}

function currentKey(s: Scanner): SimpleKey {
  return s.keys[s.keys.length - 1] as SimpleKey;
}

/** True while what was seen may still become a key; libyaml allows one line and 1,024 characters. */
function keyIsValid(s: Scanner, key: SimpleKey): boolean {
  if (!key.possible) return false;
  if (key.line === s.line && key.index + 1024 >= s.pos) return true;
  if (key.required) scanError(s, key.line, "could not find expected ':'");
  key.possible = false;
  return false;
}

/** Forgets that the current token could begin a key. */
export function removeKey(s: Scanner): void {
  const key = currentKey(s);
  if (key.possible && key.required) scanError(s, key.line, "could not find expected ':'");
  key.possible = false;
}

/** Notes that a key may begin here. */
export function saveKey(s: Scanner): void {
  if (!s.keyAllowed) return;
  removeKey(s);
  const column = columnOf(s);
  s.keys[s.keys.length - 1] = {
    possible: true,
    unseen: false,
    required: s.flow === 0 && s.indent === column,
    token: s.taken + s.tokens.length - s.head,
    index: s.pos,
    line: s.line,
    column,
  };
}

export function openFlow(s: Scanner, type: number): void {
  saveKey(s);
  s.keys.push(noKey(s.taken + s.tokens.length - s.head));
  s.flow++;
  if (s.flow > s.maxDepth) scanError(s, s.line, `exceeded max depth of ${s.maxDepth}`);
  s.keyAllowed = true;
  push(s, type, s.line);
  s.pos++;
}

export function closeFlow(s: Scanner, type: number): void {
  removeKey(s);
  if (s.flow > 0) {
    s.flow--;
    const inner = s.keys.pop();
    // go-yaml loses sight of the key that an empty collection begins, since both have one number.
    for (const key of s.keys) if (key.token === inner?.token) key.unseen = true;
  }
  s.keyAllowed = false;
  push(s, type, s.line);
  s.pos++;
}

export function fetchComma(s: Scanner): void {
  removeKey(s);
  s.keyAllowed = true;
  push(s, T_COMMA, s.line);
  s.pos++;
}

export function fetchEntry(s: Scanner): void {
  if (s.flow === 0) {
    if (!s.keyAllowed) scanError(s, s.line, 'block sequence entries are not allowed in this context');
    rollIndent(s, T_BLOCK_SEQ);
  }
  removeKey(s);
  s.keyAllowed = true;
  push(s, T_ENTRY, s.line);
  s.pos++;
}

export function fetchKey(s: Scanner): void {
  if (s.flow === 0) {
    if (!s.keyAllowed) scanError(s, s.line, 'mapping keys are not allowed in this context');
    rollIndent(s, T_BLOCK_MAP);
  }
  removeKey(s);
  s.keyAllowed = s.flow === 0;
  push(s, T_KEY, s.line);
  s.pos++;
}

export function fetchValue(s: Scanner): void {
  const key = currentKey(s);
  if (keyIsValid(s, key)) {
    insert(s, key.token - s.taken, T_KEY, key);
    rollIndent(s, T_BLOCK_MAP, key);
    key.possible = false;
    s.keyAllowed = false;
  } else {
    if (s.flow === 0) {
      if (!s.keyAllowed) scanError(s, s.line, 'mapping values are not allowed in this context');
      rollIndent(s, T_BLOCK_MAP);
    }
    s.keyAllowed = s.flow === 0;
  }
  push(s, T_VALUE, s.line);
  s.pos++;
}

/** True while the token at the head may still turn out to be a key, which would put tokens before it. */
export function headIsOpen(s: Scanner): boolean {
  for (const key of s.keys) if (key.possible && !key.unseen && key.token === s.taken && keyIsValid(s, key)) return true;
  return false;
}

/** True at `---` or `...` at the start of a line. */
export function atDocumentMark(s: Scanner, mark: number): boolean {
  return columnOf(s) === 0 && at(s, 0) === mark && at(s, 1) === mark && at(s, 2) === mark && isBlankOrEnd(at(s, 3));
}

export function fetchDocumentMark(s: Scanner, type: number): void {
  unrollAll(s);
  push(s, type, s.line);
  s.pos += 3;
}

export function fetchEnd(s: Scanner): void {
  unrollAll(s);
  s.ended = true;
  push(s, T_END, s.line);
}

/** Steps over blanks. */
export function skipBlanks(s: Scanner): void {
  while (isBlank(at(s, 0))) s.pos++;
}
