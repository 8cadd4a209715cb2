import { isObject, type Json, type JsonObject } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { analyze, plainIsString11 } from './analyze.ts';
import { escaped, needsEscape } from './escape.ts';
import { formatFloat } from './numbers.ts';
import { compareKeys } from './sort.ts';

/** Columns after which text is folded at the next space. */
const WIDTH = 80;

interface Out {
  text: string;
  column: number;
  /** The last character written was white space or the start. */
  whitespace: boolean;
  /** Only indentation and indicators stand on this line. */
  indention: boolean;
  readonly limit: number;
}

/**
 * One object as kustomize prints it: go-yaml v2's writer with its defaults (block style, two spaces, lists not indented
 * under their key, folding at 80 columns). `limit` bounds the characters written.
 */
export function emitYaml(value: Json, limit = Number.MAX_SAFE_INTEGER): string {
  const o: Out = { text: '', column: 0, whitespace: true, indention: true, limit };
  emitValue(o, value, -1, false);
  writeIndent(o, -1);
  return o.text;
}

function put(o: Out, text: string): void {
  o.text += text;
  o.column += text.length;
}

function putBreak(o: Out): void {
  o.text += '\n';
  o.column = 0;
  o.indention = true;
  if (o.text.length > o.limit) fail(`the output is larger than ${o.limit} characters (limit renderBytes)`);
}

function writeIndent(o: Out, level: number): void {
  const indent = Math.max(level, 0);
  if (!o.indention || o.column > indent || (o.column === indent && !o.whitespace)) putBreak(o);
  if (o.column < indent) put(o, ' '.repeat(indent - o.column));
  o.whitespace = true;
  o.indention = true;
}

function indicator(o: Out, text: string, needSpace: boolean, keepsIndention: boolean): void {
  put(o, needSpace && !o.whitespace ? ` ${text}` : text);
  o.whitespace = false;
  o.indention = o.indention && keepsIndention;
}

function deeper(indent: number): number {
  return indent < 0 ? 0 : indent + 2;
}

function emitValue(o: Out, value: Json, indent: number, inMapping: boolean): void {
  if (Array.isArray(value)) emitList(o, value as readonly Json[], indent, inMapping);
  else if (isObject(value)) emitMap(o, value, indent);
  else emitScalar(o, value as null | boolean | number | bigint | string, indent);
}

function emitList(o: Out, list: readonly Json[], indent: number, inMapping: boolean): void {
  if (list.length === 0) {
    indicator(o, '[]', true, false);
    return;
  }
  const own = inMapping && !o.indention ? indent : deeper(indent);
  for (const item of list) {
    writeIndent(o, own);
    indicator(o, '-', true, true);
    emitValue(o, item, own, false);
  }
}

function emitMap(o: Out, map: JsonObject, indent: number): void {
  const keys = Object.keys(map);
  if (keys.length === 0) {
    indicator(o, '{}', true, false);
    return;
  }
  if (keys.length > 1) keys.sort(compareKeys);
  const own = deeper(indent);
  for (const key of keys) {
    writeIndent(o, own);
    if (isSimpleKey(key)) {
      emitString(o, key, own, true);
      put(o, ':');
      o.whitespace = false;
      o.indention = false;
    } else {
      indicator(o, '?', true, true);
      emitString(o, key, own, false);
      writeIndent(o, own);
      indicator(o, ':', true, true);
    }
    emitValue(o, map[key] as Json, own, true);
  }
}

/** Keys of more than 128 bytes, or of more than one line, are written after a question mark. */
function isSimpleKey(key: string): boolean {
  if (key.length > 128) return false;
  if (key.length <= 42) return !/[\n\r\x85\u2028\u2029]/.test(key);
  return new TextEncoder().encode(key).length <= 128 && !/[\n\r\x85\u2028\u2029]/.test(key);
}

function emitScalar(o: Out, value: null | boolean | number | bigint | string, indent: number): void {
  if (typeof value === 'string') {
    emitString(o, value, indent, false);
    return;
  }
  let text: string;
  if (typeof value === 'number') text = Number.isSafeInteger(value) ? String(value) : formatFloat(value);
  else text = String(value);
  put(o, o.whitespace ? text : ` ${text}`);
  o.whitespace = false;
  o.indention = false;
}

