import { fail } from './errors.ts';
import { MAX_INT, MAX_UINT, MIN_INT, Uint, uint, type Value } from './values.ts';

/** A double as Go's shortest `%g` prints it. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [digits = '0', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= 6)) return `${digits}e${exponentText(exponent)}`;
  return plainText(value);
}

/** `+08`, `-06`: at least two digits. */
export function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** A double without an exponent, in as few digits as tell it apart. */
export function plainText(value: number): string {
  const text = String(value);
  const m = /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(text);
  if (m === null) return text;
  const digits = (m[2] ?? '') + (m[3] ?? '');
  const point = 1 + Number(m[4]);
  if (point <= 0) return `${m[1]}0.${'0'.repeat(-point)}${digits}`;
  return m[1] + digits.padEnd(point, '0');
}

/** `int(x)` of a double: towards zero. */
export function intOfDouble(value: number): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63) return fail('integer overflow');
  return BigInt(Math.trunc(value));
}

/** `uint(x)` of a double: towards zero. */
export function uintOfDouble(value: number): Uint {
  if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) return fail('unsigned integer overflow');
  return uint(BigInt(Math.trunc(value)));
}

const cannot = (to: string): never => fail(`type conversion error from 'string' to '${to}'`);

/** `int(x)` of a text: decimal digits with a sign, as Go's ParseInt reads them. */
export function parseInteger(text: string): bigint {
  if (!/^[-+]?[0-9]{1,64}$/.test(text)) return cannot('int');
  const value = BigInt(text.replace('+', ''));
  return value > MAX_INT || value < MIN_INT ? cannot('int') : value;
}

/** `uint(x)` of a text. */
export function parseUnsigned(text: string): Value {
  if (!/^[0-9]{1,64}$/.test(text)) return cannot('uint');
  const value = BigInt(text);
  return value > MAX_UINT ? cannot('uint') : new Uint(value);
}

/** `double(x)` of a text, as Go's ParseFloat reads it. */
export function parseDouble(text: string): number {
  const word = /^([-+]?)(inf|infinity|nan)$/i.exec(text);
  if (word !== null)
    return word[2]?.toLowerCase() === 'nan'
      ? Number.NaN
      : word[1] === '-'
        ? -Number.POSITIVE_INFINITY
        : Number.POSITIVE_INFINITY;
  if (text.length > 400 || !/^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text))
    return cannot('double');
  const value = Number(text);
  return Number.isFinite(value) ? value : cannot('double');
}
