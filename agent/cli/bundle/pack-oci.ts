import { needsTrustedRoot, type OCIRepository, unsupportedFault } from '../../../src/flux/index.ts';
import { Fault, reworded } from '../../../src/model/index.ts';
import { bringArtifact, type CarriedArtifact, ociRequestOf, storedArtifact } from '../../../src/source/oci/index.ts';
import { systemClock } from '../../adapters/clock/index.ts';
import { pullAccountOf } from '../../workshop/fetch-job.ts';
import { baseOf, declared, notesOf, type Packed, type Packing } from './pack.ts';

/** Larger blobs are told of before they come. */
const TOLD_BYTES = 16 * 1024 * 1024;

const CREATED = 'org.opencontainers.image.created';

/** The artifact of an OCIRepository as its registry has it, with its signatures where they are asked for. */
export async function packOci(work: Packing): Promise<Packed> {
  const { key, place, io } = work;
  const source = declared(work);
  if (source?.kind !== 'OCIRepository' || !place.mayFetch) return { ...written(work, stored(work)), done };
  const unsupported = unsupportedFault(source);
  if (unsupported !== undefined) throw unsupported;
  io.stderr(`${key}: fetching\n`);
  const { artifact, ...after } = await brought(source, work);
  return { ...written(work, artifact), ...after };
}

const done = async (): Promise<void> => undefined;

function written(work: Packing, artifact: CarriedArtifact): Pick<Packed, 'part'> {
  const { revision, metadata } = artifact;
  const created = Number.isNaN(Date.parse(metadata[CREATED] ?? '')) ? '' : (metadata[CREATED] ?? '');
  // A difference from which nothing could be left out is a whole.
  const base = artifact.leftOut.length === 0 ? '' : baseOf(work);
  return { part: { ...notesOf(work, { revision, base, created }), artifact } };
}

function brought(source: OCIRepository, work: Packing): ReturnType<typeof bringArtifact> {
  const { key, place, io } = work;
  const { limits, log, parts } = place;
  const { cache, wire } = parts;
  const root = needsTrustedRoot(source) ? place.trustedRoot?.(source.meta.namespace) : undefined;
  const data = [...(place.objects?.data ?? []), ...(root === undefined ? [] : [root])];
  const request = ociRequestOf(source, data, undefined, pullAccountOf(source, data));
  const ports = { wire, store: cache.store, partials: cache.partials, clock: systemClock(), log };
  const onSize = (bytes: number): void => {
    if (bytes > TOLD_BYTES) io.stderr(`${key}: ${bytes} bytes are to come\n`);
  };
  const options = { limits, onSize, ...(io.signal === undefined ? {} : { signal: io.signal }) };
  return bringArtifact(ports, request, options, baseOf(work));
}

/** What a state folder can prove again, of an agent that runs or of another machine. */
function stored(work: Packing): CarriedArtifact {
  const { key, place } = work;
  const { cache } = place.parts;
  const record = cache.sources.get(key);
  if (record === undefined) throw new Fault('source-not-ready', `${key} has no revision in this state folder`);
  if (baseOf(work) !== '')
    throw new Fault(
      'unsupported',
      `${key}: a difference is made with --config, where no agent runs on the state folder: its base is asked of the registry`,
    );
  try {
    return storedArtifact(cache.store, record.current);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'unsupported') throw error;
    throw reworded(error, {
      message: `${key}: ${error.message}; pack it with --config where no agent runs on the state folder, or copy it by "oras copy --to-oci-layout"`,
      reason: error.reason,
    });
  }
}
