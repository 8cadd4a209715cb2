import { isObject, type Json } from '../../model/index.ts';
import { fail } from './errors.ts';
import { goJson } from './generate/hash.ts';
import { type Draft, define } from './yaml/decode.ts';

/*
 * kustomize writes an object as JSON and reads that as YAML before it prints it. JSON is almost YAML; this is the rest.
 */

/** Control characters that YAML cannot carry. */
const UNREADABLE = /[\x7f-\x84\x86-\x9f\ufffe\uffff]/;
/** NEL: a line break in YAML, which JSON does not escape. */
const BREAK = '\x85';
/** A line in a text that begins as a document does. */
const DOCUMENT = /\x85(?:---|\.\.\.)[ \x85]/;
/** Characters that YAML looks back for the beginning of a key. */
const MAX_KEY = 1_024;
/** The longest that one character can become in JSON. */
const MAX_ESCAPE = 6;

/** The object as it is after that; most are the same. Fails where YAML does not read the JSON. */
export function reread(value: Json): Json {
  let hasBreaks = false;
  const stack: Json[] = [value];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (typeof item === 'string') {
      if (UNREADABLE.test(item)) fail('yaml: control characters are not allowed');
      hasBreaks ||= item.includes(BREAK);
    } else if (Array.isArray(item)) for (const one of item as readonly Json[]) stack.push(one);
    else if (isObject(item))
      for (const key of Object.keys(item)) {
        if (!isReadableKey(key)) fail("yaml: did not find expected ',' or '}'");
        stack.push(key, item[key] as Json);
      }
  }
  return hasBreaks ? folded(value) : value;
}

function isReadableKey(key: string): boolean {
  if (key.includes(BREAK)) return false;
  return key.length * MAX_ESCAPE + 2 <= MAX_KEY || [...goJson(key)].length <= MAX_KEY;
}

function folded(value: Json): Json {
  if (typeof value === 'string') return foldedText(value);
  if (Array.isArray(value)) return value.map((item) => folded(item as Json));
  if (!isObject(value)) return value;
  const out: Draft = {};
  for (const key of Object.keys(value)) define(out, key, folded(value[key] as Json));
  return out;
}

/** Line breaks in a quoted text: one is a space, more are one less, and spaces around them are lost. */
function foldedText(text: string): string {
  if (!text.includes(BREAK)) return text;
  if (DOCUMENT.test(text)) fail('yaml: found unexpected document indicator');
  const [first = '', ...lines] = text.split(BREAK);
  let out = trimmed(first, false, true);
  let breaks = 0;
  for (const [i, line] of lines.entries()) {
    const isLast = i === lines.length - 1;
    const rest = trimmed(line, true, !isLast);
    breaks++;
    if (rest === '' && !isLast) continue;
    out += (breaks === 1 ? ' ' : '\n'.repeat(breaks - 1)) + rest;
    breaks = 0;
  }
  return out;
}

/** Without spaces at one end or both. */
function trimmed(text: string, atStart: boolean, atEnd: boolean): string {
  let [start, end] = [0, text.length];
  while (atStart && start < end && text[start] === ' ') start++;
  while (atEnd && end > start && text[end - 1] === ' ') end--;
  return text.slice(start, end);
}
