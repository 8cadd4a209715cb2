import type { Node, Operator } from './ast.ts';
import { fail } from './errors.ts';
import { calleeOf, pathOf, TYPE_NAMES } from './evaluate.ts';
import { formatProblem } from './format.ts';
import { overloadsOf } from './functions.ts';
import { type Bindings, DYN, filled, fits, isDyn, join, parseType, type Type, typeText } from './types.ts';

/** The types of the variables that an expression may use. */
export type Declared = (name: string) => Type | undefined;

const BOOL = parseType('bool');
const INT = parseType('int');
const STRING = parseType('string');
const LIST = parseType('list');

/** The static type of an expression; throws CelErrors on what can never work, as cel-go's Compile does. */
export function check(node: Node, declared: Declared): Type {
  const inner = (child: Node): Type => check(child, declared);
  switch (node.op) {
    case 'literal':
      return literal(node.value);
    case 'name':
      return declared(node.name) ?? (TYPE_NAMES.has(node.name) ? parseType('type') : undeclared(node, node.name));
    case 'select':
      return select(node, declared);
    case 'has':
      member(node, inner(node.of));
      return BOOL;
    case 'index':
      return optional(node.optional, index(node, inner(node.of), inner(node.key)));
    case 'call':
      return call(node, declared);
    case 'operator':
      return operator(node, node.args.map(inner));
    case 'and':
    case 'or':
      for (const arg of node.args) expect(arg, inner(arg), BOOL, node.op === 'and' ? '_&&_' : '_||_');
      return BOOL;
    case 'choose': {
      expect(node.test, inner(node.test), BOOL, '_?_:_');
      const [a, b] = [inner(node.then), inner(node.otherwise)];
      return (
        join(a, b) ?? at(node, `no matching overload for '_?_:_' applied to '(bool, ${typeText(a)}, ${typeText(b)})'`)
      );
    }
    case 'list':
      return {
        name: 'list',
        of: [
          common(
            node.items.map((item) => ({
              node: item.value,
              type: item.optional ? inside(item.value, inner(item.value)) : inner(item.value),
            })),
          ),
        ],
      };
    case 'map':
      return mapType(node, inner);
    case 'macro':
      return macro(node, declared);
  }
}

function at(node: Node, message: string): never {
  return fail(`column ${node.at + 1}: ${message}`);
}

function undeclared(node: Node, name: string): never {
  return at(node, `undeclared reference to '${name}' (in container '')`);
}

function expect(node: Node, given: Type, wanted: Type, name: string): void {
  if (!isDyn(given) && given.name !== wanted.name)
    at(node, `found no matching overload for '${name}' applied to '(${typeText(given)})'`);
}

function literal(value: unknown): Type {
  if (value === null) return parseType('null_type');
  if (value instanceof Uint8Array) return parseType('bytes');
  const names: Readonly<Record<string, string>> = {
    boolean: 'bool',
    bigint: 'int',
    number: 'double',
    string: 'string',
  };
  return parseType(names[typeof value] ?? 'uint');
}

function optional(is: boolean, one: Type): Type {
  return is && one.name !== 'optional_type' ? { name: 'optional_type', of: [one] } : one;
}

/** What an optional item of a literal adds to it. */
function inside(node: Node, one: Type): Type {
  if (isDyn(one)) return one;
  return one.name === 'optional_type' ? (one.of[0] ?? DYN) : at(node, `expected an optional, found '${typeText(one)}'`);
}

function select(node: Extract<Node, { op: 'select' }>, declared: Declared): Type {
  const path = pathOf(node);
  if (path !== undefined && TYPE_NAMES.has(path) && declared(path.slice(0, path.indexOf('.'))) === undefined)
    return parseType('type');
  return optional(node.optional, member(node, check(node.of, declared)));
}

/** The type of a field. */
function member(node: Node, of: Type): Type {
  if (isDyn(of)) return DYN;
  if (of.name === 'map') return of.of[1] ?? DYN;
  if (of.name === 'optional_type') return optional(true, member(node, of.of[0] ?? DYN));
  return at(node, `type '${typeText(of)}' does not support field selection`);
}

