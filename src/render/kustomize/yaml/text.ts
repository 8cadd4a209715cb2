import type { Json } from '../../../model/index.ts';
import { analyze, plainIsString12 } from './analyze.ts';
import { escaped, needsEscape } from './escape.ts';
import { isBlockScalar, readable } from './folded.ts';
import {
  ALIAS,
  append,
  emptyList,
  MAPPING,
  makeNode,
  type Node,
  SCALAR,
  SEQUENCE,
  STYLE_DOUBLE,
  STYLE_FLOW,
  STYLE_FOLDED,
  STYLE_LITERAL,
  STYLE_QUOTED,
  STYLE_SINGLE,
  STYLE_TAGGED,
  TAG_BOOL,
  TAG_MAP,
  TAG_NULL,
  TAG_SEQ,
  TAG_STR,
} from './node.ts';
import { formatFloat } from './numbers.ts';
import { resolve12, tagOf12 } from './resolve.ts';

/** Names of anchors, by node. */
type Anchors = ReadonlyMap<Node, string>;

/** A node as the text that go-yaml v3 writes for it (kyaml String): messages, and text inside text, are made of it. */
export function nodeText(node: Node, anchors: Anchors = new Map()): string {
  const w: Writer = { out: [], anchors };
  write(w, node, 0, 'root');
  const text = w.out.join('');
  return text.endsWith('\n') ? text : `${text}\n`;
}

interface Writer {
  readonly out: string[];
  readonly anchors: Anchors;
}

function anchorOf(node: Node, anchors: Anchors): string {
  const name = anchors.get(node);
  return name === undefined ? '' : `&${name}`;
}

/** An anchor and what follows it on its line. */
function anchored(node: Node, anchors: Anchors, text: string): string {
  const anchor = anchorOf(node, anchors);
  return anchor === '' || text === '' ? anchor + text : `${anchor} ${text}`;
}

/** The tag that a scalar is written with, and a space. */
function tagOf(node: Node): string {
  const tagged = (node.style & STYLE_TAGGED) !== 0;
  const needed = tagged || (node.tag !== TAG_STR && resolve12(node.value).tag !== node.tag);
  return needed && node.tag !== '' ? `${node.tag} ` : '';
}

/** A scalar that is no block: `indent` is for lines after the first, where it may have more; there is none in flow. */
function inlineScalar(node: Node, indent?: number): string {
  if (node.kind === ALIAS) return `*${node.value}`;
  const { value, style } = node;
  const quoted = (style & STYLE_QUOTED) !== 0;
  const forced = (style & STYLE_TAGGED) === 0 && node.tag === TAG_STR && !quoted && resolve12(value).tag !== TAG_STR;
  const tag = tagOf(node);
  const a = analyze(value);
  const plain = indent === undefined ? a.flowPlain && value !== '' : a.plain;
  const single = (style & STYLE_SINGLE) !== 0;
  if (value.includes('\n') && single && (style & STYLE_DOUBLE) === 0 && a.single && indent !== undefined)
    return `${tag}'${singleLines(value, indent)}'`;
  const block = (style & (STYLE_LITERAL | STYLE_FOLDED)) !== 0 && !single;
  if ((style & STYLE_DOUBLE) !== 0 || block || forced || (!a.single && !plain) || value.includes('\n'))
    return tag + doubleQuoted(value);
  if (single || !plain) return `${tag}'${value.replaceAll("'", "''")}'`;
  return value === '' ? tag.trim() : tag + value;
}

/** Text of several lines in single quotes: each run of breaks has one more, and what follows is indented, but no quote. */
function singleLines(value: string, indent: number): string {
  const pad = ' '.repeat(indent);
  return value
    .replaceAll("'", "''")
    .replace(/\n+(?=([^\n]?))/g, (breaks, next) => `\n${breaks}${next === '' ? '' : pad}`);
}

function doubleQuoted(value: string): string {
  const whole = Array.from(value, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return needsEscape(code) ? escaped(code) : c;
  });
  return `"${whole.join('')}"`;
}

function flowText(node: Node, anchors: Anchors): string {
  return anchored(node, anchors, bareFlow(node, anchors));
}

function bareFlow(node: Node, anchors: Anchors): string {
  if (node.kind === SCALAR || node.kind === ALIAS) return inlineScalar(node);
  const texts = node.content.map((item) => flowText(item, anchors));
  if (node.kind !== MAPPING) return `[${texts.join(', ')}]`;
  const parts: string[] = [];
  for (let i = 0; i + 1 < texts.length; i += 2) parts.push(`${texts[i]}: ${texts[i + 1]}`);
  return `{${parts.join(', ')}}`;
}

function isInline(node: Node): boolean {
  if (node.kind === SCALAR || node.kind === ALIAS) return true;
  return node.content.length === 0 || (node.style & STYLE_FLOW) !== 0;
}

