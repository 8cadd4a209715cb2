import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../src/ports/index.ts';

const text = (value: string): Buffer => Buffer.from(value);

/** What every Disk must do. `make` gives an empty disk, and a second process' view of the same one. */
export function diskSuite(name: string, make: () => Promise<{ disk: Disk; again: () => Disk }>): void {
  describe(`${name} as a disk`, () => {
    it('reads back what it wrote, whole and in parts', async () => {
      const { disk } = await make();
      await disk.writeAtomic('a/b/c.bin', text('0123456789'));
      expect(Buffer.from(disk.read('a/b/c.bin') ?? []).toString()).toBe('0123456789');
      expect(Buffer.from(disk.readAt('a/b/c.bin', 3, 4)).toString()).toBe('3456');
      expect(Buffer.from(disk.readAt('a/b/c.bin', 8, 10)).toString()).toBe('89');
      expect(disk.readAt('a/b/c.bin', 20, 10)).toHaveLength(0);
      expect(disk.size('a/b/c.bin')).toBe(10);
    });

    it('tells a missing file from an empty one', async () => {
      const { disk } = await make();
      expect(disk.read('none')).toBeUndefined();
      expect(disk.size('none')).toBeUndefined();
      expect(disk.list('none')).toEqual([]);
      await disk.writeAtomic('empty', text(''));
      expect(disk.read('empty')).toHaveLength(0);
      expect(disk.size('empty')).toBe(0);
      expect(() => disk.readAt('none', 0, 1)).toThrowError(expect.objectContaining({ code: 'cache-io' }));
    });

    it('takes a folder for no file', async () => {
      const { disk } = await make();
      await disk.writeAtomic('a/b', text('x'));
      expect(disk.size('a')).toBeUndefined();
      expect(() => disk.read('a')).toThrowError(expect.objectContaining({ code: 'cache-io' }));
      await expect(disk.writeAtomic('a/b/c', text('x'))).rejects.toMatchObject({ code: 'cache-io' });
    });

    it('replaces a file whole', async () => {
      const { disk } = await make();
      await disk.writeAtomic('f', text('long first version'));
      await disk.writeAtomic('f', text('second'));
      expect(Buffer.from(disk.read('f') ?? []).toString()).toBe('second');
      expect(disk.list('')).toEqual(['f']);
    });

    it('lists names by code unit and no temporary ones', async () => {
      const { disk } = await make();
      for (const one of ['b', 'a', 'Z', 'é', '10', '9']) await disk.writeAtomic(`d/${one}`, text(one));
      const staged = await disk.create('d');
      await staged.write(text('x'));
      expect(disk.list('d')).toEqual(['10', '9', 'Z', 'a', 'b', 'é']);
      await staged.discard();
    });

    it('appends, creating the file', async () => {
      const { disk } = await make();
      await disk.append('log/l', text('one\n'), { sync: true });
      await disk.append('log/l', text('two\n'), { sync: false });
      expect(Buffer.from(disk.read('log/l') ?? []).toString()).toBe('one\ntwo\n');
    });

    it('shows a staged file only after publish, and reads it back before', async () => {
      const { disk } = await make();
      const staged = await disk.create('packs');
      await staged.write(text('hello '));
      await staged.write(text('world'));
      expect(Buffer.from(staged.readAt(4, 5)).toString()).toBe('o wor');
      expect(disk.list('packs')).toEqual([]);
      await staged.publish('packs/p');
      expect(disk.list('packs')).toEqual(['p']);
      expect(Buffer.from(disk.read('packs/p') ?? []).toString()).toBe('hello world');
      await staged.discard();
      expect(disk.list('packs')).toEqual(['p']);
      await expect(staged.write(text('more'))).rejects.toThrow();
    });

    it('leaves nothing of a discarded file', async () => {
      const { disk, again } = await make();
      const staged = await disk.create('packs');
      await staged.write(text('x'));
      await staged.discard();
      await staged.discard();
      await again().sweep();
      expect(again().list('packs')).toEqual([]);
    });

    it('removes a file, or nothing', async () => {
      const { disk } = await make();
      await disk.writeAtomic('a/f', text('x'));
      await disk.remove('a/f');
      await disk.remove('a/f');
      await disk.remove('never/was');
      expect(disk.read('a/f')).toBeUndefined();
    });

    it('sweeps leftovers of a process that ended, and nothing else', async () => {
      const { disk, again } = await make();
      await disk.writeAtomic('a/b/keep', text('x'));
      const left = await disk.create('a/b');
      await left.write(text('left'));
      await again().sweep();
      expect(again().list('a/b')).toEqual(['keep']);
      await again().sweep();
      await left.discard();
    });

    it('writes many files at once', async () => {
      const { disk } = await make();
      await Promise.all(Array.from({ length: 30 }, (_, i) => disk.writeAtomic(`many/${i % 3}/f${i}`, text(`${i}`))));
      expect(disk.list('many/1')).toHaveLength(10);
      expect(Buffer.from(disk.read('many/2/f29') ?? []).toString()).toBe('29');
    });

    it.each([
      '../x',
      'a/../../x',
      '/etc/passwd',
      'a//b',
      '.',
      'a/.',
      '.hidden',
      'a/.tmp-1',
      'a\\b',
      'a\0b',
      'a\nb',
      'x'.repeat(256),
    ])('refuses the path %j', async (path) => {
      const { disk } = await make();
      expect(() => disk.read(path)).toThrowError(/not a path inside stateDir/);
      expect(() => disk.list(path)).toThrowError(/not a path inside stateDir/);
      await expect(disk.writeAtomic(path, text('x'))).rejects.toThrow(/not a path inside stateDir/);
      await expect(disk.append(path, text('x'), { sync: true })).rejects.toThrow(/not a path inside stateDir/);
      await expect(disk.remove(path)).rejects.toThrow(/not a path inside stateDir/);
    });

    it('takes a probe and keeps nothing of it', async () => {
      const { disk } = await make();
      expect(disk.unwritable()).toBeUndefined();
      await disk.probe();
      expect(disk.unwritable()).toBeUndefined();
      expect(disk.list('')).toEqual([]);
    });

    it('is locked by one at a time', async () => {
      const { disk } = await make();
      const unlock = await disk.lock();
      await expect(disk.lock()).rejects.toMatchObject({
        code: 'cache-locked',
        message: expect.stringMatching(/pid \d+/),
      });
      await unlock();
      await (await disk.lock())();
    });
  });
}
