import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskTree } from '../../../agent/cli/disk-tree.ts';

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-tree-')));
  mkdirSync(join(dir, 'root', 'sub', 'deep'), { recursive: true });
  writeFileSync(join(dir, 'outside'), 'secret');
  writeFileSync(join(dir, 'root', 'a'), 'a');
  writeFileSync(join(dir, 'root', 'sub', 'b'), 'bb');
  symlinkSync('sub/b', join(dir, 'root', 'to-file'));
  symlinkSync('sub', join(dir, 'root', 'to-folder'));
  symlinkSync('../outside', join(dir, 'root', 'out'));
  symlinkSync('..', join(dir, 'root', 'up'));
  symlinkSync('loop', join(dir, 'root', 'loop'));
  symlinkSync('gone', join(dir, 'root', 'dangling'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe('a folder of the disk as a tree', () => {
  it('follows links inside its root, of files and of folders', () => {
    const tree = diskTree(join(dir, 'root'));
    expect(text(tree.read('to-file'))).toBe('bb');
    expect(text(tree.read('to-folder/b'))).toBe('bb');
    expect(tree.stat('to-folder')).toMatchObject({ name: 'to-folder', type: 'directory', size: 0 });
    expect(tree.stat('to-file')).toMatchObject({ name: 'to-file', type: 'file', size: 2 });
    expect([tree.realPath('to-folder/b'), tree.realPath('')]).toEqual(['sub/b', '']);
  });

  it('does not have what leads out of it, in circles or nowhere', () => {
    const tree = diskTree(join(dir, 'root'));
    for (const path of [
      'out',
      'up',
      'up/outside',
      'up/root/a',
      'loop',
      'dangling',
      'a/x',
      'none',
      'none/x',
      '../outside',
    ]) {
      const isBack = path === 'up/root/a';
      expect([path, text(tree.read(path))]).toEqual([path, isBack ? 'a' : undefined]);
      expect([path, tree.stat(path)?.type]).toEqual([path, isBack ? 'file' : undefined]);
    }
    expect(tree.read('sub')).toBeUndefined();
    expect(tree.list('a')).toBeUndefined();
    expect(() => tree.realPath('none/x')).toThrow('ENOENT');
  });

  it('lists what it has, sorted', () => {
    const tree = diskTree(join(dir, 'root'));
    expect(tree.list('')?.map(({ name }) => name)).toEqual(['a', 'sub', 'to-file', 'to-folder']);
    expect(tree.list('to-folder')?.map(({ name }) => name)).toEqual(['b', 'deep']);
  });

  it('reaches everything from the root of the disk', () => {
    const tree = diskTree('/');
    const at = join(dir, 'root', 'up', 'outside').slice(1);
    expect(text(tree.read(at))).toBe('secret');
    expect(tree.realPath(at)).toBe(join(dir, 'outside').slice(1));
    expect([tree.stat('')?.type, tree.realPath('')]).toEqual(['directory', '']);
  });
});
