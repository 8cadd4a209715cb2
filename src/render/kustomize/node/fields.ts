import { fail } from '../errors.ts';
import {
  append,
  isMissing,
  isStringNode,
  kindName,
  MAPPING,
  makeNode,
  type Node,
  overwrite,
  SCALAR,
  SEQUENCE,
  STYLE_DOUBLE,
  TAG_NULL,
} from '../yaml/node.ts';
import { parseDocument } from '../yaml/parse.ts';
import { resolve11 } from '../yaml/resolve.ts';
import { nodeText } from '../yaml/write.ts';

/** A node of the wrong kind; nulls and missing nodes pass (kyaml ErrorIfInvalid). */
export function expectKind(node: Node | undefined, kind: number): void {
  if (node === undefined || node.tag === TAG_NULL || node.kind === kind) return;
  fail(wrongKind(node, kind));
}

/** The message for a node of the wrong kind. */
export function wrongKind(node: Node, kind: number): string {
  return `wrong node kind: expected ${kindName(kind)} but got ${kindName(node.kind)}: node contents:\n${nodeText(node)}`;
}

/** Index of a key in the content of a map, or -1. */
export function keyIndex(node: Node, name: string): number {
  const list = node.content;
  for (let i = 0; i + 1 < list.length; i += 2) if ((list[i] as Node).value === name) return i;
  checkPairs(node);
  return -1;
}

/** kustomize reads a list where a map should be as keys and values in turn, and crashes where one is left over. */
export function checkPairs({ content }: Node): void {
  if (content.length % 2 !== 0) fail(`index out of range [${content.length}] with length ${content.length}`);
}

/** Where the keys of a map stand in its content; of equal keys the first counts. For maps that may be long. */
export function placesOf(node: Node | undefined): Map<string, number> {
  const out = new Map<string, number>();
  const list = node?.content ?? [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const { value } = list[i] as Node;
    if (!out.has(value)) out.set(value, i);
  }
  return out;
}

/** The value of a field, whatever the node is (kyaml Field): undefined where it is no map or has no such key. */
export function fieldOf(node: Node | undefined, name: string): Node | undefined {
  if (node === undefined || node.kind !== MAPPING) return undefined;
  const i = keyIndex(node, name);
  return i < 0 ? undefined : node.content[i + 1];
}

/** The value of a field; fails on a node that is no map (kyaml FieldMatcher with a name). */
export function getField(node: Node | undefined, name: string): Node | undefined {
  if (isMissing(node)) return undefined;
  if (name === '') {
    expectKind(node, SCALAR);
    return node.value === '' ? node : undefined;
  }
  expectKind(node, MAPPING);
  const i = keyIndex(node, name);
  return i < 0 ? undefined : node.content[i + 1];
}

/** The value of a field if its text is `text`. */
export function matchField(node: Node, name: string, text: string): Node | undefined {
  const found = getField(node, name);
  return found !== undefined && found.value === text ? found : undefined;
}

/** Removes a field (kyaml Clear). */
export function clearField(node: Node | undefined, name: string): void {
  if (node === undefined) return;
  expectKind(node, MAPPING);
  const i = keyIndex(node, name);
  if (i >= 0) node.content.splice(i, 2);
}

/** Text that is surely a string under YAML 1.1: most names, labels and images. */
const SURE_STRING = /^[A-Za-z_/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_.-]+)*(?:@sha256:[0-9a-f]+)?$/;

/** True where YAML 1.1 would read the text as something else than a string (kyaml IsValueNonString). */
export function readsAsNonString(text: string): boolean {
  if (text === '' || text.includes('\n')) return false;
  if (SURE_STRING.test(text)) return text.length < 6 && resolve11(text).tag !== '!!str';
  try {
    const root = parseDocument(text, { yamlDepth: 100, yamlNodes: 10_000 });
    if (root === undefined || root.kind !== SCALAR) return true;
    if (root.style !== 0) return false;
    const tag = resolve11(root.value).tag;
    return tag !== '!!str' && tag !== '!!timestamp' && tag !== '!!merge';
  } catch {
    return false;
  }
}

/** Gives a string that would read as something else its quotes, as kyaml does before it sets a field. */
function quoteIfNeeded(value: Node): void {
  if (value.style === 0 && isStringNode(value) && readsAsNonString(value.value)) value.style = STYLE_DOUBLE;
}

/** Sets the node itself (kyaml FieldSetter without a name): the quoting of the old value stays. */
export function setScalar(node: Node, value: Node): void {
  quoteIfNeeded(value);
  expectKind(node, SCALAR);
  if (value.tag === TAG_NULL) return;
  value.style = node.style;
  overwrite(node, value);
}

/** How a field is set. */
export interface SetOptions {
  /** Style of the key where the field is new. */
  readonly keyStyle?: number;
  /** A null is kept as a null, and does not remove the field. */
  readonly keepNull?: boolean;
}

/** True where setting a field to this removes it. */
export function isRemoval(value: Node | undefined, options: SetOptions = {}): value is undefined {
  return value === undefined || (value.tag === TAG_NULL && options.keepNull !== true);
}

/**
 * Sets a field of a map (kyaml FieldSetter): undefined and null remove it; an existing field keeps its quoting; a new one
 * is added at the end. The node given becomes part of the tree, it is not copied.
 */
export function setField(node: Node, name: string, value: Node | undefined, options: SetOptions = {}): void {
  // kyaml takes a setter without a name for one of the node itself, and that must be a scalar.
  if (name === '') expectKind(node, SCALAR);
  if (isRemoval(value, options)) {
    clearField(node, name);
    return;
  }
  const old = getField(node, name);
  if (old === undefined) addField(node, name, value, options.keyStyle);
  else replaceValue(old, value);
}

/** Puts a value in the place of another, whose quoting stays. */
export function replaceValue(old: Node, value: Node): void {
  quoteIfNeeded(value);
  value.style = old.style;
  overwrite(old, value);
}

/** Adds a field that the map does not have. */
export function addField(node: Node, name: string, value: Node, keyStyle = 0): void {
  quoteIfNeeded(value);
  append(node, makeNode(SCALAR, '', name, keyStyle), value);
}

/** Items of a list; fails on a node that is none (kyaml Elements). */
export function elementsOf(node: Node | undefined): readonly Node[] {
  if (isMissing(node)) return node === undefined ? [] : [...(node as Node).content];
  expectKind(node, SEQUENCE);
  return [...node.content];
}

/** Keys of a map, in order (kyaml Fields). */
export function keysOf(node: Node | undefined): string[] {
  if (node === undefined) return [];
  expectKind(node, MAPPING);
  const out: string[] = [];
  if (node.kind !== MAPPING) return out;
  for (let i = 0; i + 1 < node.content.length; i += 2) out.push((node.content[i] as Node).value);
  return out;
}
