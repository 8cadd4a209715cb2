import { Buffer } from 'node:buffer';
import { BAD_PATTERN, type Budget, globMatch } from './glob.ts';
import { TemplateError } from './parse.ts';

/** What stands for a byte that is no part of a whole character. */
export const CUT = '\ufffd';

/** Text as one character a byte, for what counts in bytes. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The other way; each byte of a character that was cut becomes U+FFFD, as in Go. */
function fromBytes(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  if (!text.includes(CUT)) return text;
  const valid = /[\0-\x7f]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/gy;
  let out = '';
  for (let at = 0; at < bytes.length; at = valid.lastIndex) {
    valid.lastIndex = at;
    const found = valid.exec(bytes)?.[0];
    out += found === undefined ? CUT : Buffer.from(found, 'latin1').toString('utf8');
    if (found === undefined) valid.lastIndex = at + 1;
  }
  return out;
}

/** Upper or lower case of each character on its own, as Go maps it: one character stays one. */
function mapCase(text: string, upper: boolean): string {
  return Array.from(text, (c) => {
    const mapped = upper ? c.toUpperCase() : c.toLowerCase();
    if ([...mapped].length === 1) return mapped;
    return !upper && c === '\u0130' ? 'i' : c;
  }).join('');
}

function firstCase(text: string, upper: boolean): string {
  const [first = ''] = text;
  return mapCase(first, upper) + text.slice(first.length);
}

/** A number as Go's Atoi reads it. */
function integer(text: string): number | undefined {
  return /^[-+]?\d{1,18}$/.test(text) ? Number(text) : undefined;
}

function substring(value: string, args: readonly string[]): string {
  const bytes = toBytes(value);
  let from = integer(args[0] ?? '');
  if (from === undefined) return value;
  if (from < 0) from = Math.max(bytes.length + from, 0);
  if (args.length === 1) return fromBytes(bytes.slice(from));
  const length = integer(args[1] ?? '');
  if (length === undefined) return value;
  if (from + length >= bytes.length) return fromBytes(bytes.slice(from));
  if (length < 0) throw new TemplateError(`negative length ${length} in a substring`);
  return fromBytes(bytes.slice(from, from + length));
}

function trimPrefix(value: string, pattern: string, longest: boolean, budget: Budget): string {
  const [bytes, glob] = [toBytes(value), toBytes(pattern)];
  let shortest = -1;
  for (let end = bytes.length; end > 0; end--) {
    const matched = globMatch(glob, bytes.slice(0, end), budget);
    if (matched === BAD_PATTERN) return value;
    if (!matched) continue;
    if (longest) return fromBytes(bytes.slice(end));
    shortest = end;
  }
  return shortest < 0 ? value : fromBytes(bytes.slice(shortest));
}

function reverse(text: string): string {
  return Array.from(text).reverse().join('');
}

function trimSuffix(value: string, pattern: string, longest: boolean, budget: Budget): string {
  return reverse(trimPrefix(reverse(value), reverse(pattern), longest, budget));
}

function replace(value: string, operator: string, args: readonly string[]): string {
  const [from = '', to = ''] = args;
  switch (operator) {
    case '//':
      return from === '' ? to + Array.from(value, (c) => c + to).join('') : value.split(from).join(to);
    case '/#':
      return args.length === 2 && value.startsWith(from) ? to + value.slice(from.length) : value;
    case '/%':
      return args.length === 2 && value.endsWith(from) ? value.slice(0, value.length - from.length) + to : value;
    default: {
      const at = value.indexOf(from);
      return at < 0 ? value : value.slice(0, at) + to + value.slice(at + from.length);
    }
  }
}

/** The value of `${name<operator>args}`. */
export function applyOperator(operator: string, value: string, args: readonly string[], budget: Budget): string {
  switch (operator) {
    case ',':
      return firstCase(value, false);
    case ',,':
      return mapCase(value, false);
    case '^':
      return firstCase(value, true);
    case '^^':
      return mapCase(value, true);
    case '#':
      if (args.length === 0) return String(Buffer.byteLength(value));
      return trimPrefix(value, args[0] ?? '', false, budget);
    case '##':
      return trimPrefix(value, args[0] ?? '', true, budget);
    case '%':
    case '%%':
      return trimSuffix(value, args[0] ?? '', operator === '%%', budget);
    case ':':
      return substring(value, args);
    case '/':
    case '//':
    case '/#':
    case '/%':
      return replace(value, operator, args);
    default:
      return value === '' ? args.join('') : value;
  }
}

/** Operators that give a value where there is none, so that strict mode does not mind. */
export function isDefaultOperator(operator: string): boolean {
  return /^:?[-+=?]$/.test(operator);
}
