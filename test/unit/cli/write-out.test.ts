import { open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutputFiles, writeOut } from '../../../agent/cli/bundle/write-out.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir('write-out');
});
afterEach(() => dir.remove());

const at = (name: string): string => join(dir.path, name);
const io = { stdout: () => undefined, stderr: () => undefined, env: {} };
const WHAT = { size: 10, write: () => [Buffer.from('01234'), Buffer.from('56789')] };

/** Files that take so many bytes of a write, and note what was synced. */
function short(most: number): { readonly files: OutputFiles; readonly synced: string[] } {
  const synced: string[] = [];
  const files: OutputFiles = {
    open: async (path, flags) => {
      const file = await open(path, flags);
      const write = (bytes: Uint8Array, from: number, length: number): Promise<{ bytesWritten: number }> =>
        most === 0 ? Promise.resolve({ bytesWritten: 0 }) : file.write(bytes, from, Math.min(most, length), null);
      return {
        write: write as unknown as typeof file.write,
        sync: async () => {
          synced.push(path);
          await file.sync();
        },
        close: () => file.close(),
      };
    },
  };
  return { files, synced };
}

describe('a bundle that is written', () => {
  it('is whole where writes take a part each, and is synced with its folder', async () => {
    const { files, synced } = short(3);
    await writeOut(at('b.tar'), WHAT, io, files);
    expect(await readFile(at('b.tar'), 'utf8')).toBe('0123456789');
    expect(synced).toEqual([at('b.tar.part'), dir.path]);
  });

  it('leaves nothing behind when it cannot be finished', async () => {
    await expect(writeOut(at('b.tar'), WHAT, io, short(0).files)).rejects.toThrow('no progress');
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('follows no link that lies where it writes', async () => {
    await writeFile(at('mine'), 'mine');
    for (const name of ['b.tar', 'b.tar.part']) await symlink(at('mine'), at(name));
    await writeOut(at('b.tar'), WHAT, io);
    expect([await readFile(at('mine'), 'utf8'), await readFile(at('b.tar'), 'utf8')]).toEqual(['mine', '0123456789']);
  });
});
