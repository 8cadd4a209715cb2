import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMedium } from '../../../agent/adapters/medium/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir('medium');
});
afterEach(() => dir.remove());

describe('a folder of this machine as a medium', () => {
  const medium = createMedium();

  it('lists files and folders, sorted, and nothing that leads elsewhere', async () => {
    await writeFile(join(dir.path, 'b'), '12345');
    await mkdir(join(dir.path, 'a'));
    await symlink('/etc/passwd', join(dir.path, 'link'));
    const listed = medium.list(dir.path)?.map(({ name, kind, size }) => [name, kind, size]);
    expect(listed).toEqual([
      ['a', 'folder', 0],
      ['b', 'file', 5],
    ]);
    expect(medium.list(join(dir.path, 'none'))).toBeUndefined();
    expect(medium.list(join(dir.path, 'b'))).toBeUndefined();
  });

  it('reads parts, and fewer bytes at the end; follows no link and opens no folder', async () => {
    await writeFile(join(dir.path, 'b'), '0123456789');
    await symlink('b', join(dir.path, 'link'));
    const file = await medium.open(join(dir.path, 'b'));
    expect(file.size).toBe(10);
    expect(Buffer.from(await file.read(3, 4)).toString()).toBe('3456');
    expect(Buffer.from(await file.read(8, 10)).toString()).toBe('89');
    await file.close();
    for (const name of ['link', 'none', '.'])
      await expect(medium.open(join(dir.path, name))).rejects.toMatchObject({ code: 'bundle-damaged' });
  });

  it('sets aside with a reason, over one that was there', async () => {
    for (const text of ['one', 'two']) {
      await writeFile(join(dir.path, 'b'), text);
      expect(await medium.setAside(join(dir.path, 'b'), 'done', `why ${text}\n`)).toBe(true);
    }
    expect(medium.list(dir.path)?.map(({ name }) => name)).toEqual(['done']);
    expect(await readFile(join(dir.path, 'done/b'), 'utf8')).toBe('two');
    expect(await readFile(join(dir.path, 'done/b.reason'), 'utf8')).toBe('why two\n');
  });

  it('says so where the medium takes no writes, and leaves everything as it was', async () => {
    // The administrator writes everywhere; a file in the place of the folder stops him, too.
    await writeFile(join(dir.path, 'b'), 'x');
    await writeFile(join(dir.path, 'done'), 'no folder');
    await chmod(dir.path, 0o555);
    expect(await medium.setAside(join(dir.path, 'b'), 'done', 'why')).toBe(false);
    await chmod(dir.path, 0o755);
    expect(medium.list(dir.path)?.map(({ name }) => name)).toEqual(['b', 'done']);
  });
});
