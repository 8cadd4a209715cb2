import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type LimitName } from '../../../src/model/index.ts';
import { type ArchiveFacts, type Readable, readArchive } from '../../../src/source/bundle/index.ts';
import { paxRecord, type TarPart, tarOf, tarPart } from '../../support/tar-builder.ts';

const fileOf = (bytes: Uint8Array): Readable => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

interface Read extends ArchiveFacts {
  readonly texts: Readonly<Record<string, string>>;
}

async function read(
  bytes: Uint8Array,
  limits: Partial<Record<LimitName, number>> = {},
  leaveLinks = false,
): Promise<Read> {
  const texts: Record<string, string> = {};
  const sink = {
    file: ({ path, bytes: content }: { path: string; bytes: Uint8Array }) => {
      texts[path] = Buffer.from(content).toString();
    },
    drain: async () => undefined,
  };
  const span = { start: 3, size: bytes.length };
  const file = fileOf(Buffer.concat([Buffer.from('###'), bytes, Buffer.from('###')]));
  const facts = await readArchive(file, span, sink, { limits: { ...DEFAULT_LIMITS, ...limits }, leaveLinks });
  return { ...facts, texts };
}

const said = (bytes: Uint8Array, limits: Partial<Record<LimitName, number>> = {}): Promise<string> =>
  read(bytes, limits).then(
    ({ files }) => `read: ${files}`,
    (error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );

/** A header with a time. */
function dated(part: TarPart, mtime: number): Buffer {
  const bytes = tarPart(part);
  bytes.write(mtime.toString(8).padStart(11, '0'), 136, 'latin1');
  bytes.write('        ', 148, 'latin1');
  const sum = bytes.subarray(0, 512).reduce((all, one) => all + one, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

const plain = tarOf([
  dated({ path: './', flag: '5' }, 1_700_000_500),
  dated({ path: './a.yaml', content: 'a: 1\n' }, 1_700_000_000),
  { path: './d/', flag: '5' },
  { path: './d/b.yaml', content: 'b'.repeat(5_000) },
]);

const CODINGS = {
  'not compressed': plain,
  gzip: gzipSync(plain),
  'gzip of two members': Buffer.concat([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))]),
  zstd: zstdCompressSync(plain),
  'zstd of many frames': Buffer.concat(
    Array.from({ length: Math.ceil(plain.length / 100) }, (_, i) =>
      zstdCompressSync(plain.subarray(100 * i, 100 * i + 100)),
    ),
  ),
  'zstd with frames to skip': Buffer.concat([
    Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
    zstdCompressSync(plain),
    Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]),
  ]),
} as const;

