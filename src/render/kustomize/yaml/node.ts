/**
 * The one document model. A node keeps what kustomize's transformers can see: kind, tag, text and quoting. Text output
 * and plain objects are both made from it; comments and the layout of the source are not kept, since neither prints them (`notes.ts` has them, where texts do).
 */
export interface Node {
  kind: number;
  /** Short form (`!!str`); '' when it follows from the text. */
  tag: string;
  /** Text of a scalar, name of the anchor of an alias. */
  value: string;
  /** Bits of STYLE. */
  style: number;
  /** Items of a list; keys and values in turn of a map. */
  content: Node[];
  /** What an alias stands for. */
  alias: Node | undefined;
}

export const SCALAR = 1;
export const MAPPING = 2;
export const SEQUENCE = 3;
export const ALIAS = 4;

export const STYLE_TAGGED = 1;
export const STYLE_DOUBLE = 2;
export const STYLE_SINGLE = 4;
export const STYLE_LITERAL = 8;
export const STYLE_FOLDED = 16;
export const STYLE_FLOW = 32;
/** Of the root: a comment closes the document, below a block that may keep its last line breaks. */
export const STYLE_CLOSED = 64;
/** Any style that makes an untagged scalar a string. */
export const STYLE_QUOTED = 30;

export const TAG_NULL = '!!null';
export const TAG_STR = '!!str';
export const TAG_INT = '!!int';
export const TAG_FLOAT = '!!float';
export const TAG_BOOL = '!!bool';
export const TAG_MAP = '!!map';
export const TAG_SEQ = '!!seq';
export const TAG_TIME = '!!timestamp';
export const TAG_BINARY = '!!binary';
export const TAG_MERGE = '!!merge';

const NOTHING: Node[] = [];

/** A node with no content. */
export function makeNode(kind: number, tag: string, value: string, style: number): Node {
  return { kind, tag, value, style, content: NOTHING, alias: undefined };
}

/** A scalar whose type follows from its text (kyaml NewScalarRNode). */
export function scalar(value: string): Node {
  return makeNode(SCALAR, '', value, 0);
}

/** A scalar that is a string whatever its text (kyaml NewStringRNode). */
export function stringScalar(value: string): Node {
  return makeNode(SCALAR, TAG_STR, value, value.includes('\n') ? STYLE_LITERAL : 0);
}

/** An empty map without a tag. */
export function emptyMap(): Node {
  return makeNode(MAPPING, '', '', 0);
}

/** An empty list without a tag. */
export function emptyList(): Node {
  return makeNode(SEQUENCE, '', '', 0);
}

/** Adds children at the end; content that is shared by all empty nodes is never written to. */
export function append(node: Node, ...items: Node[]): void {
  if (node.content === NOTHING) node.content = items;
  else node.content.push(...items);
}

/** Replaces all children. */
export function setContent(node: Node, items: Node[]): void {
  node.content = items.length === 0 ? NOTHING : items;
}

/** A copy that shares nothing (kyaml CopyYNode); an alias keeps its target. */
export function copyNode(node: Node): Node {
  const made = makeNode(node.kind, node.tag, node.value, node.style);
  made.alias = node.alias;
  if (node.content.length > 0) {
    const list = new Array<Node>(node.content.length);
    for (let i = 0; i < list.length; i++) list[i] = copyNode(node.content[i] as Node);
    made.content = list;
  }
  return made;
}

/** Makes `into` equal to `from`, in place, so that everything that points to `into` sees it (kyaml SetYNode). */
export function overwrite(into: Node, from: Node): void {
  if (into === from) return;
  into.kind = from.kind;
  into.tag = from.tag;
  into.value = from.value;
  into.style = from.style;
  into.alias = from.alias;
  into.content = from.content.length === 0 ? NOTHING : from.content.slice();
}

/** True where there is no node or a null (kyaml IsMissingOrNull). */
export function isMissing(node: Node | undefined): node is undefined {
  return node === undefined || node.tag === TAG_NULL;
}

/** True where there is no node, a null, or an empty map or list (kyaml IsNilOrEmpty). */
export function isNilOrEmpty(node: Node | undefined): boolean {
  if (node === undefined || node.tag === TAG_NULL) return true;
  return node.kind !== SCALAR && node.kind !== ALIAS && node.content.length === 0;
}

/** Text of a scalar; '' where it is missing or null (kyaml GetValue). */
export function textOf(node: Node | undefined): string {
  return node === undefined || node.tag === TAG_NULL ? '' : node.value;
}

/** True for scalars that kyaml takes for strings by their tag (IsYNodeString). */
export function isStringNode(node: Node): boolean {
  return node.kind === SCALAR && (node.tag === TAG_STR || node.tag === '');
}

/** Name of a kind as errors print it. */
export function kindName(kind: number): string {
  if (kind === MAPPING) return 'MappingNode';
  if (kind === SEQUENCE) return 'SequenceNode';
  return kind === ALIAS ? 'AliasNode' : 'ScalarNode';
}
