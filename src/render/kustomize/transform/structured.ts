import type { Json } from '../../../model/index.ts';
import { BuildError } from '../errors.ts';
import { goJson } from '../generate/hash.ts';
import { findAll } from '../node/match.ts';
import { lookup } from '../node/path.ts';
import { decodeNode } from '../yaml/decode.ts';
import { type Node, overwrite, SCALAR } from '../yaml/node.ts';
import { type Marks, type ParseBounds, parseDocument } from '../yaml/parse.ts';
import { nodeText } from '../yaml/text.ts';
import { withComments } from './text-comments.ts';

/**
 * Sets a value inside a text that holds JSON or YAML, where a path goes on below a text. False when the path is not of that
 * sort, or leads nowhere there: then the value is set as in any other field.
 */
export function setInsideText(
  root: Node,
  value: Node,
  path: readonly string[],
  create: number,
  bounds: ParseBounds,
): boolean {
  if (path.length < 2) return false;
  try {
    return attempt(root, value, path, create, bounds);
  } catch (error) {
    if (error instanceof BuildError) return false;
    throw error;
  }
}

interface Holder {
  readonly text: Node;
  readonly inner: Node;
  readonly marks: Marks;
  readonly rest: readonly string[];
}

/** The first text on the path that parses. */
function holderOf(root: Node, path: readonly string[], bounds: ParseBounds): Holder | undefined {
  for (let i = 1; i < path.length; i++) {
    const text = quietly(() => lookup(root, path.slice(0, i)));
    if (text === undefined || text.kind !== SCALAR) continue;
    const marks: Marks = { comments: [], anchors: new Map() };
    const inner = quietly(() => parseDocument(text.value, bounds, marks));
    if (inner !== undefined) return { text, inner, marks, rest: path.slice(i) };
  }
  return undefined;
}

function quietly<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof BuildError) return undefined;
    throw error;
  }
}

function attempt(root: Node, value: Node, path: readonly string[], create: number, bounds: ParseBounds): boolean {
  const holder = holderOf(root, path, bounds);
  if (holder === undefined) return false;
  const { text, inner, marks, rest } = holder;
  const before = marks.comments.length === 0 ? '' : nodeText(inner, marks.anchors);
  const found = findAll(inner, rest, create, bounds);
  if (found.length === 0) return false;
  for (const node of found) {
    if (node.kind === SCALAR) node.value = value.value;
    else {
      overwrite(node, value);
      marks.anchors.delete(node);
    }
  }
  text.value = serialize(inner, { original: text.value, before, marks }, bounds);
  return true;
}

interface Source {
  readonly original: string;
  readonly before: string;
  readonly marks: Marks;
}

function serialize(inner: Node, { original, before, marks }: Source, bounds: ParseBounds): string {
  const first = original.trim().charAt(0);
  if (first !== '{' && first !== '[')
    return withComments({ original, before, after: nodeText(inner, marks.anchors) }, marks.comments).trim();
  const json: Json = decodeNode(inner, bounds);
  return goJson(json, original.includes('\n') && original.includes('  ') ? '  ' : '');
}
