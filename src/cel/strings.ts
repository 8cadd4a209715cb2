import { type Budget, fail, noOverload, spend } from './errors.ts';
import { type CelList, listOf, type Value } from './values.ts';

/** Characters (code points) of a text; positions in CEL count these. */
export function characters(text: string, budget: Budget): readonly string[] {
  spend(budget, text.length);
  return Array.from(text);
}

function outOfRange(index: bigint): never {
  return fail(`index out of range: ${index}`);
}

/** The character at a position; '' right behind the last. */
export function charAt(text: string, index: bigint, budget: Budget): string {
  const all = characters(text, budget);
  return index < 0n || index > BigInt(all.length) ? outOfRange(index) : (all[Number(index)] ?? '');
}

function isAt(all: readonly string[], sought: readonly string[], at: number): boolean {
  return sought.every((c, i) => all[at + i] === c);
}

/** Where a text is found first at or after a position; -1 when it is not. */
export function indexOf(text: string, sought: string, from: bigint, budget: Budget): bigint {
  const [all, part] = [characters(text, budget), characters(sought, budget)];
  if (from < 0n) return outOfRange(from);
  if (part.length === 0) return from;
  for (let i = Number(from); i <= all.length - part.length; i++) {
    spend(budget, part.length);
    if (isAt(all, part, i)) return BigInt(i);
  }
  return -1n;
}

/** Where a text is found last at or before a position (the end without one); -1 when it is not. */
export function lastIndexOf(text: string, sought: string, from: bigint | undefined, budget: Budget): bigint {
  const [all, part] = [characters(text, budget), characters(sought, budget)];
  const start = from ?? BigInt(all.length);
  if (start < 0n) return outOfRange(start);
  if (part.length === 0) return start;
  if (from !== undefined && start >= BigInt(all.length)) return -1n;
  for (let i = Math.min(Number(start), all.length - part.length); i >= 0; i--) {
    spend(budget, part.length);
    if (isAt(all, part, i)) return BigInt(i);
  }
  return -1n;
}

/** From one position up to another. */
export function substring(text: string, start: bigint, end: bigint | undefined, budget: Budget): string {
  const all = characters(text, budget);
  const size = BigInt(all.length);
  const stop = end ?? size;
  if (end !== undefined && start > end) return fail(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > size) return outOfRange(start);
  if (stop < 0n || stop > size) return outOfRange(stop);
  return all.slice(Number(start), Number(stop)).join('');
}

/** Pieces between separators; at most `limit` of them, all when it is negative. */
export function split(text: string, separator: string, limit: bigint, budget: Budget): CelList {
  spend(budget, text.length + 1);
  if (limit === 0n) return listOf([]);
  const pieces = separator === '' ? Array.from(text) : text.split(separator);
  spend(budget, pieces.length);
  if (limit < 0n || BigInt(pieces.length) <= limit) return listOf(pieces);
  const kept = Number(limit) - 1;
  return listOf([...pieces.slice(0, kept), pieces.slice(kept).join(separator)]);
}

/** Replaces the first `limit` finds, all when it is negative. */
export function replace(text: string, from: string, to: string, options: { limit: bigint; budget: Budget }): string {
  const { limit, budget } = options;
  spend(budget, text.length + 1);
  if (limit === 0n) return text;
  const pieces = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const most = pieces.length - 1;
  const times = limit < 0n || limit > BigInt(most) ? most : Number(limit);
  spend(budget, pieces.length + times * to.length);
  return pieces.slice(0, times + 1).join(to) + (times < most ? from + pieces.slice(times + 1).join(from) : '');
}

/** Texts put together with a separator between them. */
export function join(list: CelList, separator: string, budget: Budget): string {
  const parts: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') return noOverload('join');
    spend(budget, item.length + separator.length + 1);
    parts.push(item);
  }
  return parts.join(separator);
}

/** Upper or lower case of ASCII letters only. */
export function ascii(text: string, upper: boolean, budget: Budget): string {
  spend(budget, text.length);
  return upper ? text.replace(/[a-z]/g, (c) => c.toUpperCase()) : text.replace(/[A-Z]/g, (c) => c.toLowerCase());
}

/** Without white space of Unicode at both ends. */
export function trim(text: string, budget: Budget): string {
  spend(budget, text.length);
  const space = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
  let [from, to] = [0, text.length];
  while (from < to && space.test(text[from] ?? '')) from += 1;
  while (to > from && space.test(text[to - 1] ?? '')) to -= 1;
  return text.slice(from, to);
}

const QUOTED: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** A text in quotes, as an expression would write it. */
export function quote(text: string, budget: Budget): Value {
  spend(budget, 2 * text.length + 2);
  return `"${Array.from(text.toWellFormed(), (c) => QUOTED[c] ?? c).join('')}"`;
}
