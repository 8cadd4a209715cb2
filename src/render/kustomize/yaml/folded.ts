import { fail } from '../errors.ts';
import { analyze } from './analyze.ts';
import {
  makeNode,
  type Node,
  SCALAR,
  STYLE_DOUBLE,
  STYLE_FLOW,
  STYLE_FOLDED,
  STYLE_LITERAL,
  STYLE_SINGLE,
  TAG_STR,
} from './node.ts';
import { parseDocument } from './parse.ts';
import { nodeText } from './write.ts';
import { needsKeeping } from './write-scalar.ts';

/**
 * What a folded scalar (`>`) has become when kustomize has written and read it once: go-yaml v3's writer adds a line break
 * before lines that are indented deeper, and that shows in the output.
 */
export function foldedValue(value: string): string {
  if (!/[\n\u2028\u2029]/.test(value)) return value;
  const text = nodeText(makeNode(SCALAR, TAG_STR, value, STYLE_FOLDED));
  return parseDocument(text, { yamlDepth: 10, yamlNodes: 10 })?.value ?? value;
}

/** True for a scalar that go-yaml v3 writes with `|` or `>`. */
export function isBlockScalar(node: Node): boolean {
  if (node.kind !== SCALAR || (node.style & (STYLE_DOUBLE | STYLE_SINGLE)) !== 0) return false;
  const asked = (node.style & (STYLE_LITERAL | STYLE_FOLDED)) !== 0 || node.value.includes('\n');
  return asked && analyze(node.value).block12;
}

/** The block that ends what is written of a node, where it keeps the breaks at its end: an empty line below it is one more. */
export function lastKept(root: Node): Node | undefined {
  let node: Node | undefined = root;
  while (node !== undefined && node.kind !== SCALAR && (node.style & STYLE_FLOW) === 0) node = node.content.at(-1);
  return node !== undefined && isBlockScalar(node) && needsKeeping(node.value) ? node : undefined;
}

/** The scalar, unless go-yaml v3 does not read what it writes for it: it takes a tab at the beginning for indentation. */
export function readable(node: Node): Node {
  if (node.value.startsWith('\t') && isBlockScalar(node))
    fail('yaml: found a tab character where an indentation space is expected');
  return node;
}
