import { compilePattern, type Pattern, PatternError } from '../pattern/index.ts';
import { type Budget, fail, spend } from './errors.ts';
import { doubleText, intOfDouble, parseDouble, parseInteger, parseUnsigned, uintOfDouble } from './numbers.ts';
import type { Row } from './overload.ts';
import {
  durationPart,
  durationText,
  parseDuration,
  parseTimestamp,
  TIME_PARTS,
  timePart,
  timestamp,
  timestampText,
} from './time.ts';
import {
  type Bytes,
  bytesOf,
  type CelList,
  type CelMap,
  type Duration,
  MAX_INT,
  type Timestamp,
  TypeValue,
  typeName,
  type Uint,
  uint,
  type Value,
} from './values.ts';

const SECOND = 1_000_000_000n;
const TIME = 'google.protobuf.Timestamp';
const SPAN = 'google.protobuf.Duration';

function textSize([a]: readonly [string], budget: Budget): Value {
  spend(budget, a.length);
  let count = 0n;
  for (const _ of a) count += 1n;
  return count;
}

const sized = ([a]: readonly [CelList | CelMap]): Value => BigInt(a.size);
const itself = ([a]: readonly [Value]): Value => a;

const SIZES: readonly Row[] = ['size(TYPE): int', 'TYPE.size(): int'].flatMap((form): Row[] => [
  [form.replace('TYPE', 'string'), textSize],
  [form.replace('TYPE', 'bytes'), ([a]: readonly [Bytes]) => BigInt(a.length)],
  [form.replace('TYPE', 'list<T>'), sized],
  [form.replace('TYPE', 'map<K, V>'), sized],
]);

function truth([a]: readonly [string]): Value {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(a)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(a)) return false;
  return fail("type conversion error from 'string' to 'bool'");
}

function decoded([a]: readonly [Bytes], budget: Budget): Value {
  spend(budget, a.length);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(a);
  } catch {
    return fail('invalid UTF-8 in bytes, cannot convert to string');
  }
}

/** Types by themselves: `int(x)` and its like. */
const CONVERSIONS: readonly Row[] = [
  ['bool(bool): bool', itself],
  ['bool(string): bool', truth],
  ['bytes(bytes): bytes', itself],
  ['bytes(string): bytes', ([a]: readonly [string]) => bytesOf(a)],
  ['double(double): double', itself],
  ['double(int): double', ([a]: readonly [bigint]) => Number(a)],
  ['double(uint): double', ([a]: readonly [Uint]) => Number(a.value)],
  ['double(string): double', ([a]: readonly [string]) => parseDouble(a)],
  ['int(int): int', itself],
  ['int(uint): int', ([a]: readonly [Uint]) => (a.value > MAX_INT ? fail('integer overflow') : a.value)],
  ['int(double): int', ([a]: readonly [number]) => intOfDouble(a)],
  ['int(string): int', ([a]: readonly [string]) => parseInteger(a)],
  [`int(${TIME}): int`, ([a]: readonly [Timestamp]) => wholeSeconds(a.nanos)],
  [`int(${SPAN}): int`, ([a]: readonly [Duration]) => a.nanos],
  ['uint(uint): uint', itself],
  ['uint(int): uint', ([a]: readonly [bigint]) => uint(a)],
  ['uint(double): uint', ([a]: readonly [number]) => uintOfDouble(a)],
  ['uint(string): uint', ([a]: readonly [string]) => parseUnsigned(a)],
  ['string(string): string', itself],
  ['string(bool): string', ([a]: readonly [boolean]) => String(a)],
  ['string(int): string', ([a]: readonly [bigint]) => String(a)],
  ['string(uint): string', ([a]: readonly [Uint]) => String(a.value)],
  ['string(double): string', ([a]: readonly [number]) => doubleText(a)],
  ['string(bytes): string', decoded],
  [`string(${TIME}): string`, ([a]: readonly [Timestamp]) => timestampText(a)],
  [`string(${SPAN}): string`, ([a]: readonly [Duration]) => durationText(a)],
  [`duration(${SPAN}): ${SPAN}`, itself],
  [`duration(string): ${SPAN}`, ([a]: readonly [string]) => parseDuration(a)],
  [`timestamp(${TIME}): ${TIME}`, itself],
  [`timestamp(string): ${TIME}`, ([a]: readonly [string]) => parseTimestamp(a)],
  [`timestamp(int): ${TIME}`, ([a]: readonly [bigint]) => timestamp(a * SECOND)],
  ['dyn(T): dyn', itself],
  ['type(T): type', ([a]: readonly [Value]) => new TypeValue(typeName(a))],
];

function wholeSeconds(nanos: bigint): bigint {
  return nanos / SECOND - (nanos % SECOND < 0n ? 1n : 0n);
}

/** A pattern of RE2; a CelError where it is none. */
export function patternOf(source: string): Pattern {
  try {
    return compilePattern(source);
  } catch (error) {
    if (error instanceof PatternError) return fail(error.message);
    throw error;
  }
}

function matches([a, b]: readonly [string, string], budget: Budget): Value {
  spend(budget, b.length);
  const pattern = patternOf(b);
  spend(budget, (a.length + 1) * pattern.size);
  return pattern.test(a);
}

function finds(test: (a: string, b: string) => boolean): Row[1] {
  return ([a, b]: readonly [string, string], budget: Budget): Value => {
    spend(budget, a.length + b.length);
    return test(a, b);
  };
}

const TEXTS: readonly Row[] = [
  ['string.contains(string): bool', finds((a, b) => a.includes(b))],
  ['string.startsWith(string): bool', finds((a, b) => a.startsWith(b))],
  ['string.endsWith(string): bool', finds((a, b) => a.endsWith(b))],
  ['string.matches(string): bool', matches],
  ['matches(string, string): bool', matches],
];

const TIMES: readonly Row[] = [
  ...TIME_PARTS.flatMap((name): Row[] => [
    [`${TIME}.${name}(): int`, ([a]: readonly [Timestamp]) => timePart(name, a)],
    [`${TIME}.${name}(string): int`, ([a, zone]: readonly [Timestamp, string]) => timePart(name, a, zone)],
  ]),
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'].map(
    (name): Row => [`${SPAN}.${name}(): int`, ([a]: readonly [Duration]) => durationPart(name, a)],
  ),
];

/** The functions of the CEL specification. */
export const STANDARD: readonly Row[] = [...SIZES, ...CONVERSIONS, ...TEXTS, ...TIMES];
