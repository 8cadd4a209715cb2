import type { Operator } from './ast.ts';
import { equal, order } from './compare.ts';
import { type Budget, fail, noOverload, spend } from './errors.ts';
import { duration, timestamp } from './time.ts';
import {
  bytesOf,
  CelList,
  CelMap,
  Duration,
  int,
  listOf,
  MIN_INT,
  Timestamp,
  Uint,
  uint,
  type Value,
} from './values.ts';

/** Applies an operator to values. Throws CelErrors. */
export function operate(name: Operator, args: readonly Value[], budget: Budget): Value {
  const [a = null, b] = args;
  if (b === undefined) return name === '!' ? not(a) : negate(a);
  switch (name) {
    case '==':
      return equal(a, b, budget);
    case '!=':
      return !equal(a, b, budget);
    case 'in':
      return within(a, b, budget);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(name, a, b, budget);
    case '+':
      return add(a, b, budget);
    case '-':
      return subtract(a, b);
    default:
      return multiply(name, a, b);
  }
}

function not(a: Value): Value {
  return typeof a === 'boolean' ? !a : noOverload('!_');
}

function negate(a: Value): Value {
  if (typeof a === 'bigint') return int(-a);
  if (typeof a === 'number') return -a;
  return a instanceof Duration ? duration(-a.nanos) : noOverload('-_');
}

function within(a: Value, b: Value, budget: Budget): boolean {
  if (b instanceof CelMap) return b.get(a) !== undefined;
  if (!(b instanceof CelList)) return noOverload('_in_');
  for (const item of b) if (equal(a, item, budget)) return true;
  return false;
}

function compare(name: '<' | '<=' | '>' | '>=', a: Value, b: Value, budget: Budget): boolean {
  const found = order(a, b, budget);
  if (found === undefined) return noOverload(`_${name}_`);
  if (name === '<') return found < 0;
  if (name === '<=') return found <= 0;
  return name === '>' ? found > 0 : found >= 0;
}

function add(a: Value, b: Value, budget: Budget): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return int(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Uint && b instanceof Uint) return uint(a.value + b.value);
  if (typeof a === 'string' && typeof b === 'string') {
    spend(budget, a.length + b.length);
    return a + b;
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    spend(budget, a.length + b.length);
    return bytesOf(Buffer.concat([a, b]));
  }
  if (a instanceof CelList && b instanceof CelList) {
    spend(budget, a.size + b.size);
    return listOf([...a, ...b]);
  }
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos + b.nanos, a.offset);
  return a instanceof Duration && b instanceof Timestamp ? timestamp(a.nanos + b.nanos, b.offset) : noOverload('_+_');
}

function subtract(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return int(a - b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (a instanceof Uint && b instanceof Uint) return uint(a.value - b.value);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Timestamp) return duration(a.nanos - b.nanos);
  return a instanceof Timestamp && b instanceof Duration ? timestamp(a.nanos - b.nanos, a.offset) : noOverload('_-_');
}

function multiply(name: Operator, a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && name !== '%') return name === '*' ? a * b : a / b;
  const ints = typeof a === 'bigint' && typeof b === 'bigint';
  if (!ints && !(a instanceof Uint && b instanceof Uint)) return noOverload(`_${name}_`);
  const [x, y] = ints ? [a, b] : [(a as Uint).value, (b as Uint).value];
  const checked = ints ? int : uint;
  if (name === '*') return checked(x * y);
  if (y === 0n) return fail(name === '/' ? 'division by zero' : 'modulus by zero');
  if (name === '%' && x === MIN_INT && y === -1n) return fail('integer overflow');
  return checked(name === '/' ? x / y : x % y);
}