function index(node: Node, of: Type, key: Type): Type {
  if (isDyn(of)) return DYN;
  if (of.name === 'optional_type') return optional(true, index(node, of.of[0] ?? DYN, key));
  const wanted = of.name === 'list' ? INT : of.name === 'map' ? (of.of[0] ?? DYN) : undefined;
  if (wanted === undefined || !fits(wanted, key, new Map()))
    return at(node, `found no matching overload for '_[_]' applied to '(${typeText(of)}, ${typeText(key)})'`);
  return of.of[of.name === 'list' ? 0 : 1] ?? DYN;
}

function call(node: Extract<Node, { op: 'call' }>, declared: Declared): Type {
  const callee = calleeOf(node);
  const forms = overloadsOf(callee.name).filter((one) => one.member === callee.member);
  if (forms.length === 0) return undeclared(node, callee.name);
  if (callee.name === 'format' && callee.member) return formatted(callee.args, node, declared);
  const given = callee.args.map((arg) => check(arg, declared));
  const results: Type[] = [];
  for (const form of forms) {
    const bound: Bindings = new Map();
    if (form.params.length === given.length && form.params.every((param, i) => fits(param, given[i] ?? DYN, bound)))
      results.push(filled(form.result, bound));
  }
  const [first] = results;
  if (first === undefined)
    return at(node, `found no matching overload for '${callee.name}' applied to '(${given.map(typeText).join(', ')})'`);
  return results.reduce<Type>((a, b) => join(a, b) ?? DYN, first);
}

/** `format` takes a list of anything; where the text and the list are written out, the one is held against the other. */
function formatted(args: readonly Node[], node: Node, declared: Declared): Type {
  const [text, list] = args;
  if (text === undefined || list === undefined || args.length > 2)
    return at(node, "found no matching overload for 'format'");
  expect(text, check(text, declared), STRING, 'format');
  if (list.op !== 'list') {
    expect(list, check(list, declared), LIST, 'format');
    return STRING;
  }
  const types = list.items.map((item) => loosely(item.value, declared).name);
  const written = text.op === 'literal' && typeof text.value === 'string' ? text.value : undefined;
  const problem = written === undefined ? '' : formatProblem(written, types);
  return problem === '' ? STRING : at(node, problem);
}

/** The type of what may be a literal with items of several types. */
function loosely(node: Node, declared: Declared): Type {
  if (node.op === 'list') for (const item of node.items) loosely(item.value, declared);
  else if (node.op === 'map')
    for (const entry of node.entries) {
      loosely(entry.key, declared);
      loosely(entry.value, declared);
    }
  else return check(node, declared);
  return parseType(node.op);
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'uint', 'double']);
const TIME = 'google.protobuf.Timestamp';
const SPAN = 'google.protobuf.Duration';
/** Operands and result of arithmetic, where they are not all of one type. */
const MIXED: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  '+': [
    [TIME, SPAN, TIME],
    [SPAN, TIME, TIME],
  ],
  '-': [
    [TIME, TIME, SPAN],
    [TIME, SPAN, TIME],
  ],
};
const SAME: Readonly<Record<string, readonly string[]>> = {
  '+': ['int', 'uint', 'double', 'string', 'bytes', 'list', SPAN],
  '-': ['int', 'uint', 'double', SPAN],
  '*': ['int', 'uint', 'double'],
  '/': ['int', 'uint', 'double'],
  '%': ['int', 'uint'],
};
const ORDERED: ReadonlySet<string> = new Set(['bool', 'string', 'bytes', TIME, SPAN]);

function operator(node: Extract<Node, { op: 'operator' }>, given: readonly Type[]): Type {
  const [a = DYN, b] = given;
  const result = b === undefined ? alone(node.name, a) : pair(node.name, a, b);
  const words = { '!': '!_', '-': b === undefined ? '-_' : '_-_', in: '@in' } as Readonly<Record<string, string>>;
  const name = words[node.name] ?? `_${node.name}_`;
  return (
    result ?? at(node, `found no matching overload for '${name}' applied to '(${given.map(typeText).join(', ')})'`)
  );
}

