import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import type { MediumFile } from '../../../src/ports/index.ts';
import { type Wrapping, wrappingOf } from '../../../src/source/bundle/index.ts';
import { createMedium } from '../../adapters/medium/index.ts';
import { unwrapJob } from '../../workshop/unwrap.ts';
import type { CliIo } from '../io.ts';

/** A file or folder to look into. */
export interface OpenedFile {
  readonly file: MediumFile;
  /** Its name, of content that was compressed as a whole without the ending for that. */
  readonly name: string;
  /** Set where the file is compressed as a whole: how, and its own bytes. */
  readonly compressed?: { readonly coding: Wrapping['coding']; readonly bytes: number };
}

/** Opens it for `use`, unpacked into a folder that goes afterwards where it is compressed as a whole. */
export async function withFile<T>(path: string, io: CliIo, use: (opened: OpenedFile) => Promise<T>): Promise<T> {
  const { bundleFiles } = DEFAULT_LIMITS;
  const file = await createMedium().open(path, bundleFiles);
  try {
    const name = basename(path);
    const start = file.members === undefined ? await file.read(0, Math.min(4, file.size)) : new Uint8Array();
    const wrapping = wrappingOf(start, name);
    if (wrapping === undefined) return await use({ file, name });
    const { coding } = wrapping;
    if (io.terminal !== undefined) io.stderr(`unpacking ${file.size} bytes ...\n`);
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-unpacked-'));
    try {
      await unwrapJob({ path, coding, folder, name: 'content', room: 0 }, DEFAULT_LIMITS, { signal: io.signal });
      const content = await createMedium().open(join(folder, 'content'), bundleFiles);
      try {
        return await use({ file: content, name: wrapping.name, compressed: { coding, bytes: file.size } });
      } finally {
        await content.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } finally {
    await file.close();
  }
}
