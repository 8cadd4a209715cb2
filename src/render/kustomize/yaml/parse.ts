import { BuildError, overLimit } from '../errors.ts';
import { FORBIDDEN } from './chars.ts';
import {
  ALIAS,
  append,
  MAPPING,
  makeNode,
  type Node,
  SCALAR,
  SEQUENCE,
  STYLE_FLOW,
  STYLE_TAGGED,
  TAG_MAP,
  TAG_MERGE,
  TAG_SEQ,
  TAG_STR,
} from './node.ts';
import { commentsHere, documentFoot, documentHead, keyFoot, noted, noteEnd, noteHead, valueFoot } from './noted.ts';
import { type Marks, newNotes, splitStem } from './notes.ts';
import { tagOf12 } from './resolve.ts';
import { makeScanner, type Scanner, scanError } from './scanner.ts';
import { type Handles, newHandles, parseError, readDirective, resolveTag } from './tags.ts';
import {
  T_ALIAS,
  T_ANCHOR,
  T_BLOCK_END,
  T_BLOCK_MAP,
  T_BLOCK_SEQ,
  T_COMMA,
  T_DIRECTIVE,
  T_DOC_END,
  T_DOC_START,
  T_END,
  T_ENTRY,
  T_FLOW_MAP,
  T_FLOW_MAP_END,
  T_FLOW_SEQ,
  T_FLOW_SEQ_END,
  T_KEY,
  T_SCALAR,
  T_TAG,
  T_VALUE,
  type Token,
} from './token.ts';
import { peek, take } from './tokens.ts';

/** What a text may cost to read. */
export interface ParseBounds {
  readonly yamlDepth: number;
  readonly yamlNodes: number;
}

interface Parser {
  readonly scan: Scanner;
  readonly anchors: Map<string, Node>;
  /** Comments and names of anchors go here, where somebody wants them. */
  readonly marks: Marks | undefined;
  readonly handles: Handles;
  readonly bounds: ParseBounds;
  depth: number;
  nodes: number;
}

/** Tokens read ahead: go-yaml v3 looks for comments there, so what follows a document may fail it. */
const [AHEAD_V3, AHEAD_V2] = [2, 0];

/** The first document of a text (go-yaml v3 `Decode` into a Node); undefined for an empty stream. */
export function parseDocument(text: string, bounds: ParseBounds, marks?: Marks): Node | undefined {
  const notes = marks === undefined ? undefined : newNotes();
  return parseText(text, bounds, makeScanner(text, bounds.yamlDepth, AHEAD_V3, notes), marks);
}

/** The same as go-yaml v2 reads it: there the tag `!` makes a scalar text. */
export function parseDocumentV2(text: string, bounds: ParseBounds): Node | undefined {
  return parseText(text, bounds, makeScanner(text, bounds.yamlDepth, AHEAD_V2));
}

function parseText(text: string, bounds: ParseBounds, scan: Scanner, marks?: Marks): Node | undefined {
  if (FORBIDDEN.test(text)) throw new BuildError('yaml: control characters are not allowed');
  const p: Parser = { scan, anchors: new Map(), marks, handles: newHandles(), bounds, depth: 0, nodes: 0 };
  return parseStream(p);
}

function parseStream(p: Parser): Node | undefined {
  const first = peek(p.scan);
  if (first.type === T_END) return undefined;
  if (first.type === T_DIRECTIVE) {
    while (peek(p.scan).type === T_DIRECTIVE) readDirective(p.handles, take(p.scan));
    if (peek(p.scan).type !== T_DOC_START) parseError(peek(p.scan), 'did not find expected <document start>');
  }
  let root: Node;
  if (peek(p.scan).type === T_DOC_START) {
    take(p.scan);
    const next = peek(p.scan).type;
    const empty = next === T_DIRECTIVE || next === T_DOC_START || next === T_DOC_END || next === T_END;
    root = empty ? nullNode(p) : parseNode(p, true, false);
  } else {
    documentHead(p);
    root = parseNode(p, true, false);
  }
  // What follows is not looked at, but go-yaml scans as far as the end of the document.
  peek(p.scan);
  documentFoot(p);
  return root;
}

function count(p: Parser): void {
  if (++p.nodes > p.bounds.yamlNodes) overLimit('yamlNodes', p.bounds.yamlNodes, 'a YAML document has too many nodes');
}

