import type { SourceRecord } from '../../../src/cache/index.ts';
import type { GitRepository } from '../../../src/flux/index.ts';
import { asFault, Fault, parseRevision, type SourceKey, type SourceRevision } from '../../../src/model/index.ts';
import {
  gitContent,
  MEDIA,
  measureBundle,
  type PartToWrite,
  type Selector,
  writeGitBundle,
} from '../../../src/source/bundle/index.ts';
import { type CliIo, usageError } from '../io.ts';
import type { BundleFlags } from './flags.ts';
import { type Place, withPlace } from './place.ts';
import { writeOut } from './write-out.ts';

/** `holdfast bundle create`. */
export async function create(flags: BundleFlags, io: CliIo): Promise<number> {
  const { output, sequence } = flags;
  if (flags.words.length > 0) return usageError(io, 'bundle', `create takes no "${flags.words.join(' ')}"`);
  if (output === undefined) return usageError(io, 'bundle', 'say where to write: -o FILE');
  if (sequence !== undefined && !/^[1-9][0-9]{0,14}$/.test(sequence))
    return usageError(io, 'bundle', `--sequence ${sequence} is no whole number`);
  const wrong = flags.labels.find((label) => !/^[^=,]+=[^,]*$/.test(label));
  if (wrong !== undefined) return usageError(io, 'bundle', `--label ${wrong} is not KEY=VALUE`);
  try {
    return await withPlace(flags, io, async (place) => {
      const keys = keysOf(flags, place);
      const parts: PartToWrite[] = [];
      for (const key of keys) parts.push(await partOf(key, flags, place, io));
      const measured = measureBundle(parts);
      await writeOut(output, measured, io);
      for (const { source, size } of measured.parts) {
        const part = parts.find((one) => one.source === source);
        io.stdout(`${source}: ${part?.revision}${part?.base === '' ? '' : ` since ${part?.base}`}, ${size} bytes\n`);
      }
      io.stdout(`${output}: ${measured.size} bytes\n`);
      return 0;
    });
  } catch (error) {
    io.stderr(`holdfast bundle create: ${asFault(error).message}\n`);
    return 1;
  }
}

function keysOf({ sources }: BundleFlags, { objects, parts }: Place): readonly SourceKey[] {
  const all =
    objects?.sources.map(({ kind, meta }) => `${kind}/${meta.namespace}/${meta.name}`) ??
    parts.cache.sources.all().map(({ key }) => key);
  const unknown = sources.find((key) => !all.includes(key));
  if (unknown !== undefined)
    throw new Fault(
      'source-missing',
      `${unknown} is not there; there are ${all.length === 0 ? 'none' : all.join(', ')}`,
    );
  if (all.length === 0) throw new Fault('source-missing', 'there is no source to pack');
  return sources.length === 0 ? all : sources;
}

async function partOf(key: SourceKey, flags: BundleFlags, place: Place, io: CliIo): Promise<PartToWrite> {
  if (!key.startsWith('GitRepository/')) throw new Fault('unsupported', `${key}: only GitRepository is packed so far`);
  const { store } = place.parts.cache;
  const tip = await newest(key, place, io);
  const asked = baseOf(key, flags);
  const base = asked === '' ? undefined : await baseRevision(key, asked, place, io);
  const content = gitContent(store, tip, base);
  const created = tip.metadata['time'] ?? '';
  const { cluster, labels } = flags;
  const selector: Selector = {
    cluster,
    labels: Object.fromEntries(labels.map((one) => [one.split('=', 1)[0] ?? '', one.slice(one.indexOf('=') + 1)])),
  };
  return {
    source: key,
    revision: tip.revision,
    base: base === undefined ? '' : `sha1:${hashOf(base.revision)}`,
    created,
    sequence: Number(flags.sequence ?? Math.max(1, Math.round((Date.parse(created) || 0) / 1000))),
    selector,
    mediaType: MEDIA.git,
    open: () => writeGitBundle(store, content),
  };
}