function blockScalar(node: Node, indent: number): string {
  const folded = (node.style & STYLE_FOLDED) !== 0 && (node.style & STYLE_LITERAL) === 0;
  const { value } = node;
  const hint = value.startsWith(' ') || value.startsWith('\n') ? '2' : '';
  const chomp = !value.endsWith('\n') ? '-' : value === '\n' || value.endsWith('\n\n') ? '+' : '';
  const pad = ' '.repeat(indent);
  const body = folded ? value.replace(/([^\n])\n(?=[^\n ])/g, '$1\n\n') : value;
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line));
  return `${folded ? '>' : '|'}${hint}${chomp}\n${lines.join('\n')}${value.endsWith('\n') ? '' : '\n'}`;
}

type Spot = 'root' | 'item' | 'value';

function write(w: Writer, node: Node, indent: number, spot: Spot): void {
  const gap = spot === 'root' ? '' : ' ';
  if (isBlockScalar(node))
    w.out.push(gap, anchored(node, w.anchors, tagOf(node) + blockScalar(node, spot === 'root' ? 2 : indent)));
  else if (isInline(node)) {
    const bare = node.kind === SCALAR ? inlineScalar(node, indent) : bareFlow(node, w.anchors);
    const text = anchored(node, w.anchors, bare);
    w.out.push(text === '' ? '' : gap, text, '\n');
  } else {
    const anchor = anchorOf(node, w.anchors);
    // What has an anchor begins on the next line, also in a list.
    if (anchor !== '') w.out.push(gap, anchor, '\n');
    else if (spot === 'value') w.out.push('\n');
    const goesOn = spot === 'item' && anchor === '';
    if (node.kind === MAPPING) writeMap(w, node, indent, goesOn);
    else writeList(w, node, indent, goesOn);
  }
}

/** Writes a map; `goesOn` after the dash of an item, on the same line. */
function writeMap(w: Writer, node: Node, indent: number, goesOn: boolean): void {
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const lead = goesOn && i === 0 ? ' ' : ' '.repeat(indent);
    const value = node.content[i + 1] as Node;
    const key = node.content[i] as Node;
    w.out.push(
      lead,
      anchored(key, w.anchors, inlineScalar(key, key.value === '' || key.value.includes('\n') ? undefined : indent)),
      ':',
    );
    const list = value.kind !== MAPPING && value.kind !== SCALAR && !isInline(value);
    write(w, value, list ? indent : indent + 2, 'value');
  }
}

function writeList(w: Writer, node: Node, indent: number, goesOn: boolean): void {
  node.content.forEach((item, i) => {
    w.out.push(goesOn && i === 0 ? ' ' : ' '.repeat(indent), '-');
    write(w, item, indent + 2, 'item');
  });
}

/**
 * A node as kyaml makes it from JSON (FromMap), by writing and reading it: numbers pass through doubles, strings get the quotes
 * they need. Fails for a text of several lines that begins with a tab, which is not read again.
 */
export function fromJson(value: Json): Node {
  if (value === null) return makeNode(SCALAR, TAG_NULL, 'null', 0);
  if (typeof value === 'boolean') return makeNode(SCALAR, TAG_BOOL, String(value), 0);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const text = formatFloat(Number(value));
    return makeNode(SCALAR, tagOf12(text), text, 0);
  }
  if (typeof value === 'string') return readable(makeNode(SCALAR, TAG_STR, value, styleOf(value)));
  if (Array.isArray(value)) {
    const list = emptyList();
    list.tag = TAG_SEQ;
    if (value.length === 0) list.style = STYLE_FLOW;
    for (const item of value as readonly Json[]) append(list, fromJson(item));
    return list;
  }
  const entries = Object.entries(value);
  const map = makeNode(MAPPING, TAG_MAP, '', entries.length === 0 ? STYLE_FLOW : 0);
  for (const [key, item] of entries) append(map, makeNode(SCALAR, TAG_STR, key, styleOf(key)), fromJson(item));
  return map;
}

/** A node as it is when JSON text is read as YAML: everything in flow style, strings quoted, numbers with their digits. */
export function fromJsonText(value: Json): Node {
  if (value === null) return makeNode(SCALAR, TAG_NULL, 'null', 0);
  if (typeof value === 'string') return makeNode(SCALAR, TAG_STR, value, STYLE_DOUBLE);
  if (typeof value === 'boolean') return makeNode(SCALAR, TAG_BOOL, String(value), 0);
  if (typeof value === 'number' || typeof value === 'bigint')
    return makeNode(SCALAR, tagOf12(String(value)), String(value), 0);
  if (Array.isArray(value)) {
    const list = makeNode(SEQUENCE, TAG_SEQ, '', STYLE_FLOW);
    for (const item of value as readonly Json[]) append(list, fromJsonText(item));
    return list;
  }
  const map = makeNode(MAPPING, TAG_MAP, '', STYLE_FLOW);
  for (const [key, item] of Object.entries(value))
    append(map, makeNode(SCALAR, TAG_STR, key, STYLE_DOUBLE), fromJsonText(item));
  return map;
}

function styleOf(text: string): number {
  if (text.includes('\n')) return STYLE_LITERAL;
  if (!plainIsString12(text)) return STYLE_DOUBLE;
  const a = analyze(text);
  if (a.plain) return 0;
  return a.single ? STYLE_SINGLE : STYLE_DOUBLE;
}
