import type { MacroName, Node, Operator } from './ast.ts';
import { syntaxError, type Token, tokenize } from './tokens.ts';
import { MAX_INT } from './values.ts';

/** How deep an expression may nest; cel-go's own bound. */
const MAX_DEPTH = 250;

/** Words that may not be names of variables. */
const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else false for function if import in let loop package namespace null return true var void while'.split(
    ' ',
  ),
);
/** Words that may not be names of fields either. */
const KEYWORDS: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null']);

interface Reader {
  readonly tokens: readonly Token[];
  pos: number;
  depth: number;
}

/** Reads an expression, macros expanded. Throws CelErrors with the column. */
export function parse(source: string): Node {
  const r: Reader = { tokens: tokenize(source), pos: 0, depth: 0 };
  const node = expression(r);
  const rest = peek(r);
  if (rest.type !== 'end') unexpected(rest);
  return node;
}

function peek(r: Reader): Token {
  return r.tokens[r.pos] ?? { type: 'end', at: 0 };
}

function unexpected(token: Token): never {
  const what = token.type === 'end' ? 'the end' : token.type === 'value' ? 'a literal' : `'${token.text}'`;
  return syntaxError(token.at, `unexpected ${what}`);
}

/** Whether this symbol (or the word `in`) comes next; it is taken when it does. */
function take(r: Reader, text: string): boolean {
  const token = peek(r);
  const found = (token.type === 'symbol' || (token.type === 'name' && text === 'in')) && token.text === text;
  if (found) r.pos += 1;
  return found;
}

function expect(r: Reader, text: string): void {
  if (!take(r, text)) unexpected(peek(r));
}

function deeper<T>(r: Reader, read: () => T): T {
  r.depth += 1;
  if (r.depth > MAX_DEPTH) syntaxError(peek(r).at, `nests deeper than ${MAX_DEPTH}`);
  const out = read();
  r.depth -= 1;
  return out;
}

function expression(r: Reader): Node {
  return deeper(r, () => {
    const test = chain(r, 'or', '||', () => chain(r, 'and', '&&', () => relation(r)));
    if (!take(r, '?')) return test;
    const then = chain(r, 'or', '||', () => chain(r, 'and', '&&', () => relation(r)));
    expect(r, ':');
    return { op: 'choose', test, then, otherwise: expression(r), at: test.at };
  });
}

function chain(r: Reader, op: 'and' | 'or', symbol: string, next: () => Node): Node {
  const first = next();
  const args = [first];
  while (take(r, symbol)) args.push(next());
  return args.length === 1 ? first : { op, args, at: first.at };
}

const RELATIONS: readonly Operator[] = ['==', '!=', '<=', '>=', '<', '>', 'in'];

function relation(r: Reader): Node {
  return binary(r, RELATIONS, () => binary(r, ['+', '-'], () => binary(r, ['*', '/', '%'], () => unary(r))));
}

function binary(r: Reader, names: readonly Operator[], next: () => Node): Node {
  const before = r.depth;
  let left = next();
  for (;;) {
    const name = names.find((one) => take(r, one));
    if (name === undefined) break;
    r.depth += 1;
    if (r.depth > MAX_DEPTH) syntaxError(peek(r).at, `nests deeper than ${MAX_DEPTH}`);
    left = { op: 'operator', name, args: [left, next()], at: left.at };
  }
  r.depth = before;
  return left;
}

function unary(r: Reader): Node {
  const { at } = peek(r);
  if (take(r, '!')) return deeper(r, () => ({ op: 'operator', name: '!', args: [unary(r)], at }));
  if (!take(r, '-')) return member(r);
  const token = peek(r);
  if (token.type === 'value' && (typeof token.value === 'bigint' || typeof token.value === 'number')) {
    r.pos += 1;
    return members(r, { op: 'literal', value: -token.value, at });
  }
  return deeper(r, () => ({ op: 'operator', name: '-', args: [unary(r)], at }));
}

function member(r: Reader): Node {
  return members(r, primary(r));
}

