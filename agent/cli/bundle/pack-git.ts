import type { GitRepository } from '../../../src/flux/index.ts';
import { Fault, parseRevision, type SourceRevision } from '../../../src/model/index.ts';
import { gitContent, MEDIA, writeGitBundle } from '../../../src/source/bundle/index.ts';
import { baseOf, declared, fetched, notesOf, type Packed, type Packing } from './pack.ts';

/** The commit of a GitRepository, whole or without what the base has. */
export async function packGit(work: Packing): Promise<Packed> {
  const { store } = work.place.parts.cache;
  const tip = await newest(work);
  const asked = baseOf(work);
  const base = asked === '' ? undefined : await baseRevision(asked, work);
  const content = gitContent(store, tip, base);
  const notes = notesOf(work, {
    revision: tip.revision,
    base: base === undefined ? '' : `sha1:${hashOf(base.revision)}`,
    created: tip.metadata['time'] ?? '',
  });
  const part = { ...notes, mediaType: MEDIA.git, open: () => writeGitBundle(store, content) };
  return { part, done: async () => undefined };
}

const hashOf = (revision: string): string => parseRevision(revision)?.hash ?? revision;

function objectOf(work: Packing): GitRepository | undefined {
  const source = declared(work);
  return source?.kind === 'GitRepository' ? source : undefined;
}

/** The newest revision, fetched where that may be. */
async function newest(work: Packing): Promise<SourceRevision> {
  const { key, place, io } = work;
  const source = objectOf(work);
  const have = place.parts.cache.sources.get(key);
  if (source?.spec.recurseSubmodules === true)
    throw new Fault('unsupported', `${key} has submodules (recurseSubmodules), which a bundle cannot hold yet`);
  if (source === undefined || !place.mayFetch) {
    if (have === undefined) throw new Fault('source-not-ready', `${key} has no revision in this state folder`);
    return have.current;
  }
  io.stderr(`${key}: fetching\n`);
  // An agent that starts on this folder would take content without its includes for all there is, and prune the rest.
  return fetched(withoutIncludes(source), work, { have, keep: source.spec.include.length === 0 });
}

/** A bundle has the source's own content: what it includes is a source of its own. */
function withoutIncludes(source: GitRepository): GitRepository {
  return { ...source, spec: { ...source.spec, include: [] } };
}

async function baseRevision(asked: string, work: Packing): Promise<SourceRevision> {
  const { key, place, io } = work;
  const record = place.parts.cache.sources.get(key);
  const hash = hashOf(asked);
  const known = [...(record === undefined ? [] : [record.current, ...record.previous])];
  const found = known.find((one) => hashOf(one.revision) === hash);
  if (found !== undefined) return found;
  const source = objectOf(work);
  if (source === undefined || !place.mayFetch)
    throw new Fault('source-not-ready', `--base ${asked}: this state folder does not have that revision of ${key}`);
  io.stderr(`${key}: fetching the base\n`);
  // The site has proven its signatures; here it only says what is left out.
  const { verify: _verify, ...spec } = withoutIncludes(source).spec;
  return fetched({ ...source, spec: { ...spec, ref: { commit: hash } } }, work, { have: record, keep: false });
}
