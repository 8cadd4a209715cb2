import { expect, it } from 'vitest';
import { nodeFiles } from '../../../agent/adapters/disk/files.ts';
import { sharingSyncs } from '../../../agent/adapters/disk/share.ts';

it('syncs of a folder that are asked for during one share the next', async () => {
  const begun: { readonly path: string; readonly end: (error?: Error) => void }[] = [];
  const files = sharingSyncs({
    ...nodeFiles(),
    syncFolder: (path) =>
      new Promise((resolve, reject) =>
        begun.push({ path, end: (error) => (error === undefined ? resolve() : reject(error)) }),
      ),
  });
  const ended: string[] = [];
  const sync = (name: string, path = '/a'): Promise<void> =>
    files.syncFolder(path).then(
      () => void ended.push(name),
      () => void ended.push(`${name} failed`),
    );
  const all = [sync('one'), sync('two'), sync('three'), sync('other', '/b')];
  expect(begun.map((one) => one.path)).toEqual(['/a', '/b']);
  begun[0]?.end(new Error('disk'));
  begun[1]?.end();
  await Promise.all([all[0], all[3]]);
  // What began before they asked does not count for them, well or not.
  expect(ended.sort()).toEqual(['one failed', 'other']);
  expect(begun).toHaveLength(3);
  all.push(sync('four'));
  begun[2]?.end();
  await Promise.all([all[1], all[2]]);
  expect(ended.slice(2)).toEqual(['two', 'three']);
  await new Promise((resolve) => setImmediate(resolve));
  begun[3]?.end();
  await all[4];
  expect(begun).toHaveLength(4);
});