function emitString(o: Out, text: string, indent: number, key: boolean): void {
  const a = analyze(text);
  const level = deeper(indent) === 0 ? 2 : indent + 2;
  if (text.includes('\n')) {
    if (a.block && !key) writeLiteral(o, text, level);
    else writeDouble(o, text, level, !key);
    return;
  }
  if (!plainIsString11(text)) {
    writeDouble(o, text, level, !key);
    return;
  }
  if (a.plain && !(text === '' && key)) writePlain(o, text, level, !key);
  else if (a.single) writeSingle(o, text, level, !key);
  else writeDouble(o, text, level, !key);
}

function writePlain(o: Out, text: string, indent: number, folds: boolean): void {
  if (!o.whitespace) put(o, ' ');
  if (folds && o.column + text.length > WIDTH) writeFolding(o, text, indent, false);
  else put(o, text);
  o.whitespace = false;
  o.indention = false;
}

/** Writes text, with a line break in place of a single space wherever the column has passed the width. */
function writeFolding(o: Out, text: string, indent: number, quoted: boolean): void {
  let spaces = false;
  let breaks = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 32) {
      const inside = !quoted || (i > 0 && i < text.length - 1);
      if (!spaces && o.column > WIDTH && inside && text.charCodeAt(i + 1) !== 32) writeIndent(o, indent);
      else put(o, ' ');
      spaces = true;
    } else if (c === 0x2028 || c === 0x2029) {
      o.text += text.charAt(i);
      o.column = 0;
      o.indention = true;
      breaks = true;
    } else {
      if (breaks) writeIndent(o, indent);
      put(o, quoted && c === 39 ? "''" : text.charAt(i));
      o.indention = false;
      spaces = false;
      breaks = false;
    }
  }
}

function writeSingle(o: Out, text: string, indent: number, folds: boolean): void {
  indicator(o, "'", true, false);
  if (/[\u2028\u2029]/.test(text) || (folds && o.column + text.length * 2 > WIDTH)) {
    if (folds) writeFolding(o, text, indent, true);
    else put(o, text.replaceAll("'", "''"));
  } else put(o, text.replaceAll("'", "''"));
  indicator(o, "'", false, false);
}

function writeDouble(o: Out, text: string, indent: number, folds: boolean): void {
  indicator(o, '"', true, false);
  let spaces = false;
  // go-yaml looks for a byte order mark at the start of the text, at each character: so all of them are escaped.
  const all = text.startsWith('\ufeff');
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) ?? 0;
    if (all || needsEscape(code)) {
      put(o, escaped(code));
      spaces = false;
      if (code > 0xffff) i++;
    } else if (code === 32) {
      if (folds && !spaces && o.column > WIDTH && i > 0 && i < text.length - 1) {
        writeIndent(o, indent);
        if (text.charCodeAt(i + 1) === 32) put(o, '\\');
      } else put(o, ' ');
      spaces = true;
    } else {
      put(o, text.charAt(i));
      spaces = false;
    }
  }
  indicator(o, '"', false, false);
}

function chompHint(text: string): string {
  if (!isAnyBreak(text.charCodeAt(text.length - 1))) return '-';
  return text.length === 1 || isAnyBreak(text.charCodeAt(text.length - 2)) ? '+' : '';
}

function isAnyBreak(c: number): boolean {
  return c === 10 || c === 13 || c === 0x85 || c === 0x2028 || c === 0x2029;
}

function writeLiteral(o: Out, text: string, indent: number): void {
  const first = text.charCodeAt(0);
  indicator(o, `|${first === 32 || isAnyBreak(first) ? '2' : ''}${chompHint(text)}`, true, false);
  putBreak(o);
  o.whitespace = true;
  const pad = ' '.repeat(indent);
  // U+2028 and U+2029 end a line as well: what follows them is indented, they are not.
  const padded = (line: string): string => line.replace(/[^\u2028\u2029]+/g, `${pad}$&`);
  o.text += text.split('\n').map(padded).join('\n');
  if (isAnyBreak(text.charCodeAt(text.length - 1))) {
    o.column = 0;
    o.indention = true;
  } else {
    o.column = 1 + indent;
    o.indention = false;
  }
  if (o.text.length > o.limit) putBreak(o);
}
