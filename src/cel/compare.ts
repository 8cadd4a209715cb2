import { byCodeUnit } from '../model/index.ts';
import { type Budget, fail, spend } from './errors.ts';
import { CelList, CelMap, Duration, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

type Numeric = bigint | number;

/** A number of any type, to compare with one of another. */
function numeric(value: Value): Numeric | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}

/** An int and a double are compared as doubles. */
const alike = (x: Numeric, y: Numeric): boolean => typeof x === typeof y;

function numbers(x: Numeric, y: Numeric): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return fail('NaN values cannot be ordered');
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Deep equality: numbers by value whatever their type, other types never equal each other. Costs a step an item. */
export function equal(a: Value, b: Value, budget: Budget): boolean {
  spend(budget, 1);
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return alike(x, y) ? x === y : Number(x) === Number(y);
  if (typeof a === 'string' && typeof b === 'string') {
    spend(budget, a.length);
    return a === b;
  }
  if (a instanceof CelList && b instanceof CelList) return equalLists(a, b, budget);
  if (a instanceof CelMap && b instanceof CelMap) return equalMaps(a, b, budget);
  if (a instanceof Optional && b instanceof Optional)
    return a.value === undefined || b.value === undefined ? a.value === b.value : equal(a.value, b.value, budget);
  return a === b || equalAtoms(a, b, budget);
}

function equalAtoms(a: Value, b: Value, budget: Budget): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    spend(budget, a.length);
    return Buffer.compare(a, b) === 0;
  }
  if (a instanceof Timestamp && b instanceof Timestamp) return a.nanos === b.nanos;
  if (a instanceof Duration && b instanceof Duration) return a.nanos === b.nanos;
  return a instanceof TypeValue && b instanceof TypeValue && a.name === b.name;
}

function equalLists(a: CelList, b: CelList, budget: Budget): boolean {
  if (a.size !== b.size) return false;
  for (let i = 0; i < a.size; i++) if (!equal(a.at(i) ?? null, b.at(i) ?? null, budget)) return false;
  return true;
}

function equalMaps(a: CelMap, b: CelMap, budget: Budget): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !equal(a.get(key) ?? null, other, budget)) return false;
  }
  return true;
}

/** Below 0, 0 or above 0; undefined where these types have no order between them. */
export function order(a: Value, b: Value, budget: Budget): number | undefined {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return alike(x, y) ? numbers(x, y) : numbers(Number(x), Number(y));
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'string' && typeof b === 'string') {
    spend(budget, Math.min(a.length, b.length));
    // Go compares bytes of UTF-8, which is the order of code points and not of UTF-16.
    return /[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b)
      ? Buffer.compare(Buffer.from(a), Buffer.from(b))
      : byCodeUnit(a, b);
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    spend(budget, Math.min(a.length, b.length));
    return Buffer.compare(a, b);
  }
  const times = (a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration);
  if (!times) return undefined;
  const [m, n] = [a.nanos, b.nanos];
  return m < n ? -1 : m > n ? 1 : 0;
}
