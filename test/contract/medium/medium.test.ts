import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
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
    const listed = (await medium.list(dir.path))?.map(({ name, kind, size }) => [name, kind, size]);
    expect(listed).toEqual([
      ['a', 'folder', 0],
      ['b', 'file', 5],
    ]);
    expect(await medium.list(join(dir.path, 'none'))).toBeUndefined();
    expect(await medium.list(join(dir.path, 'b'))).toBeUndefined();
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
    expect((await medium.list(dir.path))?.map(({ name }) => name)).toEqual(['done']);
    expect(await readFile(join(dir.path, 'done/b'), 'utf8')).toBe('two');
    expect(await readFile(join(dir.path, 'done/b.reason'), 'utf8')).toBe('why two\n');
  });

  it('follows no link of the stick when it sets aside, and removes no folder of anybody', async () => {
    const elsewhere = join(dir.path, 'elsewhere');
    const stick = join(dir.path, 'stick');
    await mkdir(join(elsewhere, 'b'), { recursive: true });
    await writeFile(join(elsewhere, 'b/kept'), 'mine');
    await writeFile(join(elsewhere, 'state'), 'mine');
    await mkdir(stick);
    await writeFile(join(stick, 'b'), 'new');
    await symlink(elsewhere, join(stick, 'refused'));
    expect(await medium.setAside(join(stick, 'b'), 'refused', 'why')).toBe(false);
    expect((await readdir(elsewhere)).sort()).toEqual(['b', 'state']);
    expect(await readFile(join(elsewhere, 'b/kept'), 'utf8')).toBe('mine');

    await symlink(stick, join(dir.path, 'inbox'));
    expect(await medium.setAside(join(dir.path, 'inbox/b'), 'done', 'why')).toBe(false);
    expect((await readdir(stick)).sort()).toEqual(['b', 'refused']);

    // A folder that is one, with links and a folder in it under the names that are written.
    await mkdir(join(stick, 'done/folder'), { recursive: true });
    await writeFile(join(stick, 'folder'), 'new');
    for (const name of ['b', 'b.reason', 'b.reason.tmp'])
      await symlink(join(elsewhere, 'state'), join(stick, 'done', name));
    expect(await medium.setAside(join(stick, 'b'), 'done', 'why')).toBe(true);
    expect(await readFile(join(elsewhere, 'state'), 'utf8')).toBe('mine');
    expect([
      await readFile(join(stick, 'done/b'), 'utf8'),
      await readFile(join(stick, 'done/b.reason'), 'utf8'),
    ]).toEqual(['new', 'why']);
    expect(await medium.setAside(join(stick, 'folder'), 'done', 'why')).toBe(false);
    expect((await readdir(join(stick, 'done'))).sort()).toEqual(['b', 'b.reason', 'folder']);
    expect(await readFile(join(stick, 'folder'), 'utf8')).toBe('new');
  });

  it('says so where the medium takes no writes, and leaves everything as it was', async () => {
    // The administrator writes everywhere; a file in the place of the folder stops him, too.
    await writeFile(join(dir.path, 'b'), 'x');
    await writeFile(join(dir.path, 'done'), 'no folder');
    await chmod(dir.path, 0o555);
    expect(await medium.setAside(join(dir.path, 'b'), 'done', 'why')).toBe(false);
    await chmod(dir.path, 0o755);
    expect((await medium.list(dir.path))?.map(({ name }) => name)).toEqual(['b', 'done']);
  });
});