function nullNode(p: Parser): Node {
  count(p);
  return makeNode(SCALAR, '!!null', '', 0);
}

/** Anchor and tag before a node, in either order. */
function properties(p: Parser): { anchor: string; tag: string; any: boolean } {
  let anchor = '';
  let tag = '';
  let any = false;
  for (;;) {
    const token = peek(p.scan);
    if (token.type === T_ANCHOR && anchor === '') anchor = take(p.scan).value;
    else if (token.type === T_TAG && tag === '') tag = resolveTag(p.handles, take(p.scan));
    else return { anchor, tag, any };
    any = true;
  }
}

function parseNode(p: Parser, block: boolean, indentless: boolean): Node {
  count(p);
  if (++p.depth > p.bounds.yamlDepth) scanError(p.scan, p.scan.line, `exceeded max depth of ${p.bounds.yamlDepth}`);
  const node = parseContent(p, block, indentless);
  p.depth--;
  return node;
}

function parseContent(p: Parser, block: boolean, indentless: boolean): Node {
  if (peek(p.scan).type === T_ALIAS) return parseAlias(p);
  const { anchor, tag, any } = properties(p);
  const token = peek(p.scan);
  if (token.type === T_SCALAR) {
    const comments = p.marks === undefined ? undefined : commentsHere(p);
    const node = scalarNode(p, take(p.scan), tag);
    if (comments !== undefined) noted(p, node, comments);
    return anchored(p, node, anchor);
  }
  const start = (kind: number, implied: string, flow: number): Node => {
    const own = tag !== '' && tag !== '!';
    const node = makeNode(kind, own ? tag : implied, '', (own ? STYLE_TAGGED : 0) | flow);
    if (p.marks !== undefined && token.type !== T_ENTRY) noteHead(p, node, flow !== 0);
    return anchored(p, node, anchor);
  };
  if (indentless && token.type === T_ENTRY) return indentlessSequence(p, start(SEQUENCE, TAG_SEQ, 0));
  if (token.type === T_FLOW_SEQ) return flowSequence(p, start(SEQUENCE, TAG_SEQ, STYLE_FLOW));
  if (token.type === T_FLOW_MAP) return flowMapping(p, start(MAPPING, TAG_MAP, STYLE_FLOW));
  if (block && token.type === T_BLOCK_SEQ) return blockSequence(p, start(SEQUENCE, TAG_SEQ, 0));
  if (block && token.type === T_BLOCK_MAP) return blockMapping(p, start(MAPPING, TAG_MAP, 0));
  if (!any) parseError(token, 'did not find expected node content');
  return anchored(p, scalarNode(p, { ...token, value: '', style: 0 }, tag), anchor);
}

function anchored(p: Parser, node: Node, anchor: string): Node {
  if (anchor === '') return node;
  p.anchors.set(anchor, node);
  p.marks?.anchors.set(node, anchor);
  return node;
}

function parseAlias(p: Parser): Node {
  const comments = commentsHere(p);
  const name = take(p.scan).value;
  const node = noted(p, makeNode(ALIAS, '', name, 0), comments);
  node.alias = p.anchors.get(name);
  if (node.alias === undefined) throw new BuildError(`yaml: unknown anchor '${name}' referenced`);
  return node;
}

function scalarNode(p: Parser, token: Token, tag: string): Node {
  if (tag === '!' && p.scan.ahead === AHEAD_V2) return makeNode(SCALAR, tag, token.value, token.style | STYLE_TAGGED);
  if (tag !== '' && tag !== '!') return makeNode(SCALAR, tag, token.value, token.style | STYLE_TAGGED);
  if (token.style !== 0) return makeNode(SCALAR, TAG_STR, token.value, token.style);
  return makeNode(SCALAR, token.value === '<<' ? TAG_MERGE : tagOf12(token.value), token.value, 0);
}

function blockSequence(p: Parser, node: Node): Node {
  const { line } = take(p.scan);
  while (peek(p.scan).type === T_ENTRY) {
    const next = takeEntry(p);
    append(node, next === T_ENTRY || next === T_BLOCK_END ? nullNode(p) : parseNode(p, true, false));
  }
  if (peek(p.scan).type !== T_BLOCK_END) parseError(peek(p.scan), "did not find expected '-' indicator", line);
  take(p.scan);
  return node;
}

