import { fail } from '../errors.ts';
import { expectKind, fieldOf, getField, matchField, setField, setScalar } from '../node/fields.ts';
import { findElement } from '../node/path.ts';
import {
  append,
  emptyList,
  isMissing,
  isNilOrEmpty,
  MAPPING,
  type Node,
  SCALAR,
  SEQUENCE,
  scalar,
  setContent,
} from '../yaml/node.ts';
import type { Place } from './place.ts';

type Walk = (dest: Node | undefined, patch: Node | undefined, place: Place) => Node | undefined;

/**
 * Merges lists whose items have keys, or whose items are scalars (kyaml's associative sequences): items of the patch come
 * first, in its order, then what is left of the old ones.
 */
export function mergeList(dest: Node, patch: Node | undefined, place: Place, walk: Walk): Node | undefined {
  const keys = place.schema?.keys ?? [];
  if (keys.length > 0) return mergeByKeys(dest, patch, keys, keyValues(dest, patch, keys), place, walk);
  return mergeByKeys(dest, patch, [''], scalarValues(dest, patch), place, walk);
}

/** The texts of the keys of all items: those of the patch first. */
function keyValues(dest: Node, patch: Node | undefined, keys: readonly string[]): string[][] {
  const out: string[][] = [];
  const seen = new Set<string>();
  for (const list of [patch, dest]) {
    if (list === undefined) continue;
    expectKind(list, SEQUENCE);
    for (const item of list.content) {
      const values = keys.map((key) => {
        const found = fieldOf(item, key);
        return isNilOrEmpty(found) ? '' : (found?.value ?? '');
      });
      const mark = JSON.stringify(values);
      if (seen.has(mark)) continue;
      seen.add(mark);
      out.push(values);
    }
  }
  return out;
}

function scalarValues(dest: Node, patch: Node | undefined): string[][] {
  const seen = new Set<string>();
  for (const list of [patch, dest]) for (const item of list?.content ?? []) seen.add(item.value);
  return [...seen].map((value) => [value]);
}

/** Two items are one when they agree in a key and no key tells them apart; keys of one then stand for both. */
function unifyValues(list: string[][]): void {
  for (let i = 0; i < list.length; i++) {
    // What this one was before it met the others: kustomize holds them all against that.
    const own = list[i] ?? [];
    for (let j = 0; j < list.length; j++) {
      const both = unified(own, list[j] ?? []);
      if (both === undefined) continue;
      list[i] = both;
      list[j] = both;
    }
  }
}

function unified(a: readonly string[], b: readonly string[]): string[] | undefined {
  if (a.length !== b.length) return undefined;
  let common = false;
  const out: string[] = [];
  for (let i = 0; i < a.length; i++) {
    const [x = '', y = ''] = [a[i], b[i]];
    if (x === y) common = true;
    else if (x !== '' && y !== '') return undefined;
    out.push(x !== '' ? x : y);
  }
  return common ? out : undefined;
}

/** The keys that any item has, with the values of one item; all keys when none has one. */
function usedKeys(list: readonly string[][], values: readonly string[], keys: readonly string[]): [string[], string[]] {
  const used = new Set<string>();
  for (const one of list) for (const [i, value] of one.entries()) if (value !== '') used.add(keys[i] ?? '');
  if (used.size === 0) return [[...keys], [...values]];
  return [keys.filter((key) => used.has(key)), values.filter((value, i) => value !== '' || used.has(keys[i] ?? ''))];
}

function find(list: Node | undefined, keys: readonly string[], values: readonly string[]): Node | undefined {
  if (list === undefined || list.kind !== SEQUENCE) return undefined;
  const [own, texts] = usedKeys([[...values]], values, keys);
  return findElement(list, own, texts);
}

function mergeByKeys(
  dest: Node,
  patch: Node | undefined,
  keys: readonly string[],
  values: string[][],
  place: Place,
  walk: Walk,
): Node | undefined {
  const added = emptyList();
  const below = { ...place, schema: place.schema?.elements() };
  if (keys.length > 1) unifyValues(values);
  let lastKeys: string[] = [];
  for (const one of values) {
    if (one.length === 0) continue;
    const [own, texts] = usedKeys(values, one, keys);
    lastKeys = own;
    const merged = walk(find(dest, own, texts), find(patch, own, texts), below);
    if (isMissing(merged) || (merged.kind === MAPPING && merged.content.length === 0)) {
      setElement(dest, own, texts, undefined);
      continue;
    }
    own.forEach((key, i) => {
      const text = texts[i] ?? '';
      if (text === '' || fieldOf(merged, key) !== undefined) return;
      if (key === '') setScalar(merged, scalar(text));
      else setField(merged, key, scalar(text));
    });
    setElement(added, own, texts, merged);
  }
  if (values.length === 0) return isMissing(dest) ? undefined : dest;
  return appendOld(added, dest, lastKeys);
}

/** Puts the old items behind those that were merged; those that were merged are replaced where they match. */
function appendOld(into: Node, old: Node, keys: readonly string[]): Node {
  for (const item of old.content) {
    if (keys[0] === '' || keys.length === 0) {
      if (keys.length === 0) fail('no merge key found');
      setElement(into, [''], [item.value], item);
      continue;
    }
    const values: string[] = [];
    for (const key of keys) {
      const found = getField(item, key);
      if (found === undefined) append(into, item);
      else values.push(found.value);
    }
    if (keys.length > 1) setElement(into, keys, values, undefined);
    setElement(into, keys, values, item);
  }
  return into;
}

function matchesAll(item: Node, keys: readonly string[], values: readonly string[]): boolean {
  let found = false;
  for (let i = 0; i < keys.length; i++) {
    if (i < values.length) {
      const [key = '', text = ''] = [keys[i], values[i]];
      if (key === '') {
        expectKind(item, SCALAR);
        found = item.value === text;
      } else found = text === '' ? fieldOf(item, key) !== undefined : matchField(item, key, text) !== undefined;
    }
    if (!found) return false;
  }
  return true;
}

/**
 * Replaces the items that have these keys, or adds one; undefined removes them (kyaml ElementSetter). Empty items are
 * dropped on the way.
 */
function setElement(list: Node, keys: readonly string[], values: readonly string[], element: Node | undefined): void {
  const kept: Node[] = [];
  const byKey = (keys[0] ?? '') !== '' && (values[0] ?? '') !== '';
  let matched = false;
  for (const item of list.content) {
    if (isMissing(item) || (item.kind === MAPPING && item.content.length === 0)) continue;
    if (item.kind !== MAPPING && byKey) {
      kept.push(item);
      continue;
    }
    if (!matchesAll(item, keys, values)) {
      if (values.length > 0) kept.push(item);
      continue;
    }
    matched = true;
    if (element !== undefined) kept.push(element);
  }
  if (!matched && element !== undefined && !isMissing(element)) kept.push(element);
  setContent(list, kept);
}
