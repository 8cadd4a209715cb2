import { afterAll, beforeAll } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openPartials } from '../../../src/cache/partials.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { partialsSuite } from './suite.ts';

const limits = { partialBytes: 1_000_000, partialMs: 2 * 86_400_000 };
let temp: TempDir;
let count = 0;
beforeAll(async () => {
  temp = await tempDir('partials');
});
afterAll(() => temp.remove());

partialsSuite('a folder of the file system', async () => {
  const root = `${temp.path}/${count++}/state`;
  return { partials: openPartials(createDisk(root), limits), again: () => openPartials(createDisk(root), limits) };
});

partialsSuite('a disk that fails', async () => {
  let model = faultDisk();
  model.shortWrites(3);
  const partials = openPartials(model.disk, limits);
  const again = () => {
    model = model.restart();
    return openPartials(model.disk, limits);
  };
  return { partials, again };
});
