import { bracket, classEscape, literal } from './re2-class.ts';
import { type Accepts, type Flags, peek, type Reader, rest, syntaxError } from './re2-reader.ts';

export type Expr =
  | { readonly type: 'empty' }
  | { readonly type: 'char'; readonly accepts: Accepts }
  | { readonly type: 'assert'; readonly kind: string }
  | { readonly type: 'concat'; readonly parts: readonly Expr[] }
  | { readonly type: 'alternate'; readonly parts: readonly Expr[] }
  | { readonly type: 'repeat'; readonly part: Expr; readonly min: number; readonly max: number };

const MAX_DEPTH = 200;
/** RE2's own bound of a counted repetition. */
const MAX_REPEAT = 1000;

/** Parses RE2 syntax: no look-around, no back references. */
export function parsePattern(source: string): Expr {
  const flags = { fold: false, multi: false, dotAll: false };
  const r: Reader = { source, chars: Array.from(source), pos: 0, depth: 0, flags };
  const expr = alternation(r);
  if (r.pos < r.chars.length) syntaxError('unexpected )', source);
  return expr;
}

function alternation(r: Reader): Expr {
  if (++r.depth > MAX_DEPTH) syntaxError('expression nests too deeply', r.source);
  const parts: Expr[] = [concatenation(r)];
  while (peek(r) === '|') {
    r.pos++;
    parts.push(concatenation(r));
  }
  r.depth--;
  return parts.length === 1 ? (parts[0] as Expr) : { type: 'alternate', parts };
}

function concatenation(r: Reader): Expr {
  const parts: Expr[] = [];
  while (r.pos < r.chars.length && peek(r) !== '|' && peek(r) !== ')') {
    const start = r.pos;
    const atom = atomOf(r);
    if (atom !== undefined) parts.push(repeated(r, atom, start));
  }
  if (parts.length === 0) return { type: 'empty' };
  return parts.length === 1 ? (parts[0] as Expr) : { type: 'concat', parts };
}

function repeated(r: Reader, atom: Expr, start: number): Expr {
  const from = r.pos;
  const counts = quantifier(r);
  if (counts === undefined) return atom;
  const [min, max] = counts;
  if (min > MAX_REPEAT || max > MAX_REPEAT || (max >= 0 && min > max))
    syntaxError('invalid repeat count', r.chars.slice(from, r.pos).join(''));
  if (peek(r) === '?') r.pos++;
  const again = r.pos;
  if (quantifier(r) !== undefined)
    syntaxError('invalid nested repetition operator', r.chars.slice(from, r.pos).join(''));
  r.pos = again;
  if (sizeOf(atom) * Math.max(min, max, 1) > 10_000)
    syntaxError('invalid repeat count', r.chars.slice(start, r.pos).join(''));
  return { type: 'repeat', part: atom, min, max };
}

function sizeOf(expr: Expr): number {
  if (expr.type === 'concat' || expr.type === 'alternate') return expr.parts.reduce((n, part) => n + sizeOf(part), 1);
  if (expr.type === 'repeat') return sizeOf(expr.part) * Math.max(expr.min, expr.max, 1) + 1;
  return 1;
}

/** A repetition, or undefined; `{` that is no count is a literal. */
function quantifier(r: Reader): readonly [number, number] | undefined {
  const c = peek(r);
  if (c === '*' || c === '+' || c === '?') {
    r.pos++;
    return [c === '+' ? 1 : 0, c === '?' ? 1 : -1];
  }
  if (c !== '{') return undefined;
  const m = /^\{(\d+)(,?)(\d*)\}/.exec(r.chars.slice(r.pos, r.pos + 24).join(''));
  if (m === null) return undefined;
  r.pos += m[0].length;
  const min = Number(m[1]);
  if (m[2] === '') return [min, min];
  return [min, m[3] === '' ? -1 : Number(m[3])];
}

/** One atom; undefined for a group of flags alone. */
function atomOf(r: Reader): Expr | undefined {
  const c = peek(r);
  r.pos++;
  switch (c) {
    case '(':
      return group(r);
    case '[':
      return { type: 'char', accepts: bracket(r) };
    case '.':
      return { type: 'char', accepts: r.flags.dotAll ? () => true : (code) => code !== 10 };
    case '^':
      return { type: 'assert', kind: r.flags.multi ? 'line-start' : 'start' };
    case '$':
      return { type: 'assert', kind: r.flags.multi ? 'line-end' : 'end' };
    case '*':
    case '+':
    case '?':
      return syntaxError('missing argument to repetition operator', c);
    case '\\':
      return escaped(r);
    default:
      return { type: 'char', accepts: literal(c.codePointAt(0) ?? 0, r.flags.fold) };
  }
}

function group(r: Reader): Expr | undefined {
  const outer = r.flags;
  if (peek(r) === '?') {
    const text = rest(r, r.pos - 1);
    const named = /^\(\?P?<(\w+)>/.exec(text);
    const flagged = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(text);
    if (named !== null) r.pos += [...named[0]].length - 1;
    else if (flagged !== null && flagged[0] !== '(?)') {
      r.pos += [...flagged[0]].length - 1;
      r.flags = withFlags(outer, flagged[1] ?? '', flagged[2] ?? '');
      if (flagged[3] === ')') return undefined;
    } else syntaxError('invalid or unsupported Perl syntax', `${text.slice(0, 3)}`);
  }
  const inner = alternation(r);
  if (peek(r) !== ')') syntaxError('missing closing )', r.source);
  r.pos++;
  r.flags = outer;
  return inner;
}

function withFlags(flags: Flags, on: string, off: string): Flags {
  const pick = (letter: string, old: boolean): boolean => (on.includes(letter) || old) && !off.includes(letter);
  return { fold: pick('i', flags.fold), multi: pick('m', flags.multi), dotAll: pick('s', flags.dotAll) };
}

const ASSERTS: Readonly<Record<string, string>> = { A: 'start', z: 'end', b: 'word', B: 'not-word' };

function escaped(r: Reader): Expr {
  const c = peek(r);
  const kind = Object.hasOwn(ASSERTS, c) ? ASSERTS[c] : undefined;
  if (kind !== undefined) {
    r.pos++;
    return { type: 'assert', kind };
  }
  if (c === 'Q') {
    const [, quoted = ''] = /^Q(.*?)(?:\\E|$)/s.exec(rest(r)) ?? [];
    r.pos = Math.min(r.chars.length, r.pos + 1 + [...quoted].length + 2);
    const parts = Array.from(
      quoted,
      (q): Expr => ({ type: 'char', accepts: literal(q.codePointAt(0) ?? 0, r.flags.fold) }),
    );
    return parts.length === 0 ? { type: 'empty' } : { type: 'concat', parts };
  }
  return { type: 'char', accepts: classEscape(r) };
}
