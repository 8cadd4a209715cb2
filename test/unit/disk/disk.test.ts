import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { type Errno, faultDisk } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let temp: TempDir;
let root: string;
beforeEach(async () => {
  temp = await tempDir('disk');
  root = join(temp.path, 'state');
});
afterEach(() => temp.remove());

describe('stateDir', () => {
  it('is made with its parents, for its owner only', async () => {
    const disk = createDisk(join(root, 'deep', 'er'));
    await disk.writeAtomic('a/b/c', Buffer.from('x'));
    await disk.append('log', Buffer.from('x'), { sync: false });
    const mode = (path: string): number => statSync(join(root, 'deep', 'er', path)).mode & 0o777;
    expect([mode('.'), mode('a'), mode('a/b')]).toEqual([0o700, 0o700, 0o700]);
    expect([mode('a/b/c'), mode('log')]).toEqual([0o600, 0o600]);
  });

  it('may be a link that the operator chose', async () => {
    mkdirSync(join(temp.path, 'volume'));
    symlinkSync(join(temp.path, 'volume'), root);
    await createDisk(root).writeAtomic('a/f', Buffer.from('x'));
    expect(existsSync(join(temp.path, 'volume/a/f'))).toBe(true);
  });

  it('is not left through links inside it', async () => {
    mkdirSync(join(temp.path, 'outside'));
    writeFileSync(join(temp.path, 'outside/secret'), 'secret');
    mkdirSync(root);
    symlinkSync(join(temp.path, 'outside'), join(root, 'packs'));
    symlinkSync(join(temp.path, 'outside/secret'), join(root, 'file'));
    const disk = createDisk(root);
    expect(() => disk.read('file')).toThrowError(
      expect.objectContaining({ code: 'cache-io', message: expect.stringMatching(/symbolic link/) }),
    );
    expect(() => disk.read('packs/secret')).toThrowError(expect.objectContaining({ code: 'cache-io' }));
    expect(() => disk.list('packs')).toThrowError(expect.objectContaining({ code: 'cache-io' }));
    await expect(disk.remove('packs/secret')).rejects.toMatchObject({ code: 'cache-io' });
    await expect(disk.append('file', Buffer.from('x'), { sync: true })).rejects.toMatchObject({ code: 'cache-io' });
    await expect(disk.writeAtomic('packs/x', Buffer.from('x'))).rejects.toMatchObject({ code: 'cache-io' });
    await expect(disk.create('packs')).rejects.toMatchObject({ code: 'cache-io' });
    await disk.sweep();
    await disk.writeAtomic('file', Buffer.from('mine'));
    expect(readFileSync(join(temp.path, 'outside/secret'), 'utf8')).toBe('secret');
    expect(readdirSync(join(temp.path, 'outside'))).toEqual(['secret']);
  });

  it('is made again when someone removes a folder while we run', async () => {
    const disk = createDisk(root);
    await disk.writeAtomic('a/f', Buffer.from('1'));
    await import('node:fs/promises').then((fs) => fs.rm(join(root, 'a'), { recursive: true }));
    await disk.writeAtomic('a/f', Buffer.from('2'));
    expect(readFileSync(join(root, 'a/f'), 'utf8')).toBe('2');
  });

  it('tells how much is free', async () => {
    const disk = createDisk(root);
    expect(disk.free()).toBeUndefined();
    await disk.writeAtomic('f', Buffer.from('x'));
    expect(disk.free()).toBeGreaterThan(0);
  });
});

describe('an error of the disk', () => {
  const cases: readonly [Errno, string, RegExp][] = [
    ['ENOSPC', 'cache-full', /no space left/],
    ['EDQUOT', 'cache-full', /quota/],
    ['EROFS', 'cache-io', /read-only/],
    ['EIO', 'cache-io', /input\/output error/],
  ];

  it.each(cases)('%s is %s in every step of a write, and leaves the old file', async (errno, code, message) => {
    for (let step = 1; step <= 5; step++) {
      const model = faultDisk();
      await model.disk.writeAtomic('d/f', Buffer.from('old'));
      model.failAt(model.steps() + step, errno);
      await expect(model.disk.writeAtomic('d/f', Buffer.from('new'))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      const expected = step < 5 ? 'old' : 'new';
      expect(Buffer.from(model.disk.read('d/f') ?? []).toString()).toBe(expected);
      await model.disk.writeAtomic('d/f', Buffer.from('again'));
      expect(model.files()).toEqual(['d/f']);
    }
  });

  it('says which file, and never which folder of the machine', async () => {
    const model = faultDisk();
    model.failAt(1, 'ENOSPC');
    await expect(model.disk.writeAtomic('sources/x.json', Buffer.from('x'))).rejects.toMatchObject({
      message: expect.stringMatching(/sources/),
    });
  });

  it('says that it was the folder itself', async () => {
    writeFileSync(root, 'no folder');
    await expect(createDisk(root).writeAtomic('f', Buffer.from('x'))).rejects.toMatchObject({
      message: expect.stringMatching(/in the state folder: /),
    });
  });
});

describe('a power cut', () => {
  it('leaves the old file or the new one, whole, at every step', async () => {
    for (let step = 1; step <= 5; step++)
      for (let seed = 0; seed < 40; seed++) {
        const model = faultDisk();
        await model.disk.writeAtomic('d/f', Buffer.from('old'));
        model.cutAt(model.steps() + step);
        await expect(model.disk.writeAtomic('d/f', Buffer.from('new and longer'))).rejects.toThrow();
        const left = model.powerCut(seed);
        expect(['old', 'new and longer']).toContain(Buffer.from(left.disk.read('d/f') ?? []).toString());
      }
  });

  it('keeps what a write has said is written, folders included', async () => {
    for (let seed = 0; seed < 100; seed++) {
      const model = faultDisk();
      await model.disk.writeAtomic('a/b/c/f', Buffer.from('atomic'));
      await model.disk.append('logs/l', Buffer.from('line\n'), { sync: true });
      const staged = await model.disk.create('packs');
      await staged.write(Buffer.from('pack'));
      await staged.publish('packs/p');
      const left = model.powerCut(seed);
      expect(left.bytes('a/b/c/f').toString()).toBe('atomic');
      expect(left.bytes('logs/l').toString()).toBe('line\n');
      expect(left.bytes('packs/p').toString()).toBe('pack');
    }
  });

  it('may take what was not synced: the model is as nasty as it should be', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const model = faultDisk();
      await model.disk.append('l', Buffer.from('1234'), { sync: true });
      await model.disk.append('l', Buffer.from('5678'), { sync: false });
      outcomes.add(model.powerCut(seed).bytes('l').toString('latin1'));
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(['1234', '12345', '12345678', '1234\0\0\0\0']));
  });
});
