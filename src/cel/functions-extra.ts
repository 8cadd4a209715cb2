import { equal } from './compare.ts';
import { type Budget, fail, spend } from './errors.ts';
import { format } from './format.ts';
import type { Row } from './overload.ts';
import * as text from './strings.ts';
import {
  type Bytes,
  bytesOf,
  CelList,
  CelMap,
  Duration,
  listOf,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

const NONE = new Optional(undefined);

const STRINGS: readonly Row[] = [
  ['string.charAt(int): string', ([a, i]: readonly [string, bigint], b) => text.charAt(a, i, b)],
  ['string.indexOf(string): int', ([a, s]: readonly [string, string], b) => text.indexOf(a, s, 0n, b)],
  ['string.indexOf(string, int): int', ([a, s, i]: readonly [string, string, bigint], b) => text.indexOf(a, s, i, b)],
  ['string.lastIndexOf(string): int', ([a, s]: readonly [string, string], b) => text.lastIndexOf(a, s, undefined, b)],
  [
    'string.lastIndexOf(string, int): int',
    ([a, s, i]: readonly [string, string, bigint], b) => text.lastIndexOf(a, s, i, b),
  ],
  ['string.lowerAscii(): string', ([a]: readonly [string], b) => text.ascii(a, false, b)],
  ['string.upperAscii(): string', ([a]: readonly [string], b) => text.ascii(a, true, b)],
  ['string.trim(): string', ([a]: readonly [string], b) => text.trim(a, b)],
  ['string.reverse(): string', ([a]: readonly [string], b) => [...text.characters(a, b)].reverse().join('')],
  ['string.substring(int): string', ([a, i]: readonly [string, bigint], b) => text.substring(a, i, undefined, b)],
  [
    'string.substring(int, int): string',
    ([a, i, j]: readonly [string, bigint, bigint], b) => text.substring(a, i, j, b),
  ],
  ['string.split(string): list<string>', ([a, s]: readonly [string, string], b) => text.split(a, s, -1n, b)],
  [
    'string.split(string, int): list<string>',
    ([a, s, n]: readonly [string, string, bigint], b) => text.split(a, s, n, b),
  ],
  [
    'string.replace(string, string): string',
    ([a, from, to]: readonly [string, string, string], budget) => text.replace(a, from, to, { limit: -1n, budget }),
  ],
  [
    'string.replace(string, string, int): string',
    ([a, from, to, limit]: readonly [string, string, string, bigint], budget) =>
      text.replace(a, from, to, { limit, budget }),
  ],
  ['list<string>.join(): string', ([a]: readonly [CelList], b) => text.join(a, '', b)],
  ['list<string>.join(string): string', ([a, s]: readonly [CelList, string], b) => text.join(a, s, b)],
  ['strings:quote(string): string', ([a]: readonly [string], b) => text.quote(a, b)],
  ['string.format(list<dyn>): string', ([a, list]: readonly [string, CelList], b) => format(a, list, b)],
];

/** Whether a list has an item equal to this. */
function has(list: CelList, item: Value, budget: Budget): boolean {
  for (const one of list) if (equal(one, item, budget)) return true;
  return false;
}

const covers = (a: CelList, b: CelList, budget: Budget): boolean => [...b].every((item) => has(a, item, budget));

const SETS: readonly Row[] = [
  ['sets:contains(list<T>, list<T>): bool', ([a, b]: readonly [CelList, CelList], left) => covers(a, b, left)],
  [
    'sets:equivalent(list<T>, list<T>): bool',
    ([a, b]: readonly [CelList, CelList], left) => covers(a, b, left) && covers(b, a, left),
  ],
  [
    'sets:intersects(list<T>, list<T>): bool',
    ([a, b]: readonly [CelList, CelList], left) => [...b].some((item) => has(a, item, left)),
  ],
];

function decode([a]: readonly [string], budget: Budget): Value {
  spend(budget, a.length);
  const packed = a.replace(/[\r\n]/g, '');
  const m = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(packed);
  const size = m?.[1]?.length ?? 0;
  const whole = m !== null && size % 4 !== 1 && (m[2] === '' || packed.length % 4 === 0);
  return whole ? bytesOf(Buffer.from(packed, 'base64')) : fail('illegal base64 data');
}

const ENCODERS: readonly Row[] = [
  [
    'base64:encode(bytes): string',
    ([a]: readonly [Bytes], budget) => {
      spend(budget, 2 * a.length);
      return Buffer.from(a).toString('base64');
    },
  ],
  ['base64:decode(string): bytes', decode],
];

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Optional) return value.value === undefined;
  return value instanceof Timestamp ? value.nanos === ZERO_TIME : value instanceof TypeValue && false;
}

/** The first moment of year 1, which Go calls zero. */
const ZERO_TIME = -62_135_596_800n * 1_000_000_000n;

function held([a]: readonly [Optional]): Value {
  return a.value === undefined ? fail('optional.none() dereference') : a.value;
}

function unwrapped([list]: readonly [CelList], budget: Budget): Value {
  spend(budget, list.size);
  const out: Value[] = [];
  for (const item of list) {
    if (!(item instanceof Optional)) return fail(`value ${String(item)} is not optional`);
    if (item.value !== undefined) out.push(item.value);
  }
  return listOf(out);
}

const OPTIONALS: readonly Row[] = [
  ['optional:of(T): optional_type<T>', ([a]: readonly [Value]) => new Optional(a)],
  ['optional:ofNonZeroValue(T): optional_type<T>', ([a]: readonly [Value]) => (isZero(a) ? NONE : new Optional(a))],
  ['optional:none(): optional_type<T>', () => NONE],
  ['optional:unwrap(list<optional_type<T>>): list<T>', unwrapped],
  ['list<optional_type<T>>.unwrapOpt(): list<T>', unwrapped],
  ['optional_type<T>.hasValue(): bool', ([a]: readonly [Optional]) => a.value !== undefined],
  ['optional_type<T>.value(): T', held],
  [
    'list<T>.first(): optional_type<T>',
    ([a]: readonly [CelList]) => (a.size === 0 ? NONE : new Optional(a.at(0) ?? null)),
  ],
  [
    'list<T>.last(): optional_type<T>',
    ([a]: readonly [CelList]) => (a.size === 0 ? NONE : new Optional(a.at(a.size - 1) ?? null)),
  ],
  // What is not needed is not evaluated: see evaluate.ts.
  ['optional_type<T>.or(optional_type<T>): optional_type<T>', ([a]: readonly [Value]) => a],
  ['optional_type<T>.orValue(T): T', ([a]: readonly [Value]) => a],
];

/** The extensions that Flux's environment has: strings, sets, encoders, optional types. */
export const EXTENSIONS: readonly Row[] = [...STRINGS, ...SETS, ...ENCODERS, ...OPTIONALS];
