import type { Limits } from '../../src/model/index.ts';
import type { Disk } from '../../src/ports/index.ts';
import { unwrap, type Wrapping } from '../../src/source/bundle/index.ts';
import { createDisk } from '../adapters/disk/index.ts';
import { createMedium } from '../adapters/medium/index.ts';

/** A file that is compressed as a whole, and where its content is to lie. */
export interface UnwrapJob {
  /** Absolute. */
  readonly path: string;
  readonly coding: Wrapping['coding'];
  /** Absolute; made when missing. */
  readonly folder: string;
  /** In that folder; what has this name is replaced. */
  readonly name: string;
  /** Bytes that must be free for it to be begun, where more is known of it than it says; 0 where nothing is. */
  readonly room: number;
}

/** What came of it. */
export interface Unwrapped {
  /** Bytes of its content. */
  readonly bytes: number;
}

/**
 * Unpacks a file once. What was written before a Fault (those of `unwrap`) stays
 * where it is, so that whoever asked knows how far it came, and removes it.
 */
export async function unwrapJob(
  { path, coding, folder, name, room }: UnwrapJob,
  limits: Limits,
  { signal, disk = createDisk(folder) }: { readonly signal?: AbortSignal | undefined; readonly disk?: Disk },
): Promise<Unwrapped> {
  await disk.remove(name);
  const file = await createMedium().open(path, limits.bundleFiles);
  // Proven by its digests before anything of it is used, and made anew after a crash: it need not last.
  const write = (bytes: Uint8Array): Promise<void> => disk.append(name, bytes, { sync: false });
  // Of a folder that is not made yet its disk cannot be asked.
  await write(new Uint8Array());
  try {
    return { bytes: await unwrap(file, coding, { write, free: disk.free }, { limits, signal, room }) };
  } finally {
    await file.close();
  }
}
