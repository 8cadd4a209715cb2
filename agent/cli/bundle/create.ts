import { keyOf } from '../../../src/flux/index.ts';
import { asFault, Fault, type SourceKey } from '../../../src/model/index.ts';
import { measureBundle } from '../../../src/source/bundle/index.ts';
import { type CliIo, usageError } from '../io.ts';
import type { BundleFlags } from './flags.ts';
import type { Packed, Packing } from './pack.ts';
import { packBucket } from './pack-bucket.ts';
import { packExternal } from './pack-external.ts';
import { packGit } from './pack-git.ts';
import { packOci } from './pack-oci.ts';
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
    return await withPlace(flags, io, (place) => write(output, flags, place, io));
  } catch (error) {
    io.stderr(`holdfast bundle create: ${asFault(error).message}\n`);
    return 1;
  }
}

async function write(output: string, flags: BundleFlags, place: Place, io: CliIo): Promise<number> {
  const packed: Packed[] = [];
  let whole = false;
  try {
    for (const key of keysOf(flags, place)) packed.push(await pack({ key, flags, place, io }));
    const parts = packed.map(({ part }) => part);
    const measured = measureBundle(parts);
    await writeOut(output, measured, io);
    whole = true;
    for (const { source, size } of measured.parts) {
      const part = parts.find((one) => one.source === source);
      io.stdout(`${source}: ${part?.revision}${part?.base === '' ? '' : ` since ${part?.base}`}, ${size} bytes\n`);
    }
    io.stdout(`${output}: ${measured.size} bytes\n`);
    return 0;
  } finally {
    // A stick that is full is no reason to fetch it all again.
    for (const { done, keep = done } of packed) await (whole ? done() : keep()).catch(() => undefined);
  }
}

function keysOf({ sources }: BundleFlags, { objects, parts }: Place): readonly SourceKey[] {
  const all = objects?.sources.map(keyOf) ?? parts.cache.sources.all().map(({ key }) => key);
  const unknown = sources.find((key) => !all.includes(key));
  if (unknown !== undefined)
    throw new Fault(
      'source-missing',
      `${unknown} is not there; there are ${all.length === 0 ? 'none' : all.join(', ')}`,
    );
  if (all.length === 0) throw new Fault('source-missing', 'there is no source to pack');
  return sources.length === 0 ? all : sources;
}

const PACKERS: Readonly<Record<string, (work: Packing) => Promise<Packed>>> = {
  GitRepository: packGit,
  OCIRepository: packOci,
  Bucket: packBucket,
  ExternalArtifact: packExternal,
};

function pack(work: Packing): Promise<Packed> {
  const packer = PACKERS[work.key.split('/', 1)[0] ?? ''];
  if (packer !== undefined) return packer(work);
  throw new Fault('unsupported', `${work.key} is of a kind that is not packed`);
}
