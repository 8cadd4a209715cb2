import { chmod, mkdir, readdir, readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises';
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
    const file = await medium.open(join(dir.path, 'b'), 10);
    expect(file.size).toBe(10);
    expect(Buffer.from(await file.read(3, 4)).toString()).toBe('3456');
    expect(Buffer.from(await file.read(8, 10)).toString()).toBe('89');
    await file.close();
    for (const name of ['link', 'none'])
      await expect(medium.open(join(dir.path, name), 10)).rejects.toMatchObject({ code: 'bundle-damaged' });
    await expect(medium.open(dir.path, 10)).rejects.toMatchObject({ code: 'bundle-unreadable' });
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

  describe('that holds an image layout', () => {
    const hex = (letter: string): string => letter.repeat(64);
    const layout = async (name = 'layout'): Promise<string> => {
      const path = join(dir.path, name);
      await mkdir(join(path, 'blobs/sha256'), { recursive: true });
      await writeFile(join(path, 'oci-layout'), '{}');
      await writeFile(join(path, 'index.json'), '{"manifests":[]}');
      await writeFile(join(path, 'blobs/sha256', hex('b')), 'bbbb');
      await writeFile(join(path, 'blobs/sha256', hex('a')), 'aa');
      await writeFile(join(path, 'blobs/sha256', hex('e')), '');
      return path;
    };

    it('reads its files as one, and nothing else that lies there', async () => {
      const path = await layout();
      await writeFile(join(path, 'blobs/sha256/oras-123.tmp'), 'being written');
      await mkdir(join(path, 'ingest'));
      await symlink('/etc/passwd', join(path, 'else'));
      const file = await medium.open(path, 3 + 1);
      expect([...(file.members ?? [])]).toEqual([
        ['index.json', { start: 0, size: 16 }],
        ['oci-layout', { start: 16, size: 2 }],
        [`blobs/sha256/${hex('a')}`, { start: 18, size: 2 }],
        [`blobs/sha256/${hex('b')}`, { start: 20, size: 4 }],
        [`blobs/sha256/${hex('e')}`, { start: 24, size: 0 }],
      ]);
      expect(file.size).toBe(24);
      const all = '{"manifests":[]}{}aabbbb';
      for (let at = 0; at <= 24; at++)
        for (const length of [1, 3, 9, 100])
          expect(Buffer.from(await file.read(at, length)).toString()).toBe(all.slice(at, at + length));
      await file.close();
      expect(await medium.layout(path, 10)).toMatchObject({ name: 'layout', kind: 'folder', size: 24 });
    });

    it('is another one when anything of it is written', async () => {
      const path = await layout();
      const seen = async (): Promise<string> => {
        const { size = 0, mtime = 0 } = (await medium.layout(path, 10)) ?? {};
        return `${size} ${mtime}`;
      };
      const before = await seen();
      const file = await medium.open(path, 10);
      await writeFile(join(path, 'blobs/sha256', hex('b')), 'bbbbb');
      expect(await seen()).not.toBe(before);
      await expect(file.read(20, 4)).rejects.toMatchObject({ code: 'bundle-damaged' });
      await unlink(join(path, 'blobs/sha256', hex('b')));
      await expect(file.read(20, 4)).rejects.toMatchObject({ code: 'bundle-damaged' });
    });

    it('is refused where anything of it is a link, or is no file', async () => {
      for (const [i, what] of [
        'index.json',
        'oci-layout',
        'blobs',
        'blobs/sha256',
        `blobs/sha256/${hex('a')}`,
      ].entries()) {
        const path = await layout(`linked-${i}`);
        const elsewhere = join(dir.path, `elsewhere-${i}`);
        await rename(join(path, what), elsewhere);
        await symlink(elsewhere, join(path, what));
        await expect(medium.open(path, 10), what).rejects.toMatchObject({
          code: 'bundle-unreadable',
          message: expect.stringContaining(`'${what}' of the image layout is a link`),
        });
        expect(await medium.layout(path, 10)).toBeDefined();
      }
      const path = await layout('folder');
      await mkdir(join(path, 'blobs/sha256', hex('f')));
      await expect(medium.open(path, 10)).rejects.toMatchObject({ code: 'bundle-unreadable' });
      await symlink(path, join(dir.path, 'to-layout'));
      await expect(medium.open(join(dir.path, 'to-layout'), 10)).rejects.toMatchObject({ code: 'bundle-damaged' });
    });

    it('is bounded in its blobs', async () => {
      const path = await layout();
      await expect(medium.open(path, 2)).rejects.toMatchObject({
        code: 'source-bounds',
        message: expect.stringContaining('limits.bundleFiles'),
      });
      expect(await medium.layout(path, 2)).toBeDefined();
    });

    it('is none where there is neither of its files, and one while it is being copied', async () => {
      await mkdir(join(dir.path, 'photos/blobs/sha256'), { recursive: true });
      expect(await medium.layout(join(dir.path, 'photos'), 10)).toBeUndefined();
      expect(await medium.layout(join(dir.path, 'none'), 10)).toBeUndefined();
      await writeFile(join(dir.path, 'photos/oci-layout'), '{}');
      expect(await medium.layout(join(dir.path, 'photos'), 10)).toBeDefined();
      expect([...((await medium.open(join(dir.path, 'photos'), 10)).members ?? [])]).toHaveLength(1);
    });

    it('is set aside whole, and not over another one', async () => {
      const path = await layout();
      expect(await medium.setAside(path, 'done', 'why')).toBe(true);
      expect((await readdir(join(dir.path, 'done'))).sort()).toEqual(['layout', 'layout.reason']);
      expect((await medium.open(join(dir.path, 'done/layout'), 10)).size).toBe(24);
      await layout();
      expect(await medium.setAside(path, 'done', 'why')).toBe(false);
      expect((await medium.open(path, 10)).size).toBe(24);
    });
  });
});
