import { type Cache, openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type Digest, type StoredEntry } from '../../../src/model/index.ts';
import type { FaultDisk } from '../../support/fault-disk.ts';

/** A cache on a model of a disk, with 3 earlier revisions of each source. */
export const open = (model: FaultDisk, cacheBytes: number = DEFAULT_LIMITS.cacheBytes): Cache =>
  openCache({ disk: model.disk, limits: { cacheBytes, cacheRevisions: 3 } });

export const text = (value: string): Buffer => Buffer.from(value);

/** An entry of a folder: a visible file of one byte. */
export const file = (name: string, digest: Digest | undefined, more: Partial<StoredEntry> = {}): StoredEntry => ({
  name,
  mode: 'file',
  digest,
  size: 1,
  alias: '',
  hidden: false,
  ...more,
});
