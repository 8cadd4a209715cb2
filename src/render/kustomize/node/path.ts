import { fail } from '../errors.ts';
import {
  append,
  emptyList,
  emptyMap,
  isMissing,
  MAPPING,
  makeNode,
  type Node,
  SCALAR,
  SEQUENCE,
  scalar,
} from '../yaml/node.ts';
import { elementsOf, expectKind, getField, matchField, setField } from './fields.ts';

/** Splits a path; a delimiter after a backslash is part of the name (kyaml PathSplitter). */
export function splitPath(path: string, delimiter: string): string[] {
  let parts = path.split(delimiter);
  if (parts.length > 1 && parts[0] === '') parts = parts.slice(1);
  const out = [parts[0] ?? ''];
  for (const part of parts.slice(1)) {
    const last = out[out.length - 1] ?? '';
    if (last.endsWith('\\')) out[out.length - 1] = last.slice(0, -1) + delimiter + part;
    else out.push(part);
  }
  return out;
}

/** Splits a path in which brackets hold names with delimiters (kyaml SmarterPathSplitter). */
export function splitSmart(path: string, delimiter: string): string[] {
  const parts = splitPath(path, delimiter);
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    if (!part.startsWith('[') || part.endsWith(']')) {
      out.push(part);
      continue;
    }
    const bracketed = [part];
    while (i < parts.length - 1) {
      i++;
      bracketed.push(parts[i] ?? '');
      if (parts[i]?.endsWith(']')) break;
    }
    const text = bracketed.join(delimiter);
    out.push(text.includes('=') ? text : text.replace(/^[[\]]+|[[\]]+$/g, ''));
  }
  return out;
}

/** `[key=value]`. */
export function isListIndex(part: string): boolean {
  return part.startsWith('[') && part.endsWith(']');
}

/** A whole number, as Go's Atoi reads it; undefined otherwise. */
export function indexOf(part: string): number | undefined {
  if (!/^[-+]?\d+$/.test(part)) return undefined;
  if (part.length < 16) return Number(part);
  const whole = BigInt(part.replace('+', ''));
  return BigInt.asIntN(64, whole) === whole ? Number(whole) : undefined;
}

/** `[key=value]` to its parts; an empty key stands for the item itself. */
export function splitIndex(part: string): { key: string; value: string } {
  const inner = part.replace(/\]$/, '').replace(/^\[/, '');
  const equals = inner.indexOf('=');
  if (equals < 0) fail('list path element must contain fieldName=fieldValue for element to match');
  return { key: inner.slice(0, equals), value: inner.slice(equals + 1) };
}

/** An empty node of a kind. */
export function emptyOf(kind: number): Node {
  if (kind === MAPPING) return emptyMap();
  return kind === SEQUENCE ? emptyList() : makeNode(SCALAR, '', '', 0);
}

/** The kind to create where the rest of a path goes on with `next`; `last` at its end. */
export function kindForNext(next: string, last: number): number {
  if (isListIndex(next)) return SEQUENCE;
  const index = indexOf(next);
  if (index !== undefined && index >= 0) return SEQUENCE;
  return next === '' ? last : MAPPING;
}

/** Finds or (with a kind) creates what a path leads to (kyaml PathGetter). Undefined where it leads nowhere. */
export function lookup(root: Node | undefined, path: readonly string[], create = 0): Node | undefined {
  let here: Node | undefined = root;
  const parts = path.map((part) => part.trim()).filter((part) => part !== '');
  for (let i = 0; i < parts.length && here !== undefined; i++)
    here = step(here, parts[i] ?? '', parts[i + 1] ?? '', create);
  return here;
}

function step(node: Node, part: string, next: string, create: number): Node | undefined {
  const index = indexOf(part);
  if (index !== undefined) {
    if (index < 0) fail(`array index ${index} cannot be negative`);
    return elementsOf(node)[index];
  }
  if (part === '-') return elementsOf(node).at(-1) ?? fail('list is empty');
  if (part === '*') fail('wildcard is not supported in PathGetter');
  if (isListIndex(part)) return listStep(node, part, create);
  const found = getField(node, part);
  if (found !== undefined || create === 0 || isMissing(node)) return found;
  const made = emptyOf(kindForNext(next, create));
  setField(node, part, made);
  return made;
}

function listStep(node: Node, part: string, create: number): Node | undefined {
  const { key, value } = splitIndex(part);
  const found = findElement(node, [key], [value]);
  if (found !== undefined || create === 0) return found;
  const made = key === '' ? scalar(value) : emptyMap();
  if (key !== '') append(made, scalar(key), scalar(value));
  append(node, made);
  return made;
}

/** The first item of a list whose fields have these texts (kyaml ElementMatcher); an empty key compares the item. */
export function findElement(
  node: Node | undefined,
  keys: readonly string[],
  values: readonly string[],
): Node | undefined {
  expectKind(node, SEQUENCE);
  if (node === undefined) return undefined;
  const [first = ''] = keys;
  if (first === '') return node.content.find((item) => item.value === (values[0] ?? ''));
  if (keys.length !== values.length && node.content.some((item) => item.kind === MAPPING))
    fail('length of keys must equal length of values when MatchAnyValue is false');
  return node.content.find(
    (item) => item.kind === MAPPING && keys.every((key, i) => matchField(item, key, values[i] ?? '') !== undefined),
  );
}
