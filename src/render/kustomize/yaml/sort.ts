/** The order of keys in go-yaml v2: letters after other characters, runs of digits by number. */

const LETTER = /\p{L}/u;
const DIGIT = /\p{Nd}/u;

function isLetter(c: number): boolean {
  if (c < 128) return (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
  return LETTER.test(String.fromCodePoint(c));
}

function isDigit(c: number): boolean {
  if (c < 128) return c >= 48 && c <= 57;
  return DIGIT.test(String.fromCodePoint(c));
}

const ASCII = /^[\0-\x7f]*$/;

function codes(text: string): number[] {
  return Array.from(text, (c) => c.codePointAt(0) ?? 0);
}

/** Compares two keys as go-yaml v2 sorts them. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  if (ASCII.test(a) && ASCII.test(b)) {
    const length = Math.min(a.length, b.length);
    let i = 0;
    while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
    if (i === length) return a.length - b.length;
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (isLetter(x) && isLetter(y)) return x - y;
    return compareAt(i, codes(a), codes(b));
  }
  const [ar, br] = [codes(a), codes(b)];
  const length = Math.min(ar.length, br.length);
  for (let i = 0; i < length; i++) if (ar[i] !== br[i]) return compareAt(i, ar, br);
  return ar.length - br.length;
}

/** Compares at the first place where they differ. */
function compareAt(i: number, a: readonly number[], b: readonly number[]): number {
  const x = a[i] ?? 0;
  const y = b[i] ?? 0;
  const [lx, ly] = [isLetter(x), isLetter(y)];
  if (lx && ly) return x - y;
  if (lx || ly) return ly ? -1 : 1;
  const inNumber = (x === 48 || y === 48) && digitBefore(a, i);
  const [an, ai] = numberAt(a, i, inNumber);
  const [bn, bi] = numberAt(b, i, inNumber);
  if (an !== bn) return an < bn ? -1 : 1;
  if (ai !== bi) return ai - bi;
  return x - y;
}

/** True when a digit other than 0 stands in the run of digits before: then zeros here count. */
function digitBefore(text: readonly number[], i: number): boolean {
  for (let j = i - 1; j >= 0 && isDigit(text[j] ?? 0); j--) if (text[j] !== 48) return true;
  return false;
}

function numberAt(text: readonly number[], from: number, lead: boolean): [bigint, number] {
  let n = lead ? 1n : 0n;
  let i = from;
  for (; i < text.length && isDigit(text[i] ?? 0); i++) n = BigInt.asIntN(64, n * 10n + BigInt((text[i] ?? 0) - 48));
  return [n, i];
}
