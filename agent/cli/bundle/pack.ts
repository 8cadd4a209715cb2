import type { SourceRecord } from '../../../src/cache/index.ts';
import { type Bucket, type GitRepository, keyOf, type SourceObject } from '../../../src/flux/index.ts';
import { Fault, type SourceKey, type SourceRevision } from '../../../src/model/index.ts';
import type { ArtifactToWrite, PartNotes, PartToWrite } from '../../../src/source/bundle/index.ts';
import type { CliIo } from '../io.ts';
import type { BundleFlags } from './flags.ts';
import type { Place } from './place.ts';

/** A source that is to be packed. */
export interface Packing {
  readonly key: SourceKey;
  readonly flags: BundleFlags;
  readonly place: Place;
  readonly io: CliIo;
}

/** A source that can be written. */
export interface Packed {
  readonly part: PartToWrite | ArtifactToWrite;
  /** Lets go of what was needed for it. */
  done(): Promise<void>;
  /** Keeps what was fetched for another attempt, where anything was that is not in the state folder. */
  keep?(): Promise<void>;
}

/** The object of a source, where it is declared. */
export function declared({ key, place }: Pick<Packing, 'key' | 'place'>): SourceObject | undefined {
  return place.objects?.sources.find((one) => keyOf(one) === key);
}

/** What a bundle says of a part; `created` is RFC 3339, or '' where nobody knows. */
export function notesOf(
  { key, flags }: Pick<Packing, 'key' | 'flags'>,
  what: { readonly revision: string; readonly base: string; readonly created: string },
): PartNotes {
  const { cluster, labels, sequence } = flags;
  return {
    ...what,
    source: key,
    sequence: Number(sequence ?? Math.max(1, Math.round((Date.parse(what.created) || 0) / 1000))),
    selector: {
      cluster,
      labels: Object.fromEntries(labels.map((one) => [one.split('=', 1)[0] ?? '', one.slice(one.indexOf('=') + 1)])),
    },
  };
}

/** `--base REVISION`, or the one of `--base KEY=REVISION` for this source; '' for none. */
export function baseOf({ key, flags }: Pick<Packing, 'key' | 'flags'>): string {
  const { bases, sources } = flags;
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

/** The newest revision of a declared source from its server; it becomes that of the state folder unless `keep` is false. */
export async function fetched(
  source: GitRepository | Bucket,
  { key, place, io }: Packing,
  { have, keep }: { readonly have: SourceRecord | undefined; readonly keep: boolean },
): Promise<SourceRevision> {
  const { parts, objects } = place;
  const before =
    have === undefined ? undefined : { current: have.current, fetchedAt: have.fetchedAt, identity: have.request };
  const work = { source, data: objects?.data ?? [], have: before, includes: [] };
  const outcome = await parts.workshop.fetch(work, io.signal ?? new AbortController().signal);
  if (outcome.kind === 'unchanged') {
    if (have === undefined) throw new Fault('internal', 'unchanged without a revision before');
    return have.current;
  }
  if (keep) {
    const note = { at: Date.now(), request: outcome.identity, count: outcome.count };
    await parts.cache.sources.admit(key, outcome.content, note);
  }
  return outcome.content;
}
