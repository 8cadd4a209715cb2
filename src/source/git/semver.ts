import semver from 'semver';
import { asFault, byCodeUnit, Fault, reworded } from '../../model/index.ts';
import { choiceOf, type Plan } from './pick.ts';
import type { ServerRef } from './refs.ts';

const TAGS = 'refs/tags/';
const CONSTRAINT = /(!=|~>|>=|=>|<=|=<|[=<>~^])?\s*(v?[0-9xX*][0-9A-Za-z.*+-]*)/g;
const OPERATORS: Readonly<Record<string, string>> = { '=>': '>=', '=<': '<=', '~>': '~' };

/** A test of one version. */
type Test = (version: semver.SemVer) => boolean;

/** A version range in the syntax of Flux (Masterminds): ',' and ' ' mean and, '||' or, '-' from to. */
export function parseRange(text: string): Test {
  const groups = text.split('||').map((part) => parseGroup(part, text));
  return (version) => groups.some((tests) => tests.every((test) => test(version)));
}

function parseGroup(part: string, whole: string): readonly Test[] {
  const spread = part.trim().replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2');
  if (spread === '') return [constraint('', '*', whole)];
  const tests: Test[] = [];
  const rest = spread.replace(CONSTRAINT, (_all, operator: string | undefined, version: string) => {
    tests.push(constraint(operator ?? '', version, whole));
    return '';
  });
  if (!/^[\s,]*$/.test(rest) || tests.length === 0) throw badRange(whole);
  return tests;
}

/** Prereleases pass a constraint only when it names one itself; each constraint of a group decides for itself. */
function constraint(operator: string, version: string, whole: string): Test {
  const named = /^v?[0-9]+\.[0-9]+\.[0-9]+-/.test(version);
  const not = operator === '!=';
  const plain = not ? '' : (OPERATORS[operator] ?? operator);
  const range = semver.validRange(`${plain}${version}`, { includePrerelease: true });
  if (range === null) throw badRange(whole);
  const parsed = new semver.Range(range, { includePrerelease: true });
  return (v) => (v.prerelease.length === 0 || named) && parsed.test(v) !== not;
}

function badRange(text: string): Fault {
  const shown = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
  return new Fault('source-ref-missing', `improper constraint: "${shown}"`);
}

/** The version a tag stands for: strict, with a leading v allowed. */
export function versionOf(tag: string): semver.SemVer | undefined {
  if (!/^v?[0-9]/.test(tag)) return undefined;
  return semver.parse(tag) ?? undefined;
}

/** The highest version in the range; of equal ones (build metadata) those that tie, the greatest tag first. */
export function highest(refs: readonly ServerRef[], text: string): readonly ServerRef[] {
  const test = parseRange(text);
  let best: { version: semver.SemVer; refs: ServerRef[] } | undefined;
  for (const ref of refs) {
    const version = versionOf(ref.name.slice(TAGS.length));
    if (version === undefined || !test(version)) continue;
    const order = best === undefined ? 1 : semver.compare(version, best.version);
    if (order > 0) best = { version, refs: [ref] };
    else if (order === 0) best?.refs.push(ref);
  }
  return best?.refs.sort((a, b) => byCodeUnit(b.name, a.name)) ?? [];
}

/** Chooses among all tags. */
export function bySemver(text: string): Plan {
  try {
    parseRange(text);
  } catch (error) {
    const fault = asFault(error);
    throw reworded(fault, { message: `semver parse error: ${fault.message}` });
  }
  return {
    kind: 'ask',
    query: { prefixes: [TAGS], peel: true, keep: (name) => versionOf(name.slice(TAGS.length)) !== undefined },
    choose: (refs) => highest(refs, text).map((ref) => choiceOf(ref, ref.name.slice(TAGS.length))),
    missing: `no match found for semver: ${text}`,
  };
}
