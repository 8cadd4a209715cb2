/**
 * How plain scalars become values. `kubernetes` is what sigs.k8s.io/yaml does (YAML 1.1 words, dates stay text): the
 * API server's own reading of configuration. `kustomize` is what kustomize does with resources (`yes` and `on` are
 * text, dates become RFC 3339 text), hence what Flux applies.
 */
export type YamlRules = 'kubernetes' | 'kustomize';

const TRUE_11 = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const FALSE_11 = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);
const TRUE_12 = new Set(['true', 'True', 'TRUE']);
const FALSE_12 = new Set(['false', 'False', 'FALSE']);

/** The boolean that a plain scalar stands for, or undefined. */
export function boolOf(text: string, rules: YamlRules): boolean | undefined {
  if ((rules === 'kubernetes' ? TRUE_11 : TRUE_12).has(text)) return true;
  return (rules === 'kubernetes' ? FALSE_11 : FALSE_12).has(text) ? false : undefined;
}

const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)$/;
const MIN = -(2n ** 63n);
const MAX = 2n ** 64n;

/** The integer that a plain scalar stands for: exact, bigint outside the safe range; undefined when it is none or too large. */
export function intOf(text: string): number | bigint | undefined {
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  if (!INTEGER.test(plain)) return undefined;
  const signed = plain[0] === '-' || plain[0] === '+';
  const body = signed ? plain.slice(1) : plain;
  const octal = body.length > 1 && body[0] === '0' && body[1] !== undefined && body[1] >= '0' && body[1] <= '7';
  const digits = octal ? `0o${body.slice(1)}` : body;
  if (digits.length <= 15) {
    const small = Number(digits);
    return plain[0] === '-' && small !== 0 ? -small : small;
  }
  const big = plain[0] === '-' ? -BigInt(digits.toLowerCase()) : BigInt(digits.toLowerCase());
  if (big < MIN || big >= MAX || (plain[0] === '+' && big >= MAX / 2n)) return undefined;
  return big >= BigInt(Number.MIN_SAFE_INTEGER) && big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : big;
}

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/** The number that a plain scalar stands for; undefined when it is none, or so large that it stays text. */
export function floatOf(text: string): number | undefined {
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  if (!FLOAT.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/** True for the spellings of infinity and not-a-number, which JSON cannot hold. */
export function isNotFinite(text: string): boolean {
  return NOT_FINITE.test(text);
}

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const ZONED = /^(\d{4})-(\d{1,2})-(\d{1,2})[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|([-+])(\d{2}):(\d{2}))$/;
const LOCAL = /^(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?$/;

/** RFC 3339 text of a plain date, as kustomize writes it; undefined when it is none. */
export function dateOf(text: string): string | undefined {
  if (text.length < 8 || text[4] !== '-') return undefined;
  const m = DATE.exec(text) ?? ZONED.exec(text) ?? LOCAL.exec(text);
  if (m === null) return undefined;
  const part = (index: number): number => Number(m[index] ?? '0');
  const [month, day] = [part(2), part(3)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(part(1), month)) return undefined;
  if (part(4) > 23 || part(5) > 59 || part(6) > 59 || part(10) > 23 || part(11) > 59) return undefined;
  const two = (index: number): string => (m[index] ?? '0').padStart(2, '0');
  const fraction = (m[7] ?? '').slice(0, 9).replace(/0+$/, '');
  const zone = m[8] === undefined || m[8] === '+00:00' || m[8] === '-00:00' ? 'Z' : m[8];
  return `${m[1]}-${two(2)}-${two(3)}T${two(4)}:${two(5)}:${two(6)}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