function alone(name: Operator, a: Type): Type | undefined {
  if (name === '!') return isDyn(a) || a.name === 'bool' ? BOOL : undefined;
  return isDyn(a) || a.name === 'int' || a.name === 'double' ? a : undefined;
}

function pair(name: Operator, a: Type, b: Type): Type | undefined {
  if (name === '==' || name === '!=') return join(a, b) === undefined ? undefined : BOOL;
  if (name === 'in')
    return isDyn(b) || ((b.name === 'list' || b.name === 'map') && join(a, b.of[0] ?? DYN) !== undefined)
      ? BOOL
      : undefined;
  if (name.startsWith('<') || name.startsWith('>')) return comparable(a, b) ? BOOL : undefined;
  if (isDyn(a) || isDyn(b)) return halfKnown(name, a, b);
  const mixed = MIXED[name]?.find(([x, y]) => x === a.name && y === b.name);
  if (mixed !== undefined) return parseType(mixed[2]);
  return a.name === b.name && SAME[name]?.includes(a.name) === true ? join(a, b) : undefined;
}

/** One side is only known when it runs. */
function halfKnown(name: Operator, a: Type, b: Type): Type | undefined {
  const known = isDyn(a) ? b : a;
  if (isDyn(known)) return DYN;
  const mixed = (MIXED[name] ?? []).some(([x, y]) => x === a.name || y === b.name);
  if (mixed) return DYN;
  return SAME[name]?.includes(known.name) === true ? (known.name === 'list' ? DYN : known) : undefined;
}

function comparable(a: Type, b: Type): boolean {
  const could = (one: Type): boolean => isDyn(one) || NUMBERS.has(one.name) || ORDERED.has(one.name);
  if (!could(a) || !could(b)) return false;
  return isDyn(a) || isDyn(b) || a.name === b.name || (NUMBERS.has(a.name) && NUMBERS.has(b.name));
}

/** The one type of all items of a literal: mixed ones are refused, as Flux's environment does. */
function common(items: readonly { readonly node: Node; readonly type: Type }[]): Type {
  let out: Type | undefined;
  for (const { node, type } of items) {
    const same = out === undefined || isDyn(out) === isDyn(type);
    const both: Type | undefined = out === undefined ? type : join(out, type);
    if (out !== undefined && (both === undefined || !same))
      return at(node, `expected type '${typeText(out)}' but found '${typeText(type)}'`);
    out = both;
  }
  return out ?? parseType('T');
}

function mapType(node: Extract<Node, { op: 'map' }>, inner: (child: Node) => Type): Type {
  const key = common(node.entries.map((entry) => ({ node: entry.key, type: inner(entry.key) })));
  const value = common(
    node.entries.map((entry) => ({
      node: entry.value,
      type: entry.optional ? inside(entry.value, inner(entry.value)) : inner(entry.value),
    })),
  );
  return { name: 'map', of: [key, node.entries.length === 0 ? parseType('V') : value] };
}

function macro(node: Extract<Node, { op: 'macro' }>, declared: Declared): Type {
  const range = check(node.range, declared);
  const over = node.name === 'optMap' || node.name === 'optFlatMap' ? ['optional_type'] : ['list', 'map'];
  if (!isDyn(range) && !over.includes(range.name))
    return at(node, `expression of type '${typeText(range)}' cannot be range of a comprehension`);
  const item = range.of[0] ?? DYN;
  const within: Declared = (name) => (name === node.variable ? item : declared(name));
  if (node.filter !== undefined) expect(node.filter, check(node.filter, within), BOOL, '_?_:_');
  const body = check(node.body, within);
  switch (node.name) {
    case 'map':
      return { name: 'list', of: [body] };
    case 'optMap':
      return { name: 'optional_type', of: [body] };
    case 'optFlatMap':
      return body;
    case 'filter':
      expect(node.body, body, BOOL, '_?_:_');
      return { name: 'list', of: [item] };
    default:
      expect(node.body, body, BOOL, node.name === 'all' ? '_&&_' : '_||_');
      return BOOL;
  }
}
