import { Buffer } from 'node:buffer';
import { analyze } from './analyze.ts';
import { isBlank, isBreak, isBreakOrEnd } from './chars.ts';
import { escaped, needsEscape } from './escape.ts';
import { type Node, STYLE_DOUBLE, STYLE_FOLDED, STYLE_LITERAL, STYLE_SINGLE, STYLE_TAGGED, TAG_STR } from './node.ts';
import { resolve12 } from './resolve.ts';
import { deeper, put, putBreak, type Writer, writeIndent, writeIndicator, writeLine, writeWord } from './writer.ts';

const PLAIN = 0;

/** The tag that a scalar is written with; '' for none. */
export function scalarTag({ tag, style, value }: Node): string {
  const isNeeded = (style & STYLE_TAGGED) !== 0 || (tag !== TAG_STR && resolve12(value).tag !== tag);
  return isNeeded ? tag : '';
}

/** The style that a node asks for. */
function wantedStyle({ tag, style, value }: Node): number {
  for (const one of [STYLE_DOUBLE, STYLE_SINGLE, STYLE_LITERAL, STYLE_FOLDED]) if ((style & one) !== 0) return one;
  if (value.includes('\n')) return STYLE_LITERAL;
  const isForced = (style & STYLE_TAGGED) === 0 && tag === TAG_STR && resolve12(value).tag !== TAG_STR;
  return isForced ? STYLE_DOUBLE : PLAIN;
}

/** The style that a scalar gets: what its text does not allow is quoted. */
function styleFor(node: Node, isInFlow: boolean, isKey: boolean): number {
  const { value } = node;
  const a = analyze(value);
  let style = isKey && a.multiline ? STYLE_DOUBLE : wantedStyle(node);
  const isEmptyThere = value === '' && (isInFlow || isKey);
  if (style === PLAIN && (isEmptyThere || !(isInFlow ? a.flowPlain : a.plain))) style = STYLE_SINGLE;
  if (style === STYLE_SINGLE && !a.single) style = STYLE_DOUBLE;
  const isBlock = style === STYLE_LITERAL || style === STYLE_FOLDED;
  return isBlock && (!a.block12 || isInFlow || isKey) ? STYLE_DOUBLE : style;
}

/** The longest key that stands on a line with its value, in bytes of UTF-8. */
export const LONGEST_KEY = 128;

/** True for a scalar that can be a key without `?`; `more` is the length of its anchor. */
export function isSimpleText(node: Node, more: number): boolean {
  if (analyze(node.value).multiline) return false;
  return more + scalarTag(node).length + Buffer.byteLength(node.value) <= LONGEST_KEY;
}

/** Writes a scalar, with its tag. */
export function writeScalar(w: Writer, node: Node, isKey: boolean): void {
  const style = styleFor(node, w.flow > 0, isKey);
  const tag = scalarTag(node);
  if (tag !== '') writeWord(w, tagText(tag));
  const before = deeper(w, true);
  if (style === PLAIN) writePlain(w, node.value);
  else if (style === STYLE_SINGLE) writeSingle(w, node.value);
  else if (style === STYLE_DOUBLE) writeWord(w, doubleQuoted(node.value));
  else writeBlock(w, node.value, style === STYLE_FOLDED);
  w.indent = before;
}

/** Characters that stand for themselves in a tag. */
const IN_TAG = /[^0-9A-Za-z_\-;/?:@&=+$,.~*'()[\]]/gu;

/** A tag as it is written; one that no handle stands for in full. */
export function tagText(tag: string): string {
  const [handle = ''] = /^!!?/.exec(tag) ?? [];
  const rest = tag.slice(handle.length).replace(IN_TAG, percent);
  return handle === '' ? `!<${rest}>` : handle + rest;
}

function percent(c: string): string {
  return [...Buffer.from(c)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function writePlain(w: Writer, value: string): void {
  if (value !== '') writeWord(w, value);
  w.indention = false;
}

function doubleQuoted(value: string): string {
  const whole = Array.from(value, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return needsEscape(code) ? escaped(code) : c;
  });
  return `"${whole.join('')}"`;
}

/** A text and its line breaks in turn. */
function parts(value: string): string[] {
  return value.split(/([\n\u2028\u2029])/).filter((part) => part !== '');
}

function isBreakPart(part: string): boolean {
  return isBreak(part.charCodeAt(0));
}

/** In single quotes a run of line breaks has one more, unless it begins with one of Unicode. */
function writeSingle(w: Writer, value: string): void {
  writeWord(w, "'");
  let broke = false;
  for (const part of parts(value.replaceAll("'", "''"))) {
    if (isBreakPart(part)) {
      if (!broke && part === '\n') putBreak(w);
      putBreak(w, part);
    } else {
      if (broke) writeIndent(w);
      put(w, part);
      w.indention = false;
    }
    broke = isBreakPart(part);
  }
  writeIndicator(w, "'");
}

/** True for a text whose last line breaks are kept in a block only by `+`. */
export function needsKeeping(value: string): boolean {
  return hints(value).endsWith('+');
}

/** What stands behind `|` and `>`: the indent where it cannot be seen, and what becomes of breaks at the end. */
function hints(value: string): string {
  const first = value.charCodeAt(0) | 0;
  const [before, last] = [...value].slice(-2);
  const indent = first === 32 || isBreak(first) ? '2' : '';
  const end = (last ?? before ?? '').charCodeAt(0) | 0;
  if (!isBreak(end)) return `${indent}-`;
  const keeps = last === undefined || isBreak((before ?? '').charCodeAt(0) | 0);
  return indent + (keeps ? '+' : '');
}

/** True where a folded text begins with blanks, after any breaks: go-yaml looks there, whichever line it is about. */
function startsBlank(value: string): boolean {
  const [first = ''] = /[^\n\u2028\u2029]/u.exec(value) ?? [];
  const code = first.charCodeAt(0) | 0;
  return isBlank(code) || isBreakOrEnd(code);
}

/** A literal or folded block. */
function writeBlock(w: Writer, value: string, folded: boolean): void {
  writeWord(w, (folded ? '>' : '|') + hints(value));
  if (!writeLine(w)) putBreak(w);
  w.whitespace = true;
  let broke = true;
  let deep = true;
  const doubles = folded && !startsBlank(value);
  for (const part of parts(value)) {
    if (isBreakPart(part)) {
      if (doubles && !broke && !deep && part === '\n') putBreak(w);
      putBreak(w, part);
    } else {
      if (broke) {
        writeIndent(w);
        deep = isBlank(part.charCodeAt(0));
      }
      put(w, part);
      w.indention = false;
    }
    broke = isBreakPart(part);
  }
}
