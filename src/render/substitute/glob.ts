import { TemplateError } from './parse.ts';

/** Steps that matching of one template may take; only patterns made to be slow come near it. */
const MAX_STEPS = 20_000_000;

/** Counts the work of one evaluation. */
export interface Budget {
  left: number;
}

export function makeBudget(): Budget {
  return { left: MAX_STEPS };
}

function spend(budget: Budget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throw new TemplateError('a pattern takes too long: make the value or the pattern shorter');
}

/** A pattern that is broken; trimming then changes nothing. */
export const BAD_PATTERN = 'bad pattern';

interface Chunk {
  readonly star: boolean;
  readonly text: string;
  readonly rest: string;
}

function nextChunk(pattern: string): Chunk {
  let i = 0;
  while (pattern.charAt(i) === '*') i++;
  const star = i > 0;
  const start = i;
  let inside = false;
  for (; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    if (c === '\\') i = Math.min(i + 1, pattern.length - 1);
    else if (c === '[') inside = true;
    else if (c === ']') inside = false;
    else if (c === '*' && !inside) break;
  }
  return { star, text: pattern.slice(start, i), rest: pattern.slice(i) };
}

/** Matches a whole name against a shell pattern in which `*` also crosses slashes; both are bytes in a string. */
export function globMatch(pattern: string, name: string, budget: Budget): boolean | typeof BAD_PATTERN {
  let left = pattern;
  let text = name;
  while (left !== '') {
    const chunk = nextChunk(left);
    left = chunk.rest;
    if (chunk.star && chunk.text === '') return true;
    const after = step(chunk, text, left === '', budget);
    if (typeof after !== 'string') return after === undefined ? BAD_PATTERN : false;
    text = after;
  }
  return text === '';
}

/** What is left after a chunk; false when it does not match, undefined when it is broken. */
function step(chunk: Chunk, text: string, last: boolean, budget: Budget): string | false | undefined {
  const first = matchChunk(chunk.text, text, budget);
  if (typeof first === 'string' && (first === '' || !last)) return first;
  if (first === undefined) return undefined;
  if (!chunk.star) return false;
  for (let i = 0; i < text.length; i++) {
    const after = matchChunk(chunk.text, text.slice(i + 1), budget);
    if (after === undefined) return undefined;
    if (after === false || (last && after !== '')) continue;
    return after;
  }
  return false;
}

/** Width of the UTF-8 character at the start of bytes; a broken one is one byte wide. */
function width(text: string): number {
  const c = text.charCodeAt(0);
  const n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
  for (let i = 1; i < n; i++) if ((text.charCodeAt(i) & 0xc0) !== 0x80) return 1;
  return n > text.length ? 1 : n;
}

function matchChunk(pattern: string, name: string, budget: Budget): string | false | undefined {
  let chunk = pattern;
  let text = name;
  while (chunk !== '') {
    spend(budget, 1);
    if (text === '') return false;
    const c = chunk.charAt(0);
    if (c === '[') {
      const n = width(text);
      const set = matchSet(chunk.slice(1), text.slice(0, n));
      if (set === undefined) return undefined;
      if (!set.matches) return false;
      text = text.slice(n);
      chunk = set.rest;
      continue;
    }
    if (c === '?') text = text.slice(width(text));
    else {
      if (c === '\\') chunk = chunk.slice(1);
      if (chunk === '') return undefined;
      if (chunk.charAt(0) !== text.charAt(0)) return false;
      text = text.slice(1);
    }
    chunk = chunk.slice(1);
  }
  return text;
}

function matchSet(pattern: string, char: string): { matches: boolean; rest: string } | undefined {
  const negated = pattern.startsWith('^');
  let chunk = negated ? pattern.slice(1) : pattern;
  let found = false;
  for (let ranges = 0; ; ranges++) {
    if (ranges > 0 && chunk.startsWith(']')) return { matches: found !== negated, rest: chunk.slice(1) };
    const low = setChar(chunk);
    if (low === undefined) return undefined;
    chunk = low.rest;
    let high = low.char;
    if (chunk.startsWith('-')) {
      const upper = setChar(chunk.slice(1));
      if (upper === undefined) return undefined;
      high = upper.char;
      chunk = upper.rest;
    }
    // Bytes of UTF-8 compare as the characters do.
    if (low.char <= char && char <= high) found = true;
  }
}

function setChar(pattern: string): { char: string; rest: string } | undefined {
  if (pattern === '' || pattern.startsWith('-') || pattern.startsWith(']')) return undefined;
  const chunk = pattern.startsWith('\\') ? pattern.slice(1) : pattern;
  if (chunk === '') return undefined;
  const n = width(chunk);
  if (n === 1 && chunk.charCodeAt(0) >= 0x80) return undefined;
  return n === chunk.length ? undefined : { char: chunk.slice(0, n), rest: chunk.slice(n) };
}
