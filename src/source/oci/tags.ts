import { asFault, byCodeUnit, Fault, type Json, printable, reworded } from '../../model/index.ts';
import { compilePattern, type Pattern, PatternError } from '../../pattern/index.ts';
import { objectIn } from '../answers.ts';
import { compareVersions, parseRange, type Test, type Version, versionOf } from '../semver/index.ts';
import { call, callName } from './call.ts';
import { bodyOf } from './exchange.ts';
import { noRegistry, statusFault } from './faults.ts';
import { nextPage } from './pages.ts';
import { isTag } from './reference.ts';
import type { OciSession } from './request.ts';

const PAGE = 1_000;
const HELM_CHART = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/** The tag with the highest version in a range, among those that pass the filter. Of equal ones the first, as lists are sorted. */
export async function tagBySemver(session: OciSession, range: string): Promise<string> {
  const test = rangeOf(range);
  const { ref, layer } = session.request;
  const filter = ref.semverFilter === undefined ? undefined : filterOf(ref.semverFilter);
  let best: { readonly tag: string; readonly version: Version } | undefined;
  for await (const tag of listTags(session)) {
    if (filter?.test(tag) === false) continue;
    // A tag cannot hold the + of a version, so Helm writes _ in its place.
    const version = versionOf(layer.mediaType === HELM_CHART ? tag.replaceAll('_', '+') : tag);
    if (version === undefined || !test(version)) continue;
    const order = best === undefined ? 1 : compareVersions(version, best.version);
    if (best === undefined || order > 0 || (order === 0 && byCodeUnit(tag, best.tag) < 0)) best = { tag, version };
  }
  if (best === undefined) throw new Fault('source-ref-missing', `no match found for semver: ${range}`);
  return best.tag;
}

function rangeOf(text: string): Test {
  try {
    return parseRange(text);
  } catch (error) {
    const fault = asFault(error);
    throw reworded(fault, { message: `semver '${printable(text)}' parse error: ${fault.message}` });
  }
}

function filterOf(text: string): Pattern {
  try {
    return compilePattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new Fault('source-ref-missing', `failed to compile semverFilter: ${error.message}`);
  }
}

/** All tags, page by page (distribution spec, "Listing Tags"); what can be none is left out. */
async function* listTags(session: OciSession): AsyncGenerator<string> {
  const { manifestListBytes, registryTags } = session.limits;
  const first = `/v2/${session.place.name}/tags/list?n=${PAGE}`;
  const asked = new Set<string>();
  let seen = 0;
  for (let path: string | undefined = first; path !== undefined; ) {
    // A list that comes back to itself is not at its end: the newest tag may be missing.
    if (asked.has(path)) throw new Fault('wire-protocol', "the registry's list of tags does not end");
    asked.add(path);
    const what = { method: 'GET', path, maxBytes: manifestListBytes, limit: 'manifestListBytes' } as const;
    const response = await call(session, what);
    if (response.status !== 200) throw await statusFault(session, response, callName(session, what));
    const next = nextPage(response, session, 'tags');
    const tags = tagsOf(await bodyOf(session, response));
    if (tags === undefined) throw noRegistry(callName(session, what));
    seen += Math.max(1, tags.length);
    if (seen > registryTags)
      throw new Fault('source-bounds', `the repository has more than ${registryTags} tags (limits.registryTags)`);
    yield* tags.filter(isTag);
    path = next;
  }
}

function tagsOf(bytes: Buffer): readonly string[] | undefined {
  const value = objectIn(bytes);
  if (value === undefined) return undefined;
  const tags = value['tags'] ?? [];
  return Array.isArray(tags) ? (tags as readonly Json[]).filter((tag) => typeof tag === 'string') : undefined;
}
