import { ALIAS, MAPPING, type Node, SCALAR, STYLE_FLOW, STYLE_TAGGED, TAG_MAP, TAG_SEQ } from './node.ts';
import { type Comments, type Marks, NO_COMMENTS, newMarks } from './notes.ts';
import { isSimpleText, LONGEST_KEY, tagText, writeScalar } from './write-scalar.ts';
import {
  deeper,
  isTrailed,
  newWriter,
  putBreak,
  receive,
  type Writer,
  writeAfter,
  writeBelow,
  writeHead,
  writeIndent,
  writeIndicator,
  writeLine,
  writeWord,
} from './writer.ts';

interface Text {
  readonly w: Writer;
  readonly marks: Marks;
  /** Keys that are lists or maps, inside of which this is. */
  readonly keys: Set<Node>;
}

const NO_MARKS = newMarks();

/** A node as the text that go-yaml v3 writes for it (kyaml String): messages, and text inside text, are made of it. */
export function nodeText(node: Node, marks: Marks = NO_MARKS): string {
  const w = newWriter();
  const t: Text = { w, marks, keys: new Set() };
  const { head, foot } = marks.document;
  receive(w, { ...NO_COMMENTS, head });
  if (head !== '') {
    writeHead(w);
    putBreak(w);
  }
  begin(t, node);
  writeHead(w);
  write(t, node, false);
  receive(w, { ...NO_COMMENTS, foot });
  w.footIndent = 0;
  writeBelow(w);
  w.footIndent = -1;
  writeIndent(w);
  return w.out.join('');
}

function commentsOf({ marks }: Text, node: Node): Comments {
  return marks.comments.get(node) ?? NO_COMMENTS;
}

function isScalar({ kind }: Node): boolean {
  return kind === SCALAR || kind === ALIAS;
}

/** The comments that come with the beginning of a node. */
function begin(t: Text, node: Node): void {
  const own = commentsOf(t, node);
  receive(t.w, isScalar(node) ? own : { ...NO_COMMENTS, head: own.head });
}

/** The same for a key: its own foot comes after its value, that of the key before comes now. */
function beginKey(t: Text, key: Node, tail: string): void {
  const { head, line } = commentsOf(t, key);
  const takesTail = key.kind === SCALAR || key.kind === MAPPING;
  receive(t.w, { head, line: isScalar(key) ? line : '', foot: '' }, takesTail ? tail : '');
}

/** The comments that come with the end of a list or map; the foot of one that is a key comes after its value. */
function end(t: Text, node: Node, tail = ''): void {
  const { line, foot } = commentsOf(t, node);
  receive(t.w, { head: '', line, foot: t.keys.has(node) ? '' : foot }, tail);
}

/** Writes a node that begins here, with the comments behind and below it; what is in a list or map comes after those. */
function write(t: Text, node: Node, isInMap: boolean): void {
  open(t, node, false);
  writeAfter(t.w);
  writeInside(t, node, isInMap);
}

/** Writes a scalar, or what stands before a list or map. */
function open({ w, marks }: Text, node: Node, isKey: boolean): void {
  const anchor = node.kind === ALIAS ? `*${node.value}` : `&${marks.anchors.get(node) ?? ''}`;
  if (anchor !== '&') writeWord(w, anchor);
  if (node.kind === ALIAS) return;
  if (node.kind === SCALAR) {
    writeScalar(w, node, isKey);
    return;
  }
  const tag = collectionTag(node);
  if (tag !== '') writeWord(w, tagText(tag));
}

function collectionTag({ kind, tag, style }: Node): string {
  const implied = kind === MAPPING ? TAG_MAP : TAG_SEQ;
  return tag !== implied || (style & STYLE_TAGGED) !== 0 ? tag : '';
}

function writeInside(t: Text, node: Node, isInMap: boolean): void {
  if (isScalar(node)) return;
  const isFlow = t.w.flow > 0 || (node.style & STYLE_FLOW) !== 0 || node.content.length === 0;
  if (node.kind === MAPPING) (isFlow ? writeFlowMap : writeMap)(t, node);
  else if (isFlow) writeFlowList(t, node);
  else writeList(t, node, isInMap);
}