/** Takes the dash of an item: the type of what follows. What stood above it is the head of the item. */
function takeEntry(p: Parser): number {
  const above = p.scan.notes?.head.length ?? 0;
  take(p.scan);
  const { type } = peek(p.scan);
  if (p.scan.notes !== undefined && (type === T_BLOCK_SEQ || type === T_BLOCK_MAP)) splitStem(p.scan.notes, above);
  return type;
}

function indentlessSequence(p: Parser, node: Node): Node {
  while (peek(p.scan).type === T_ENTRY) {
    const next = takeEntry(p);
    const empty = next === T_ENTRY || next === T_KEY || next === T_VALUE || next === T_BLOCK_END;
    append(node, empty ? nullNode(p) : parseNode(p, true, false));
  }
  return node;
}

function blockMapping(p: Parser, node: Node): Node {
  const { line } = take(p.scan);
  for (;;) {
    const token = peek(p.scan);
    if (token.type === T_BLOCK_END) break;
    if (token.type !== T_KEY) parseError(token, 'did not find expected key', line);
    take(p.scan);
    append(node, blockPart(p));
    keyFoot(p, node);
    if (peek(p.scan).type === T_VALUE) {
      take(p.scan);
      append(node, blockPart(p));
    } else append(node, nullNode(p));
    valueFoot(p, node);
  }
  noteEnd(p, node);
  take(p.scan);
  return node;
}

function blockPart(p: Parser): Node {
  const next = peek(p.scan).type;
  return next === T_KEY || next === T_VALUE || next === T_BLOCK_END ? nullNode(p) : parseNode(p, true, true);
}

function flowSequence(p: Parser, node: Node): Node {
  const { line } = take(p.scan);
  for (let first = true; peek(p.scan).type !== T_FLOW_SEQ_END; first = false) {
    if (!first) {
      if (peek(p.scan).type !== T_COMMA) parseError(peek(p.scan), "did not find expected ',' or ']'", line);
      take(p.scan);
      if (peek(p.scan).type === T_FLOW_SEQ_END) break;
    }
    append(node, peek(p.scan).type === T_KEY ? flowPair(p) : parseNode(p, false, false));
  }
  noteEnd(p, node);
  take(p.scan);
  return node;
}

/** `[a: b]`: a map of one pair inside a list. */
function flowPair(p: Parser): Node {
  take(p.scan);
  count(p);
  const node = makeNode(MAPPING, TAG_MAP, '', STYLE_FLOW);
  const next = peek(p.scan).type;
  append(node, flowPart(p, T_FLOW_SEQ_END));
  // libyaml drops the token that follows an empty key here, whatever it is.
  if (next === T_VALUE || next === T_COMMA || next === T_FLOW_SEQ_END) take(p.scan);
  if (peek(p.scan).type === T_VALUE) {
    take(p.scan);
    append(node, flowPart(p, T_FLOW_SEQ_END));
  } else append(node, nullNode(p));
  valueFoot(p, node);
  return node;
}

function flowPart(p: Parser, end: number): Node {
  const next = peek(p.scan).type;
  return next === T_VALUE || next === T_COMMA || next === end ? nullNode(p) : parseNode(p, false, false);
}

function flowMapping(p: Parser, node: Node): Node {
  const { line } = take(p.scan);
  for (let first = true; peek(p.scan).type !== T_FLOW_MAP_END; first = false) {
    if (!first) {
      if (peek(p.scan).type !== T_COMMA) parseError(peek(p.scan), "did not find expected ',' or '}'", line);
      take(p.scan);
      if (peek(p.scan).type === T_FLOW_MAP_END) break;
    }
    if (peek(p.scan).type === T_KEY) {
      take(p.scan);
      append(node, flowPart(p, T_FLOW_MAP_END));
      if (peek(p.scan).type === T_VALUE) {
        take(p.scan);
        append(node, flowPart(p, T_FLOW_MAP_END));
      } else append(node, nullNode(p));
    } else append(node, parseNode(p, false, false), nullNode(p));
    valueFoot(p, node);
  }
  noteEnd(p, node);
  take(p.scan);
  return node;
}
