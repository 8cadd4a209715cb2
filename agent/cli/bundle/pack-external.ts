import { Fault } from '../../../src/model/index.ts';
import type { PartialContent } from '../../../src/ports/index.ts';
import { archiveMedia } from '../../../src/source/bundle/index.ts';
import { systemClock } from '../../adapters/clock/index.ts';
import { baseOf, declared, notesOf, type Packed, type Packing } from './pack.ts';

const READ_BYTES = 1024 * 1024;

/** The archive of an ExternalArtifact, byte by byte: its digest is what the site proves it by. */
export async function packExternal(work: Packing): Promise<Packed> {
  const { key, place, io } = work;
  const { cache, wire } = place.parts;
  const source = declared(work);
  if (source?.kind !== 'ExternalArtifact' || !place.mayFetch)
    throw new Fault(
      'unsupported',
      `${key} is packed with --config, where no agent runs on its state folder: the archive is fetched, for a state folder has only its files`,
    );
  if (baseOf(work) !== '')
    throw new Fault('unsupported', `${key} is packed whole: its revision is proven by the digest of its archive`);
  const { bringArchive, externalRequestOf } = await import('../../../src/source/external/index.ts');
  io.stderr(`${key}: fetching\n`);
  const request = externalRequestOf(source, undefined);
  const ports = { wire, partials: cache.partials, clock: systemClock(), log: place.log };
  const content = await bringArchive(ports, request, {
    limits: place.limits,
    ...(io.signal === undefined ? {} : { signal: io.signal }),
  });
  const mediaType = archiveMedia(content.read(0, 4));
  if (mediaType === undefined)
    throw new Fault('unsupported', `${key}: its archive is compressed by neither gzip nor zstd`);
  const { revision = '', lastUpdateTime = '' } = source.artifact ?? {};
  const notes = notesOf(work, { revision, base: '', created: lastUpdateTime });
  return {
    part: { ...notes, mediaType, open: () => bytesOf(content) },
    done: () => content.drop(),
    keep: () => content.keep(),
  };
}

function* bytesOf(content: PartialContent): Generator<Uint8Array> {
  const size = content.size();
  for (let at = 0; at < size; at += READ_BYTES) yield content.read(at, Math.min(READ_BYTES, size - at));
}