function writeList(t: Text, node: Node, isInMap: boolean): void {
  const { w } = t;
  const before = deeper(w, false, isInMap && (w.column === 0 || !w.indention));
  for (const item of node.content) {
    begin(t, item);
    writeHead(w);
    writeIndent(w);
    writeIndicator(w, '-', { spaced: true, indention: true });
    write(t, item, false);
  }
  end(t, node);
  w.indent = before;
}

function writeMap(t: Text, node: Node): void {
  const { w } = t;
  const before = deeper(w, false);
  let tail = '';
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = node.content[i] as Node;
    beginKey(t, key, tail);
    tail = commentsOf(t, key).foot;
    writeHead(w);
    writeIndent(w);
    if (w.line !== '') w.keyLine = w.line;
    w.line = '';
    const isSimple = writeKey(t, key);
    const value = node.content[i + 1] as Node;
    begin(t, value);
    if (!isSimple) writeIndent(w);
    writeIndicator(w, ':', isSimple ? {} : { spaced: true, indention: true });
    behindKey(w, value);
    write(t, value, true);
  }
  end(t, node, tail);
  writeHead(w);
  w.indent = before;
}

/** Writes a key; true for one that stands on a line with its value. */
function writeKey(t: Text, key: Node): boolean {
  const isSimple = isSimpleKey(t, key);
  if (!isSimple) writeIndicator(t.w, '?', { spaced: true, indention: t.w.flow === 0 });
  open(t, key, isSimple);
  if (isScalar(key)) return isSimple;
  t.keys.add(key);
  writeInside(t, key, true);
  t.keys.delete(key);
  return isSimple;
}

function isSimpleKey({ marks }: Text, key: Node): boolean {
  if (key.kind === ALIAS) return key.value.length <= LONGEST_KEY;
  const anchor = marks.anchors.get(key)?.length ?? 0;
  return key.kind === SCALAR ? isSimpleText(key, anchor) : key.content.length === 0;
}

/** A comment behind a key is that of a scalar which has none, and stands above a block. */
function behindKey(w: Writer, value: Node): void {
  const { line, keyLine } = w;
  if (keyLine === '' || value.kind === ALIAS) return;
  if (value.kind === SCALAR ? line !== '' : (value.style & STYLE_FLOW) !== 0) return;
  w.line = keyLine;
  w.keyLine = '';
  if (value.kind === SCALAR) return;
  writeLine(w);
  w.line = line;
}

/** Writes an item or value in flow: where it has a comment, the comma stands before that. True for a comma to come. */
function writeInFlow(t: Text, node: Node, isInMap: boolean): boolean {
  const { w } = t;
  const isTrailing = isTrailed(w);
  open(t, node, false);
  if (isTrailed(w)) writeIndicator(w, ',');
  writeAfter(w);
  writeInside(t, node, isInMap);
  return !isTrailing;
}

function writeFlowList(t: Text, node: Node): void {
  const { w } = t;
  writeIndicator(w, '[', { spaced: true, whitespace: true });
  const before = deeper(w, true);
  w.flow++;
  let needsComma = false;
  for (const item of node.content) {
    begin(t, item);
    if (needsComma) writeIndicator(w, ',');
    writeHead(w);
    if (w.column === 0) writeIndent(w);
    needsComma = writeInFlow(t, item, false);
  }
  end(t, node);
  w.flow--;
  w.indent = before;
  if (w.column === 0) writeIndent(w);
  writeIndicator(w, ']');
  writeAfter(w);
}

function writeFlowMap(t: Text, node: Node): void {
  const { w } = t;
  writeIndicator(w, '{', { spaced: true, whitespace: true });
  const before = deeper(w, true);
  w.flow++;
  let needsComma = false;
  let tail = '';
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = node.content[i] as Node;
    beginKey(t, key, tail);
    tail = commentsOf(t, key).foot;
    if (needsComma) writeIndicator(w, ',');
    writeHead(w);
    if (w.column === 0) writeIndent(w);
    const isSimple = writeKey(t, key);
    const value = node.content[i + 1] as Node;
    begin(t, value);
    writeIndicator(w, ':', { spaced: !isSimple });
    needsComma = writeInFlow(t, value, true);
  }
  end(t, node, tail);
  if (needsComma && (w.head !== '' || w.foot !== '' || w.tail !== '')) writeIndicator(w, ',');
  writeHead(w);
  w.flow--;
  w.indent = before;
  writeIndicator(w, '}');
  writeAfter(w);
}
