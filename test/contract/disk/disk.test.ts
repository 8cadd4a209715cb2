import { afterAll, beforeAll } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { diskSuite } from './suite.ts';

let temp: TempDir;
let count = 0;
beforeAll(async () => {
  temp = await tempDir('disk');
});
afterAll(() => temp.remove());

diskSuite('the local file system', async () => {
  const root = `${temp.path}/${count++}/state`;
  return { disk: createDisk(root), again: () => createDisk(root) };
});

diskSuite('the model of a failing disk', async () => {
  const model = faultDisk();
  return { disk: model.disk, again: () => model.restart().disk };
});

diskSuite('the model with short writes', async () => {
  const model = faultDisk();
  model.shortWrites(7);
  return { disk: model.disk, again: () => model.restart().disk };
});
