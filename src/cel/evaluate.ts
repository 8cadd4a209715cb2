import type { Node } from './ast.ts';
import { fail, noOverload, spend } from './errors.ts';
import { overloadsOf } from './functions.ts';
import { logical, type Scope, test } from './logic.ts';
import { runMacro } from './macros.ts';
import { operate } from './operators.ts';
import type { Type } from './types.ts';
import { CelList, CelMap, keyOf, listOf, Optional, TypeValue, typeName, Uint, type Value } from './values.ts';

/** Names that stand for types. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  'bool',
  'bytes',
  'double',
  'google.protobuf.Duration',
  'google.protobuf.Timestamp',
  'int',
  'list',
  'map',
  'null_type',
  'optional_type',
  'string',
  'type',
  'uint',
]);

/** The value of an expression. Throws CelErrors, and OverBudget. */
export function evaluate(node: Node, scope: Scope): Value {
  spend(scope.budget, 1);
  switch (node.op) {
    case 'literal':
      return node.value;
    case 'name':
      return named(node.name, scope);
    case 'select':
      return select(node, scope);
    case 'has':
      return present(node, scope);
    case 'index':
      return index(evaluate(node.of, scope), evaluate(node.key, scope), node.optional);
    case 'call':
      return call(node, scope);
    case 'operator':
      return operate(
        node.name,
        node.args.map((arg) => evaluate(arg, scope)),
        scope.budget,
      );
    case 'and':
    case 'or':
      return logical(node.args, { decides: node.op === 'or', budget: scope.budget }, (arg) => evaluate(arg, scope));
    case 'choose':
      return evaluate(test(evaluate(node.test, scope)) ? node.then : node.otherwise, scope);
    case 'list':
      return listLiteral(node, scope);
    case 'map':
      return mapLiteral(node, scope);
    case 'macro':
      return runMacro(node, scope, evaluate);
  }
}

function named(name: string, scope: Scope): Value {
  const value = scope.variable(name);
  if (value !== undefined) return value;
  return TYPE_NAMES.has(name) ? new TypeValue(name) : fail(`no such attribute(s): ${name}`);
}

/** `a.b.c` where an expression is nothing but names. */
export function pathOf(node: Node): string | undefined {
  if (node.op === 'name') return node.name;
  if (node.op !== 'select' || node.optional) return undefined;
  const before = pathOf(node.of);
  return before === undefined ? undefined : `${before}.${node.field}`;
}

type Select = Extract<Node, { op: 'select' }>;

function select(node: Select, scope: Scope): Value {
  const path = pathOf(node);
  if (path !== undefined && TYPE_NAMES.has(path) && scope.variable(path.slice(0, path.indexOf('.'))) === undefined)
    return new TypeValue(path);
  return index(evaluate(node.of, scope), node.field, node.optional, true);
}

function present(node: Extract<Node, { op: 'has' }>, scope: Scope): Value {
  const of = evaluate(node.of, scope);
  const map = of instanceof Optional ? of.value : of;
  if (map === undefined) return false;
  if (map instanceof CelList) return noSuchKey(node.field);
  return map instanceof CelMap && map.get(node.field) !== undefined;
}

function noSuchKey(key: Value): never {
  return fail(`no such key: ${typeof key === 'string' || typeof key === 'bigint' ? key : typeName(key)}`);
}

/** `a.b` (a field) and `a[b]`. Of an optional the answer is an optional, too; so it is when that is asked for. */
function index(of: Value, key: Value, optional: boolean, field = false): Value {
  if (of instanceof Optional) return of.value === undefined ? of : new Optional(found(of.value, key, field));
  if (optional && !(of instanceof CelMap) && !(of instanceof CelList)) return new Optional(undefined);
  const value = found(of, key, field);
  if (optional) return new Optional(value);
  if (value !== undefined) return value;
  return of instanceof CelList ? fail(`index out of bounds: ${String(key)}`) : noSuchKey(key);
}

