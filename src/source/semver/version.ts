/** A version as Flux reads one of a tag: zeros in front are taken, what follows `+` does not count. */
export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** What follows the first `-`; '' for a release. */
  readonly pre: string;
}

/** More is refused before it is looked at. */
const VERSION_CHARS = 256;
const MOST = 2n ** 64n - 1n;
const FORM =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** The version that a tag stands for: three parts between points, a `v` in front allowed. Undefined for any other tag. */
export function versionOf(tag: string): Version | undefined {
  return tag.split('.', 3).length === 3 ? readVersion(tag) : undefined;
}

/** The same where parts may be missing at the end, which are zero then. */
export function readVersion(text: string): Version | undefined {
  const found = text.length > VERSION_CHARS ? null : FORM.exec(text);
  if (found === null) return undefined;
  const [major = 0n, minor = 0n, patch = 0n] = found.slice(1, 4).map((part) => BigInt(part ?? 0));
  const pre = found[4] ?? '';
  if (major > MOST || minor > MOST || patch > MOST) return undefined;
  return pre.split('.').some((part) => /^0[0-9]+$/.test(part)) ? undefined : { major, minor, patch, pre };
}

/** Negative where the first is lower. Versions that differ in what follows `+` alone are equal. */
export function compareVersions(a: Version, b: Version): number {
  const numbers = order(a.major, b.major) || order(a.minor, b.minor) || order(a.patch, b.patch);
  if (numbers !== 0 || a.pre === b.pre) return numbers;
  if (a.pre === '' || b.pre === '') return a.pre === '' ? 1 : -1;
  return comparePre(a.pre, b.pre);
}

/** True for two tags of versions of which the first is the lower one; false where one stands for none. */
export function isLowerVersion(a: string, b: string): boolean {
  const [one, two] = [versionOf(a), versionOf(b)];
  return one !== undefined && two !== undefined && compareVersions(one, two) < 0;
}

/** Part by part, where '' comes first, then numbers, then words. */
export function comparePre(a: string, b: string): number {
  const [mine, other] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(mine.length, other.length); i++) {
    const [x = '', y = ''] = [mine[i], other[i]];
    const found = order(rank(x), rank(y)) || (rank(x) === 1 ? order(BigInt(x), BigInt(y)) : order(x, y));
    if (found !== 0) return found;
  }
  return 0;
}

/** A number that is no longer one of 64 bits counts as a word. */
const rank = (part: string): number => (part === '' ? 0 : /^[0-9]+$/.test(part) && BigInt(part) <= MOST ? 1 : 2);

const order = <T extends bigint | number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