function members(r: Reader, first: Node): Node {
  const before = r.depth;
  let node = first;
  for (;;) {
    r.depth += 1;
    if (r.depth > MAX_DEPTH) syntaxError(peek(r).at, `nests deeper than ${MAX_DEPTH}`);
    if (take(r, '.')) node = field(r, node);
    else if (take(r, '[')) {
      const optional = take(r, '?');
      const key = expression(r);
      expect(r, ']');
      node = { op: 'index', of: node, key, optional, at: node.at };
    } else break;
  }
  r.depth = before;
  return node;
}

function field(r: Reader, of: Node): Node {
  const optional = take(r, '?');
  const token = peek(r);
  if (token.type !== 'name' || KEYWORDS.has(token.text)) unexpected(token);
  r.pos += 1;
  if (optional || !take(r, '(')) return { op: 'select', of, field: token.text, optional, at: of.at };
  const args = list(r, ')');
  return macroOf(token.text, of, args) ?? { op: 'call', name: token.text, target: of, args, at: token.at };
}

function primary(r: Reader): Node {
  const token = peek(r);
  if (token.type === 'end') unexpected(token);
  r.pos += 1;
  const { at } = token;
  if (token.type === 'value') {
    if (typeof token.value === 'bigint' && token.value > MAX_INT) syntaxError(at, 'invalid int literal');
    return { op: 'literal', value: token.value, at };
  }
  if (token.type === 'name') return named(r, token.text, at);
  if (token.text === '(') {
    const inner = expression(r);
    expect(r, ')');
    return inner;
  }
  if (token.text === '[') return { op: 'list', items: items(r), at };
  if (token.text === '{') return { op: 'map', entries: entries(r), at };
  const next = peek(r);
  if (token.text !== '.' || next.type !== 'name') unexpected(token);
  r.pos += 1;
  return named(r, next.text, next.at);
}

function named(r: Reader, name: string, at: number): Node {
  if (name === 'true' || name === 'false') return { op: 'literal', value: name === 'true', at };
  if (name === 'null') return { op: 'literal', value: null, at };
  if (RESERVED.has(name)) syntaxError(at, `reserved identifier: ${name}`);
  if (!take(r, '(')) return { op: 'name', name, at };
  const args = list(r, ')');
  const [only] = args;
  if (name !== 'has' || args.length !== 1 || only === undefined) return { op: 'call', name, args, at };
  if (only.op !== 'select') syntaxError(only.at, 'invalid argument to has() macro');
  return { ...only, op: 'has' };
}

/** Expressions between commas, up to the closing symbol. */
function list(r: Reader, close: string): readonly Node[] {
  const out: Node[] = [];
  if (take(r, close)) return out;
  do out.push(expression(r));
  while (take(r, ','));
  expect(r, close);
  return out;
}

function items(r: Reader): { readonly value: Node; readonly optional: boolean }[] {
  const out: { value: Node; optional: boolean }[] = [];
  if (take(r, ',')) expect(r, ']');
  else
    for (;;) {
      if (take(r, ']')) return out;
      const optional = take(r, '?');
      out.push({ value: expression(r), optional });
      if (take(r, ',')) continue;
      expect(r, ']');
      return out;
    }
  return out;
}

function entries(r: Reader): { readonly key: Node; readonly value: Node; readonly optional: boolean }[] {
  const out: { key: Node; value: Node; optional: boolean }[] = [];
  if (take(r, ',')) expect(r, '}');
  else
    for (;;) {
      if (take(r, '}')) return out;
      const optional = take(r, '?');
      const key = expression(r);
      expect(r, ':');
      out.push({ key, value: expression(r), optional });
      if (take(r, ',')) continue;
      expect(r, '}');
      return out;
    }
  return out;
}

const MACROS: ReadonlyMap<string, readonly number[]> = new Map([
  ['all', [2]],
  ['exists', [2]],
  ['exists_one', [2]],
  ['map', [2, 3]],
  ['filter', [2]],
  ['optMap', [2]],
  ['optFlatMap', [2]],
]);

function macroOf(name: string, range: Node, args: readonly Node[]): Node | undefined {
  const [variable, second, third] = args;
  if (MACROS.get(name)?.includes(args.length) !== true || variable === undefined || second === undefined)
    return undefined;
  if (variable.op !== 'name') syntaxError(variable.at, `argument of ${name}() must be a simple name`);
  const parts = third === undefined ? { body: second } : { filter: second, body: third };
  return { op: 'macro', name: name as MacroName, range, variable: variable.name, ...parts, at: range.at };
}
