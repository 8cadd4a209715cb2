import { Fault, printable } from '../../model/index.ts';
import { comparePre, compareVersions, readVersion, type Version } from './version.ts';

/** A test of one version. */
export type Test = (version: Version) => boolean;

/** What of a version a constraint leaves open: from `*`, `1.x` or `1.2.x` on, written out or left away. */
type Open = 'nothing' | 'all' | 'minor' | 'patch';

interface Constraint {
  readonly operator: string;
  readonly version: Version;
  readonly open: Open;
}

/** Bounds of Flux: of the text, and of the alternatives in it. */
const RANGE_CHARS = 512;
const MOST_GROUPS = 32;

const VERSION =
  'v?(?<major>[0-9|xX*]+)(?<minor>\\.[0-9|xX*]+)?(?<patch>\\.[0-9|xX*]+)?' +
  '(?<pre>-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?';
const SPACE = /[\t\n\f\r ]*/y;
const OPERATOR = /!=|>=|=>|<=|=<|~>|[=<>~^]|/y;
const ONE = new RegExp(VERSION, 'y');
const BARE = VERSION.replaceAll(/\(\?<[a-z]+>/g, '(?:');
const FROM_TO = new RegExp(`[\\t\\n\\f\\r ]*(${BARE})[\\t\\n\\f\\r ]+-[\\t\\n\\f\\r ]+(${BARE})[\\t\\n\\f\\r ]*`, 'g');

/**
 * A version range in the syntax of Flux (Masterminds/semver): ',' and ' ' mean and, '||' or, '-' from to. Prereleases pass a
 * group of constraints when one of the group names a prerelease. Fault `source-ref-missing` for text that is no range.
 */
export function parseRange(text: string): Test {
  if (Buffer.byteLength(text) > RANGE_CHARS) throw badRange(`constraint string is too long (max ${RANGE_CHARS} bytes)`);
  const parts = text.replace(FROM_TO, '>= $1, <= $2 ').split('||');
  if (parts.length > MOST_GROUPS) throw badRange(`too many constraint groups (max ${MOST_GROUPS})`);
  const groups = parts.map((part) => {
    const constraints = parseGroup(part);
    return { constraints, pre: constraints.some(({ version }) => version.pre !== '') };
  });
  return (version) =>
    groups.some(
      ({ constraints, pre }) => (version.pre === '' || pre) && constraints.every((one) => meets(version, one)),
    );
}

function badRange(message: string): Fault {
  return new Fault('source-ref-missing', message);
}

function parseGroup(text: string): readonly Constraint[] {
  const improper = (): Fault => badRange(`improper constraint: "${printable(text, RANGE_CHARS)}"`);
  const found: (() => Constraint)[] = [];
  let at = 0;
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    at += match?.[0].length ?? 0;
    return match;
  };
  next(SPACE);
  for (let apart = true; found.length === 0 || at < text.length; ) {
    if (found.length > 0 && text[at] === ',') {
      at += 1;
      next(SPACE);
      apart = true;
    }
    const operator = next(OPERATOR)?.[0] ?? '';
    next(SPACE);
    const version = next(ONE);
    if (!apart || version === null) throw improper();
    found.push(() => constraintOf(operator, version));
    apart = (next(SPACE)?.[0] ?? '') !== '';
  }
  return found.map((one) => one());
}

function constraintOf(operator: string, found: RegExpExecArray): Constraint {
  const { major = '', minor = '', patch = '', pre = '' } = found.groups ?? {};
  const any = (part: string): boolean => /^\.?[xX*]?$/.test(part);
  const open = any(major) ? 'all' : any(minor) ? 'minor' : any(patch) ? 'patch' : 'nothing';
  const texts: Readonly<Record<Open, string>> = {
    all: `0.0.0${pre}`,
    minor: `${major}.0.0${pre}`,
    patch: `${major}${minor}.0${pre}`,
    nothing: found[0],
  };
  const version = readVersion(texts[open]);
  if (version === undefined) throw badRange('constraint parser error');
  return { operator, version, open };
}

function meets(v: Version, one: Constraint): boolean {
  const { operator, version, open } = one;
  switch (operator) {
    case '!=':
      return differs(v, one);
    case '>':
      return above(v, one);
    case '<':
      return compareVersions(v, version) < 0;
    case '>=':
    case '=>':
      return compareVersions(v, version) >= 0;
    case '<=':
    case '=<':
      return notAbove(v, one);
    case '^':
      return caret(v, one);
    case '~':
    case '~>':
      return tilde(v, one);
    default:
      return open === 'nothing' ? compareVersions(v, version) === 0 : tilde(v, one);
  }
}

function differs(v: Version, { version, open }: Constraint): boolean {
  const same = v.major === version.major && (open === 'minor' || v.minor === version.minor);
  if (open === 'minor') return !same;
  if (open === 'patch') return !same || comparePre(v.pre, version.pre) !== 0;
  return compareVersions(v, version) !== 0;
}

function above(v: Version, { version, open }: Constraint): boolean {
  if (open === 'minor') return v.major > version.major;
  if (open === 'patch') return v.major > version.major || (v.major === version.major && v.minor > version.minor);
  return compareVersions(v, version) > 0;
}

function notAbove(v: Version, { version, open }: Constraint): boolean {
  if (open === 'nothing') return compareVersions(v, version) <= 0;
  return v.major < version.major || (v.major === version.major && (open === 'minor' || v.minor <= version.minor));
}

function tilde(v: Version, { version, open }: Constraint): boolean {
  if (compareVersions(v, version) < 0) return false;
  const zero = version.major === 0n && version.minor === 0n && version.patch === 0n;
  if (zero && open !== 'minor' && open !== 'patch') return true;
  return v.major === version.major && (open === 'minor' || v.minor === version.minor);
}

/** Nothing left of the first number that is not zero may change. */
function caret(v: Version, { version, open }: Constraint): boolean {
  if (compareVersions(v, version) < 0 || v.major !== version.major) return false;
  if (version.major > 0n || open === 'minor') return true;
  if (v.minor !== version.minor) return false;
  return version.minor > 0n || open === 'patch' || v.patch === version.patch;
}
