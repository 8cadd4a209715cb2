/** A value of a document as SOPS sees it. Text is bytes: a decrypted value may be anything. */
export type Scalar =
  | { readonly type: 'str'; readonly bytes: Uint8Array }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  /** RFC 3339, with fractions of seconds where there are any. */
  | { readonly type: 'time'; readonly text: string }
  | { readonly type: 'comment'; readonly text: string }
  | { readonly type: 'null' };

export interface Leaf {
  readonly kind: 'leaf';
  readonly scalar: Scalar;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Value[];
}

/** A map in the order of the document. */
export interface Branch {
  readonly kind: 'branch';
  readonly items: readonly Item[];
}

/** A pair, or a comment between pairs: then `key` is undefined. */
export interface Item {
  readonly key: string | undefined;
  readonly value: Value;
}

export type Value = Leaf | List | Branch;

export const text = (value: string): Leaf => ({ kind: 'leaf', scalar: { type: 'str', bytes: Buffer.from(value) } });

export const leaf = (scalar: Scalar): Leaf => ({ kind: 'leaf', scalar });

/** How values that are no text are spelt. */
interface Spelling {
  readonly float: (value: number) => string;
  readonly bool: (value: boolean) => string;
  readonly none: string;
}

const OF_MAC: Spelling = { float: plainFloat, bool: (value) => (value ? 'True' : 'False'), none: '' };
const OF_TEXT: Spelling = { float: floatText, bool: String, none: '<nil>' };

/** The bytes that the MAC is made of. */
export const macBytes = (scalar: Scalar): Uint8Array => spelt(scalar, OF_MAC);

/** A scalar as text where a format knows only text (SOPS's ValToString). */
export const asText = (scalar: Scalar): Uint8Array => spelt(scalar, OF_TEXT);

function spelt(scalar: Scalar, { float, bool, none }: Spelling): Uint8Array {
  switch (scalar.type) {
    case 'str':
      return scalar.bytes;
    case 'int':
      return Buffer.from(scalar.value.toString());
    case 'float':
      return Buffer.from(float(scalar.value));
    case 'bool':
      return Buffer.from(bool(scalar.value));
    case 'null':
      return Buffer.from(none);
    default:
      return Buffer.from(scalar.text);
  }
}

/** Go's FormatFloat(f, 'f', -1, 64): the shortest digits, never an exponent. */
export function plainFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  const point = Number(exponent) + 1;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return sign + digits.padEnd(point, '0');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return plainFloat(value);
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const exp = Number(exponent);
  // Go's 'G' with the shortest digits: an exponent from seven digits before the point on, or below 1e-4.
  if (value !== 0 && (exp < -4 || exp >= 6))
    return `${mantissa}E${exp < 0 ? '-' : '+'}${String(Math.abs(exp)).padStart(2, '0')}`;
  const plain = plainFloat(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** The value of a key of a map; the first where it stands twice. */
export function itemOf(branch: Branch, key: string): Value | undefined {
  return branch.items.find((item) => item.key === key)?.value;
}