/** `--base REVISION`, or the one of `--base KEY=REVISION` for this source; '' for none. */
function baseOf(key: SourceKey, { bases, sources }: BundleFlags): string {
  for (const base of bases) {
    const own = base.startsWith(`${key}=`) ? base.slice(key.length + 1) : undefined;
    if (own !== undefined) return own;
    if (!/^[A-Za-z]+\/[^/=]+\/[^/=]+=/.test(base)) {
      if (bases.length > 1 || sources.length > 1)
        throw new Fault('config-invalid', `--base ${base}: with several sources say ${key}=REVISION`);
      return base;
    }
  }
  return '';
}

const hashOf = (revision: string): string => parseRevision(revision)?.hash ?? revision;

function declared(key: SourceKey, { objects }: Place): GitRepository | undefined {
  return objects?.sources.find(
    (one): one is GitRepository =>
      one.kind === 'GitRepository' && `${one.kind}/${one.meta.namespace}/${one.meta.name}` === key,
  );
}

/** The newest revision, fetched where that may be. */
async function newest(key: SourceKey, place: Place, io: CliIo): Promise<SourceRevision> {
  const { cache } = place.parts;
  const source = declared(key, place);
  const have = cache.sources.get(key);
  if (source?.spec.recurseSubmodules === true)
    throw new Fault('unsupported', `${key} has submodules (recurseSubmodules), which a bundle cannot hold yet`);
  if (source === undefined || !place.mayFetch) {
    if (have === undefined) throw new Fault('source-not-ready', `${key} has no revision in this state folder`);
    return have.current;
  }
  io.stderr(`${key}: fetching\n`);
  // An agent that starts on this folder would take content without its includes for all there is, and prune the rest.
  const found = await fetched(source, have, place, io, source.spec.include.length === 0);
  return found.revision;
}

async function fetched(
  source: GitRepository,
  have: SourceRecord | undefined,
  { parts, objects }: Place,
  io: CliIo,
  keep: boolean,
): Promise<{ readonly revision: SourceRevision }> {
  const before =
    have === undefined ? undefined : { current: have.current, fetchedAt: have.fetchedAt, identity: have.request };
  const work = { source: withoutIncludes(source), data: objects?.data ?? [], have: before, includes: [] };
  const outcome = await parts.workshop.fetch(work, io.signal ?? new AbortController().signal);
  if (outcome.kind === 'unchanged') {
    if (have === undefined) throw new Fault('internal', 'unchanged without a revision before');
    return { revision: have.current };
  }
  if (keep) {
    const { kind, meta } = source;
    const note = { at: Date.now(), request: outcome.identity, count: outcome.count };
    await parts.cache.sources.admit(`${kind}/${meta.namespace}/${meta.name}`, outcome.content, note);
  }
  return { revision: outcome.content };
}

/** A bundle has the source's own content: what it includes is a source of its own. */
function withoutIncludes(source: GitRepository): GitRepository {
  return { ...source, spec: { ...source.spec, include: [] } };
}

async function baseRevision(key: SourceKey, asked: string, place: Place, io: CliIo): Promise<SourceRevision> {
  const record = place.parts.cache.sources.get(key);
  const hash = hashOf(asked);
  const known = [...(record === undefined ? [] : [record.current, ...record.previous])];
  const found = known.find((one) => hashOf(one.revision) === hash);
  if (found !== undefined) return found;
  const source = declared(key, place);
  if (source === undefined || !place.mayFetch)
    throw new Fault('source-not-ready', `--base ${asked}: this state folder does not have that revision of ${key}`);
  io.stderr(`${key}: fetching the base\n`);
  // The site has proven its signatures; here it only says what is left out.
  const { verify: _verify, ...spec } = source.spec;
  const at = { ...source, spec: { ...spec, ref: { commit: hash } } };
  return (await fetched(at, record, place, io, false)).revision;
}
