import { byCodeUnit } from '../model/index.ts';
import { type Budget, fail, spend } from './errors.ts';
import { exponentText, plainText } from './numbers.ts';
import { durationText, timestampText } from './time.ts';
import { CelList, CelMap, Duration, Timestamp, TypeValue, typeName, Uint, type Value } from './values.ts';

/** Most digits behind the point that a clause may ask for. */
const MOST_DIGITS = 1_000;
const CLAUSE = /%(?:%|(?:\.(\d{1,9}))?([\s\S]?))/g;

/** `'%s: %d'.format([...])`: the clauses s d f e b o x X. */
export function format(text: string, args: CelList, budget: Budget): string {
  spend(budget, text.length);
  let next = 0;
  return text.replace(CLAUSE, (whole, digits: string | undefined, verb: string | undefined) => {
    if (whole === '%%') return '%';
    const value = args.at(next);
    if (value === undefined) return fail(`index ${next} out of range`);
    next += 1;
    const precision = digits === undefined ? undefined : Number(digits);
    if (precision !== undefined && precision > MOST_DIGITS) return fail(`precision ${precision} is too large`);
    const out = clause(verb ?? '', value, precision, budget);
    spend(budget, out.length);
    return out;
  });
}

function clause(verb: string, value: Value, precision: number | undefined, budget: Budget): string {
  switch (verb) {
    case 's':
      return textOf(value, budget);
    case 'd':
      return decimal(value);
    case 'f':
      return fixed(numberOf('fixed-point', value), precision ?? 6);
    case 'e':
      return scientific(numberOf('scientific', value), precision ?? 6);
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : based('binary', value, 2);
    case 'o':
      return based('octal', value, 8);
    case 'x':
    case 'X': {
      const hex =
        typeof value === 'string' || value instanceof Uint8Array
          ? Buffer.from(value as string).toString('hex')
          : based('hex', value, 16);
      return verb === 'X' ? hex.toUpperCase() : hex;
    }
    default:
      return fail(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function wrong(what: string, takes: string, value: Value): never {
  return fail(`error during formatting: ${what} clause can only be used on ${takes}, was given ${typeName(value)}`);
}

function decimal(value: Value): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  return typeof value === 'number'
    ? (doubleWord(value) ?? plainText(value))
    : wrong('decimal', 'ints, uints, and doubles', value);
}

/** NaN and the infinities have names of their own. */
function doubleWord(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? undefined : value > 0 ? 'Infinity' : '-Infinity';
}

function numberOf(what: string, value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint ? Number(value.value) : wrong(what, 'ints, uints, and doubles', value);
}

function fixed(value: number, digits: number): string {
  return doubleWord(value) ?? exactFixed(value, digits);
}

/** Rounds the exact binary value half to even, as Go does; JavaScript's toFixed ends at 100 digits and 1e21. */
function exactFixed(value: number, digits: number): string {
  const [numerator, denominator] = ratio(Math.abs(value));
  const text = rounded(numerator * 10n ** BigInt(digits), denominator)
    .toString()
    .padStart(digits + 1, '0');
  const point = text.length - digits;
  return `${value < 0 || Object.is(value, -0) ? '-' : ''}${text.slice(0, point)}${digits > 0 ? `.${text.slice(point)}` : ''}`;
}

/** A double as a fraction of integers. */
function ratio(value: number): readonly [bigint, bigint] {
  let power = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    power += 1;
  }
  return [BigInt(scaled), 1n << BigInt(power)];
}

function scientific(value: number, digits: number): string {
  const word = doubleWord(value);
  if (word !== undefined) return word;
  const [numerator, denominator] = ratio(Math.abs(value));
  let exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1] ?? 0);
  const power = BigInt(Math.abs(digits - exponent));
  const up = digits >= exponent;
  let text = rounded(
    up ? numerator * 10n ** power : numerator,
    up ? denominator : denominator * 10n ** power,
  ).toString();
  if (text.length > digits + 1) exponent += 1;
  text = text.slice(0, digits + 1).padEnd(digits + 1, '0');
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return `${sign}${text[0]}${digits > 0 ? `.${text.slice(1)}` : ''}e${exponentText(exponent)}`;
}

/** A fraction as an integer, half to even. */
function rounded(numerator: bigint, denominator: bigint): bigint {
  const whole = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && whole % 2n === 1n) ? whole + 1n : whole;
}

function based(what: string, value: Value, base: number): string {
  const takes = base === 16 ? 'integers, byte buffers, and strings' : base === 2 ? 'integers and bools' : 'integers';
  if (typeof value === 'bigint') return value.toString(base);
  return value instanceof Uint ? value.value.toString(base) : wrong(what, takes, value);
}

/** A value as `%s` shows it. */
function textOf(value: Value, budget: Budget): string {
  spend(budget, 1);
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return doubleWord(value) ?? plainText(value);
  }
  if (value === null) return 'null';
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof CelList) return `[${[...value].map((item) => textOf(item, budget)).join(', ')}]`;
  if (value instanceof CelMap) return mapText(value, budget);
  return wrong('string', 'strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps', value);
}

function mapText(map: CelMap, budget: Budget): string {
  const lines = [...map.keys()].map((key) => [textOf(key, budget), textOf(map.get(key) ?? null, budget)] as const);
  return `{${lines
    .sort(([a], [b]) => byCodeUnit(a, b))
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')}}`;
}

/** Types that a clause takes; `s` takes any but an optional. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  d: ['int', 'uint', 'double'],
  f: ['int', 'uint', 'double'],
  e: ['int', 'uint', 'double'],
  b: ['int', 'uint', 'bool'],
  o: ['int', 'uint'],
  x: ['int', 'uint', 'string', 'bytes'],
  X: ['int', 'uint', 'string', 'bytes'],
};

/** What is wrong with a format that is written out, given the types of its arguments; '' when nothing is. */
export function formatProblem(text: string, types: readonly string[]): string {
  let next = 0;
  for (const [whole, , verb = ''] of text.matchAll(CLAUSE)) {
    if (whole === '%%') continue;
    if (verb === '') return 'unexpected end of string';
    const given = types[next];
    if (given === undefined) return `index ${next} out of range`;
    next += 1;
    const takes = TAKES[verb];
    if (verb !== 's' && takes === undefined) return `unrecognized formatting clause "${verb}"`;
    const fits = takes === undefined ? given !== 'optional_type' : given === 'dyn' || takes.includes(given);
    if (!fits) return `error during formatting: %${verb} does not take ${given}`;
  }
  return next < types.length
    ? `too many arguments supplied to string.format (expected ${next}, got ${types.length})`
    : '';
}
