import { asFault, byCodeUnit, reworded } from '../../model/index.ts';
import { compareVersions, parseRange, type Version, versionOf } from '../semver/index.ts';
import { choiceOf, type Plan } from './pick.ts';
import type { ServerRef } from './refs.ts';

const TAGS = 'refs/tags/';

/** The highest version in the range; of equal ones (build metadata) those that tie, the greatest tag first. */
export function highest(refs: readonly ServerRef[], text: string): readonly ServerRef[] {
  const test = parseRange(text);
  let best: { version: Version; refs: ServerRef[] } | undefined;
  for (const ref of refs) {
    const version = versionOf(ref.name.slice(TAGS.length));
    if (version === undefined || !test(version)) continue;
    const order = best === undefined ? 1 : compareVersions(version, best.version);
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
