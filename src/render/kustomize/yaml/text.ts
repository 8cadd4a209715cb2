import type { Json } from '../../../model/index.ts';
import { analyze, plainIsString12 } from './analyze.ts';
import { escaped, needsEscape } from './escape.ts';
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

/** A node as the text that go-yaml v3 writes for it (kyaml String): messages, and text inside text, are made of it. */
export function nodeText(node: Node): string {
  const out: string[] = [];
  write(out, node, 0, 'root');
  const text = out.join('');
  return text.endsWith('\n') ? text : `${text}\n`;
}

function inlineScalar(node: Node, flow: boolean): string {
  if (node.kind === ALIAS) return `*${node.value}`;
  const { value } = node;
  const tagged = (node.style & STYLE_TAGGED) !== 0;
  const forced =
    !tagged && node.tag === TAG_STR && (node.style & STYLE_QUOTED) === 0 && resolve12(value).tag !== TAG_STR;
  const needsTag = tagged || (node.tag !== '' && node.tag !== TAG_STR && resolve12(value).tag !== node.tag);
  const tag = needsTag && node.tag !== '' ? `${node.tag} ` : '';
  const a = analyze(value);
  const plain = flow ? a.flowPlain && value !== '' : a.plain;
  if ((node.style & STYLE_DOUBLE) !== 0 || forced || (!a.single && !plain) || value.includes('\n'))
    return tag + doubleQuoted(value);
  if ((node.style & STYLE_SINGLE) !== 0 || !plain) return `${tag}'${value.replaceAll("'", "''")}'`;
  return tag + value;
}

function doubleQuoted(value: string): string {
  const whole = Array.from(value, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return needsEscape(code) ? escaped(code) : c;
  });
  return `"${whole.join('')}"`;
}

function flowText(node: Node): string {
  if (node.kind === SCALAR || node.kind === ALIAS) return inlineScalar(node, true);
  const parts: string[] = [];
  if (node.kind !== MAPPING) return `[${node.content.map(flowText).join(', ')}]`;
  for (let i = 0; i + 1 < node.content.length; i += 2)
    parts.push(`${flowText(node.content[i] as Node)}: ${flowText(node.content[i + 1] as Node)}`);
  return `{${parts.join(', ')}}`;
}

function isInline(node: Node): boolean {
  if (node.kind === SCALAR || node.kind === ALIAS) return true;
  return node.content.length === 0 || (node.style & STYLE_FLOW) !== 0;
}

function isBlockScalar(node: Node): boolean {
  if (node.kind !== SCALAR || !node.value.includes('\n')) return false;
  return (node.style & (STYLE_DOUBLE | STYLE_SINGLE)) === 0 && analyze(node.value).block12;
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

function write(out: string[], node: Node, indent: number, place: 'root' | 'item' | 'value'): void {
  const gap = place === 'root' ? '' : ' ';
  if (isBlockScalar(node)) out.push(gap, blockScalar(node, place === 'root' ? 2 : indent));
  else if (isInline(node)) {
    const text = node.kind === SCALAR ? inlineScalar(node, false) : flowText(node);
    out.push(text === '' ? '' : gap, text, '\n');
  } else if (node.kind === MAPPING) writeMap(out, node, indent, place);
  else writeList(out, node, indent, place);
}

function writeMap(out: string[], node: Node, indent: number, place: 'root' | 'item' | 'value'): void {
  if (place === 'value') out.push('\n');
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const lead = place === 'item' && i === 0 ? ' ' : ' '.repeat(indent);
    const value = node.content[i + 1] as Node;
    const key = node.content[i] as Node;
    out.push(lead, inlineScalar(key, key.value === ''), ':');
    const list = value.kind !== MAPPING && value.kind !== SCALAR && !isInline(value);
    write(out, value, list ? indent : indent + 2, 'value');
  }
}

function writeList(out: string[], node: Node, indent: number, place: 'root' | 'item' | 'value'): void {
  if (place === 'value') out.push('\n');
  node.content.forEach((item, i) => {
    out.push(place === 'item' && i === 0 ? ' ' : ' '.repeat(indent), '-');
    write(out, item, indent + 2, 'item');
  });
}

/** A node as kyaml makes it from JSON (FromMap): numbers pass through doubles, strings get the quotes they need. */
export function fromJson(value: Json): Node {
  if (value === null) return makeNode(SCALAR, TAG_NULL, 'null', 0);
  if (typeof value === 'boolean') return makeNode(SCALAR, TAG_BOOL, String(value), 0);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const text = formatFloat(Number(value));
    return makeNode(SCALAR, tagOf12(text), text, 0);
  }
  if (typeof value === 'string') return makeNode(SCALAR, TAG_STR, value, styleOf(value));
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
