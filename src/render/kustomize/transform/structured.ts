import type { Json } from '../../../model/index.ts';
import { BuildError } from '../errors.ts';
import { goJson } from '../generate/hash.ts';
import { findAll } from '../node/match.ts';
import { lookup } from '../node/path.ts';
import { decodeSigned } from '../yaml/decode.ts';
import { type Node, overwrite, SCALAR } from '../yaml/node.ts';
import { type Marks, newMarks } from '../yaml/notes.ts';
import { type ParseBounds, parseDocument } from '../yaml/parse.ts';
import { nodeText } from '../yaml/write.ts';

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
    const marks = newMarks();
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
  const found = findAll(inner, rest, create, { ...bounds, marks });
  if (found.length === 0) return false;
  for (const node of found) {
    if (node.kind === SCALAR) node.value = value.value;
    else {
      overwrite(node, value);
      marks.anchors.delete(node);
      marks.comments.delete(node);
    }
  }
  text.value = isJson(text.value) ? asJson(inner, text.value, marks, bounds) : nodeText(inner, marks).trim();
  return true;
}

function isJson(text: string): boolean {
  const first = text.trim().charAt(0);
  return first === '{' || first === '[';
}

/** JSON, with line breaks where the text that it replaces has some. With comments it must be read again once it is written. */
function asJson(inner: Node, original: string, marks: Marks, bounds: ParseBounds): string {
  const hasComments = marks.comments.size > 0;
  const again = hasComments ? parseDocument(nodeText(inner, marks), bounds) : inner;
  const json: Json = again === undefined ? null : decodeSigned(again, bounds);
  return goJson(json, original.includes('\n') && original.includes('  ') ? '  ' : '');
}
