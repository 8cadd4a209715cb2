import { Fault, type SourceRevision } from '../../../src/model/index.ts';
import { bucketBundle } from '../../../src/source/bundle/index.ts';
import { baseOf, declared, fetched, notesOf, type Packed, type Packing } from './pack.ts';

/** The objects of a Bucket, all or those that the base does not have. */
export async function packBucket(work: Packing): Promise<Packed> {
  const { key, place, io, flags } = work;
  const { cache } = place.parts;
  const source = declared(work);
  // What was left out when it was fetched must be what the bundle says was: else it would count as deleted.
  if (source?.kind !== 'Bucket' || !place.mayFetch)
    throw new Fault(
      'unsupported',
      `${key} is packed with --config, where no agent runs on its state folder: what a Bucket leaves out stands in its object`,
    );
  io.stderr(`${key}: fetching\n`);
  const tip = await fetched(source, work, { have: cache.sources.get(key), keep: true });
  const base = baseRevision(baseOf(work), work);
  const { provider, endpoint, bucketName: bucket, prefix, ignore } = source.spec;
  const request = { provider, endpoint, bucket, prefix, tenant: source.meta.namespace };
  const { limits } = place;
  const packed = bucketBundle(
    cache.store,
    { ...request, ...(ignore === undefined ? {} : { ignore }) },
    { tip, base, compression: flags.compress, limits },
  );
  const notes = notesOf(work, {
    revision: tip.revision,
    base: base?.revision ?? '',
    created: tip.metadata['time'] ?? '',
  });
  return { part: { ...notes, ...packed }, done: async () => undefined };
}

/** A bucket has no history: its base is one of the revisions that this state folder still has. */
function baseRevision(asked: string, { key, place }: Packing): SourceRevision | undefined {
  if (asked === '') return undefined;
  const record = place.parts.cache.sources.get(key);
  const known = [...(record === undefined ? [] : [record.current, ...record.previous])];
  const found = known.find(({ revision }) => revision === asked);
  if (found !== undefined) return found;
  throw new Fault(
    'source-not-ready',
    `--base ${asked}: this state folder does not have that revision of ${key}, and a bucket does not keep it; it has ${known.map((one) => one.revision).join(', ')}`,
  );
}
