import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { tempDir } from '../../support/temp.ts';
import { storeSuite } from './suite.ts';

storeSuite('in memory', () => Promise.resolve({ store: memoryStore() }));

storeSuite('on disk', async () => {
  const { path, remove } = await tempDir('store');
  const open = () => openCache({ disk: createDisk(path), limits: DEFAULT_LIMITS }).store;
  return { store: open(), reopen: () => Promise.resolve(open()), stop: remove };
});
