/** Go's reading and writing of numbers, as far as YAML needs it. Integers outside the safe range are bigint. */

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

function fitted(sign: bigint, digits: string, base: string): number | bigint | undefined {
  const value = BigInt(base + digits);
  if (sign === 1n ? value > MAX_UINT64 : -value < MIN_INT64) return undefined;
  const signed = sign * value;
  return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(signed)
    : signed;
}

const INTEGER = /^([-+]?)(?:(0[xX])([0-9a-fA-F]+)|(0[bB])([01]+)|(0[oO])([0-7]+)|(0)([0-7]+)|([1-9][0-9]*|0))$/;

/** strconv.ParseInt and then ParseUint with base 0: 64 bits, signed or unsigned; undefined when it is none. */
export function parseInteger(text: string): number | bigint | undefined {
  const m = INTEGER.exec(text);
  if (m === null) return undefined;
  const sign = m[1] === '-' ? -1n : 1n;
  let value: number | bigint | undefined;
  const decimal = m[10];
  if (decimal !== undefined && decimal.length < 16) return m[1] === '-' ? 0 - Number(decimal) : Number(decimal);
  if (decimal !== undefined) value = fitted(sign, decimal, '');
  else if (m[3] !== undefined) value = fitted(sign, m[3], '0x');
  else if (m[5] !== undefined) value = fitted(sign, m[5], '0b');
  else value = fitted(sign, m[7] ?? m[9] ?? '', '0o');
  // A plus sign is known to ParseInt alone.
  return m[1] === '+' && typeof value === 'bigint' && value > MAX_INT64 ? undefined : value;
}

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/** A decimal float as YAML writes it; undefined when it is none or too large for a double. */
export function parseFloat64(text: string): number | undefined {
  if (!FLOAT.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * A float as it is once Go has written it as JSON and read that again: whole numbers are integers with the shortest digits
 * that name the float (`12345678901234567000`), where those fit 64 bits.
 */
export function normalFloat(value: number): number | bigint {
  if (!Number.isInteger(value)) return value;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (Math.abs(value) >= 1e21) return value;
  // JavaScript's text for a number below 1e21 is what Go's JSON has for it; BigInt(value) would have the exact digits.
  const big = BigInt(String(value));
  return big >= MIN_INT64 && big <= MAX_UINT64 ? big : value;
}

/** The same, but a zero keeps its minus, as it does in JSON that is text. */
export function signedFloat(value: number): number | bigint {
  return Object.is(value, -0) ? value : normalFloat(value);
}

/** The exponent from which Go writes one: FormatFloat 'g' with the shortest digits. */
const EXPONENT_FROM = 6;

/** Go's FormatFloat(f, 'g', -1, 64): `1e+06`, `0.0001`, `1e-05`. */
export function formatFloat(value: number): string {
  return shortest(value, value.toExponential());
}

/** Go's FormatFloat(f, 'g', -1, 32): the fewest digits that name the same float of 32 bits. */
export function formatFloat32(value: number): string {
  const wanted = Math.fround(value);
  if (!Number.isFinite(wanted)) return wanted > 0 ? '+Inf' : '-Inf';
  for (let digits = 0; digits < 9; digits++) {
    const text = wanted.toExponential(digits);
    if (Math.fround(Number(text)) === wanted) return shortest(wanted, text);
  }
  return formatFloat(wanted);
}

/** Go's FormatFloat(f, 'f', -1, 64): never an exponent. */
export function plainFloat(value: number): string {
  if (value === 0) return zero(value);
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  return expand(mantissa, Number(exponent));
}

function zero(value: number): string {
  return Object.is(value, -0) ? '-0' : '0';
}

function shortest(value: number, exponential: string): string {
  if (value === 0) return zero(value);
  const [mantissa = '', exponent = '0'] = exponential.split('e');
  const exp = Number(exponent);
  if (exp >= -4 && exp < EXPONENT_FROM) return expand(mantissa, exp);
  const sign = exp < 0 ? '-' : '+';
  return `${mantissa}e${sign}${String(Math.abs(exp)).padStart(2, '0')}`;
}

function expand(mantissa: string, exp: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exp < 0) return `${sign}0.${'0'.repeat(-exp - 1)}${digits}`;
  if (digits.length <= exp + 1) return sign + digits.padEnd(exp + 1, '0');
  return `${sign}${digits.slice(0, exp + 1)}.${digits.slice(exp + 1)}`;
}