/** What is there; undefined where the map or list has no such place. */
function found(of: Value, key: Value, field: boolean): Value | undefined {
  if (of instanceof CelMap) return of.get(key);
  if (field) return fail(`no such key: ${String(key)}`);
  if (!(of instanceof CelList)) return noOverload('_[_]');
  const at = key instanceof Uint ? key.value : key;
  const whole = typeof at === 'number' && Number.isInteger(at) ? BigInt(at) : at;
  if (typeof whole !== 'bigint')
    return fail(
      typeof at === 'number'
        ? `unsupported index value ${at} in list`
        : `unsupported index type '${typeName(at)}' in list`,
    );
  return whole < 0n || whole >= BigInt(of.size) ? undefined : of.at(Number(whole));
}

type Call = Extract<Node, { op: 'call' }>;

/** The function's name with its namespace, and what it is called with. */
export function calleeOf(node: Call): {
  readonly name: string;
  readonly args: readonly Node[];
  readonly member: boolean;
} {
  const space = node.target === undefined ? undefined : pathOf(node.target);
  const qualified = space === undefined ? '' : `${space}.${node.name}`;
  if (qualified !== '' && overloadsOf(qualified).length > 0) return { name: qualified, args: node.args, member: false };
  return node.target === undefined
    ? { name: node.name, args: node.args, member: false }
    : { name: node.name, args: [node.target, ...node.args], member: true };
}

function call(node: Call, scope: Scope): Value {
  const { name, args } = calleeOf(node);
  const [first, second] = args;
  if ((name === 'or' || name === 'orValue') && first !== undefined && second !== undefined && args.length === 2) {
    const left = evaluate(first, scope);
    return left instanceof Optional ? alternative(name, left, () => evaluate(second, scope)) : left;
  }
  const overloads = overloadsOf(name);
  if (overloads.length === 0) return noOverload(name);
  const values = args.map((arg) => evaluate(arg, scope));
  const overload = overloads.find(
    ({ params }) => params.length === values.length && params.every((param, i) => isOf(param, values[i] ?? null)),
  );
  return overload === undefined
    ? noOverload(`${name}(${values.map(typeName).join(', ')})`)
    : overload.run(values, scope.budget);
}

function alternative(name: 'or' | 'orValue', left: Optional, right: () => Value): Value {
  if (left.value !== undefined) return name === 'or' ? left : left.value;
  const other = right();
  return name === 'orValue' || other instanceof Optional ? other : noOverload('or');
}

/** Whether a value is of a type, as far as it shows without looking into it. */
function isOf(wanted: Type, value: Value): boolean {
  return wanted.name === 'dyn' || /^[A-Z]$/.test(wanted.name) || wanted.name === typeName(value);
}

function listLiteral(node: Extract<Node, { op: 'list' }>, scope: Scope): Value {
  const out: Value[] = [];
  for (const { value, optional } of node.items) {
    const item = evaluate(value, scope);
    const kept = optional ? unwrap(item) : item;
    if (kept !== undefined) out.push(kept);
  }
  return listOf(out);
}

/** What an optional item of a literal holds; undefined leaves it out. */
function unwrap(item: Value): Value | undefined {
  return item instanceof Optional
    ? item.value
    : fail(`cannot initialize optional list element from non-optional value`);
}

function mapLiteral(node: Extract<Node, { op: 'map' }>, scope: Scope): Value {
  const out = new Map<string, readonly [Value, Value]>();
  for (const { key, value, optional } of node.entries) {
    const name = evaluate(key, scope);
    const item = evaluate(value, scope);
    const id = keyOf(name);
    if (id === undefined) return fail(`unsupported key type: ${typeName(name)}`);
    const kept = optional ? unwrap(item) : item;
    if (kept !== undefined) out.set(id, [name, kept]);
  }
  return new CelMap(out);
}
