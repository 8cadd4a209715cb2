import type { Json } from '../../../model/index.ts';
import { analyze, plainIsString12 } from './analyze.ts';
import { readable } from './folded.ts';
import {
  append,
  emptyList,
  MAPPING,
  makeNode,
  type Node,
  SCALAR,
  SEQUENCE,
  STYLE_DOUBLE,
  STYLE_FLOW,
  STYLE_LITERAL,
  STYLE_SINGLE,
  TAG_BOOL,
  TAG_MAP,
  TAG_NULL,
  TAG_SEQ,
  TAG_STR,
} from './node.ts';
import { formatFloat } from './numbers.ts';
import { tagOf12 } from './resolve.ts';

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
  if (typeof value === 'number' || typeof value === 'bigint') {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return makeNode(SCALAR, tagOf12(text), text, 0);
  }
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