describe('an archive of files', () => {
  it.each(Object.entries(CODINGS))('is read whole: %s', async (_, bytes) => {
    const { texts, files, newest, bytes: size } = await read(bytes);
    expect(texts).toEqual({ 'a.yaml': 'a: 1\n', 'd/b.yaml': 'b'.repeat(5_000) });
    expect([files, size, newest]).toEqual([2, 5_005, 1_700_000_500]);
  });

  it.each(Object.entries(CODINGS))('that is cut anywhere is damaged: %s', async (_, bytes) => {
    const end = bytes === plain ? plain.length - 512 : bytes.length;
    const step = bytes === plain ? 256 : bytes === CODINGS['zstd of many frames'] ? 61 : 1;
    for (let length = 0; length < end; length += step) {
      // What is skipped at the end says nothing of the content.
      if (bytes === CODINGS['zstd with frames to skip'] && length >= bytes.length - 8) continue;
      expect(await said(bytes.subarray(0, length)), `${length} of ${bytes.length}`).toMatch(/^bundle-damaged: /);
    }
  });

  it.each(['gzip', 'zstd'] as const)('with a byte changed is not read, or is the same: %s', async (coding) => {
    const { constants } = await import('node:zlib');
    const sums = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
    const bytes = coding === 'gzip' ? gzipSync(plain) : zstdCompressSync(plain, sums);
    for (let at = 0; at < bytes.length; at++) {
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 0x41;
      const found = await read(wrong).then(
        ({ texts }) => texts,
        (error: unknown) => (error instanceof Fault ? error.code : error),
      );
      if (typeof found === 'string') expect(found).toMatch(/^bundle-damaged$|^source-bounds$/);
      else expect(found).toEqual({ 'a.yaml': 'a: 1\n', 'd/b.yaml': 'b'.repeat(5_000) });
    }
  });

  it.each([
    ['a link', [{ path: 'l', flag: '2', link: '/etc' }], /^bundle-unreadable: 'l' .*link/],
    ['a hard link', [{ path: 'a' }, { path: 'l', flag: '1', link: 'a' }], /^bundle-unreadable: 'l' .*link/],
    ['a device', [{ path: 'd', flag: '3' }], /^bundle-unreadable: 'd' is refused: .* it is a device/],
    ['a pipe', [{ path: 'p', flag: '6' }], /^bundle-unreadable: 'p' is refused: .* it is a pipe/],
    ['a sparse file', [{ path: 's', flag: 'S' }], /^bundle-unreadable: 's' is refused: .* it is a sparse file/],
    ['a name twice', [{ path: 'a' }, { path: './a' }], /^bundle-unreadable: 'a' .*twice/],
    ['a size beyond its end', [{ path: 'a', size: 2 ** 20 }], /^bundle-damaged: /],
    ['a wrong sum', [{ path: 'a', sum: 1 }], /^bundle-damaged: .*sum/],
    ['a name that is not UTF-8', [tarPart({ path: 'x' })], /^bundle-damaged: /],
    ['something behind its end', [Buffer.alloc(512), { path: 'a' }], /^bundle-damaged: .*behind its end/],
  ] as const)('with %s is not taken', async (what, parts, expected) => {
    const bytes = tarOf(parts as readonly (TarPart | Buffer)[]);
    if (what === 'a name that is not UTF-8') {
      bytes[0] = 0xff;
      const sum = bytes.subarray(0, 512).reduce((all, one, i) => all + (i >= 148 && i < 156 ? 32 : one), 0);
      bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    }
    for (const file of [bytes, gzipSync(bytes), zstdCompressSync(bytes)]) expect(await said(file)).toMatch(expected);
  });

  it('leaves symbolic links out where that is asked for', async () => {
    const bytes = tarOf([
      { path: 'l', flag: '2', link: '/etc' },
      { path: 'a', content: 'x' },
    ]);
    expect((await read(bytes, {}, true)).texts).toEqual({ a: 'x' });
  });

  it('is bounded, and says by what', async () => {
    const many = tarOf(Array.from({ length: 12 }, (_, i) => ({ path: `f${i}`, content: 'x'.repeat(1_000) })));
    const long = tarOf([
      { path: 'extra', flag: 'x', content: paxRecord('path', 'n'.repeat(300)) },
      { path: 'short', content: 'x' },
    ]);
    for (const pack of [(b: Buffer) => b, gzipSync, zstdCompressSync]) {
      expect(await said(pack(many), { treeFiles: 11 })).toMatch(/^source-bounds: .*limits\.treeFiles/);
      expect(await said(pack(many), { objectBytes: 999 })).toMatch(/^source-bounds: .*limits\.objectBytes/);
      expect(await said(pack(many), { treeBytes: 11_999 })).toMatch(/^source-bounds: .*limits\.treeBytes/);
      expect(await said(pack(long), { pathBytes: 299 })).toMatch(/^source-bounds: .*limits\.pathBytes/);
    }
  });

  it('that is a bomb is ended by its ratio, in little memory', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    const bomb = tarOf([
      { path: 'a', content: zeros },
      { path: 'b', content: zeros },
    ]);
    for (const bytes of [gzipSync(bomb, { level: 9 }), zstdCompressSync(bomb)]) {
      const limits = { objectBytes: 128 * 1024 * 1024 };
      expect(bytes.length).toBeLessThan(bomb.length / 500);
      expect(await said(bytes, limits)).toMatch(/^source-bounds: .*limits\.artifactRatio/);
    }
  });

  it('of zstd with a window that is too large is refused before memory is taken for it', async () => {
    const { constants, createZstdCompress } = await import('node:zlib');
    const packed = async (windowLog: number): Promise<Buffer> => {
      const engine = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: windowLog } });
      const parts: Buffer[] = [];
      engine.on('data', (part: Buffer) => parts.push(part));
      const end = new Promise((resolve) => engine.once('end', resolve));
      engine.end(plain);
      await end;
      return Buffer.concat(parts);
    };
    expect(await said(await packed(27))).toMatch(/^source-bounds: .*limits\.zstdWindowBytes/);
    expect(await said(await packed(23))).toBe('read: 2');
    expect(await said(await packed(10), { zstdWindowBytes: 1 })).toBe('read: 2');
    expect(await said(await packed(27), { zstdWindowBytes: 2 ** 40 })).toBe('read: 2');
    expect(await said(await packed(23), { zstdWindowBytes: 4 * 1024 * 1024 })).toMatch(/limits\.zstdWindowBytes/);
  });

  it('with a tail of many tiny frames is ended', async () => {
    const frame = zstdCompressSync(Buffer.alloc(0));
    const bytes = Buffer.concat([zstdCompressSync(plain), ...Array.from({ length: 60 }, () => frame)]);
    expect(await said(bytes, { treeFiles: 50 })).toMatch(/^source-bounds: .*frames/);
    expect(await said(Buffer.concat([zstdCompressSync(plain), Buffer.from('no frame')]))).toMatch(/^bundle-damaged: /);
  });

  it.each(['gzip', 'zstd'] as const)(
    'of %s makes room for what one step unpacks, however much that is',
    async (coding) => {
      const same = Buffer.alloc(64 * 1024, 'x');
      // 24 MiB out of a few KB: below what a ratio is judged from, and all of it in one step.
      const tar = tarOf(Array.from({ length: 384 }, (_, i) => ({ path: `f${i}`, content: same })));
      const bytes = coding === 'gzip' ? gzipSync(tar, { level: 9 }) : zstdCompressSync(tar);
      let [held, most, files] = [0, 0, 0];
      const sink = {
        file: ({ bytes: content }: { bytes: Uint8Array }) => {
          held += content.length;
          files += 1;
          most = Math.max(most, held);
        },
        drain: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          held = 0;
        },
      };
      const limits = { ...DEFAULT_LIMITS, artifactRatio: 1e6 };
      await readArchive(fileOf(bytes), { start: 0, size: bytes.length }, sink, { limits });
      expect(files).toBe(384);
      // What is worth a pause, and one piece more.
      expect(most).toBeLessThanOrEqual(1024 * 1024 + 2 * 64 * 1024);
    },
  );

  it('gives the reason when there is no room, in the middle of a step', async () => {
    const tar = tarOf(Array.from({ length: 64 }, (_, i) => ({ path: `f${i}`, content: Buffer.alloc(64 * 1024) })));
    const full = new Fault('cache-full', 'the disk is full');
    const sink = { file: () => undefined, drain: () => Promise.reject(full) };
    const bytes = zstdCompressSync(tar);
    const reading = readArchive(fileOf(bytes), { start: 0, size: bytes.length }, sink, { limits: DEFAULT_LIMITS });
    await expect(reading).rejects.toBe(full);
  });
});
