import { createHash } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Digest, Fault, type LimitName } from '../../../../src/model/index.ts';
import type { ContentWriter, PartialContent } from '../../../../src/ports/index.ts';
import { codingOf, unpack } from '../../../../src/source/unpack/index.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { tarOf } from '../../../support/tar-builder.ts';

const cannot = (): never => {
  throw new Error('only read here');
};
const contentOf = (bytes: Uint8Array): PartialContent => ({
  size: () => bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
  append: cannot,
  keep: cannot,
  drop: cannot,
});

async function unpacked(bytes: Uint8Array, limits: Partial<Record<LimitName, number>> = {}): Promise<string> {
  const store = memoryStore();
  const writer = await store.writer();
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const options = { limits: { ...DEFAULT_LIMITS, ...limits }, what: 'layer' };
  try {
    const root = await unpack({ content: contentOf(bytes), digest }, writer, options);
    await writer.commit();
    if (root === undefined) return 'none';
    return Buffer.from(store.tree(root).read('a.yaml') ?? []).toString();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

const tar = tarOf([
  { path: 'a.yaml', content: 'a: 1\n' },
  { path: 'noise', content: Buffer.alloc(40_000, 'xyz') },
]);
/** Bytes of which each place is another one, and that become a fiftieth of themselves. */
function counted(size: number, seed: number): Buffer {
  const same = createHash('sha512').update(String(seed)).digest('hex').repeat(8);
  const parts = Array.from({ length: Math.ceil(size / 1_032) }, (_, i) => `${String(i).padStart(8, '0')}${same}`);
  return Buffer.from(parts.join('')).subarray(0, size);
}

const summed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

describe('a layer of zstd', () => {
  it('is unpacked as one of gzip is, in one frame or many', async () => {
    expect(await unpacked(zstdCompressSync(tar))).toBe('a: 1\n');
    const frames = Array.from({ length: Math.ceil(tar.length / 3_000) }, (_, i) =>
      zstdCompressSync(tar.subarray(3_000 * i, 3_000 * i + 3_000), summed),
    );
    expect(await unpacked(Buffer.concat(frames))).toBe('a: 1\n');
  });

  it.each([
    ['zstd', zstdCompressSync],
    ['gzip', gzipSync],
  ] as const)('in many frames comes in their order also where the disk is slow (%s)', async (_, pack) => {
    const files = Array.from({ length: 40 }, (_, i) => ({ path: `f${i}`, content: counted(300_000, i) }));
    const whole = tarOf(files);
    const frames = Array.from({ length: Math.ceil(whole.length / 80_000) }, (_, i) =>
      pack(whole.subarray(80_000 * i, 80_000 * (i + 1))),
    );
    const store = memoryStore();
    const writer = await store.writer();
    // A drain that takes a while: what comes out meanwhile waits.
    const slow = { ...writer, drain: () => new Promise<void>((resolve) => setTimeout(resolve, 10)) };
    const bytes = Buffer.concat(frames);
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const root = await unpack({ content: contentOf(bytes), digest }, slow, { limits: DEFAULT_LIMITS, what: 'layer' });
    await writer.commit();
    if (root === undefined) throw new Error('not unpacked');
    const tree = store.tree(root);
    expect(files.filter(({ path, content }) => !content.equals(tree.read(path) ?? Buffer.alloc(0)))).toEqual([]);
  });

  it('that is cut or changed anywhere is refused, or is the same', async () => {
    const bytes = zstdCompressSync(tar, summed);
    for (let at = 0; at < bytes.length; at++) {
      // The end mark of the archive is in the last blocks: behind it nothing counts.
      expect(await unpacked(bytes.subarray(0, at))).toMatch(/^source-refused: |^a: 1\n$/);
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 0x10;
      expect(await unpacked(wrong)).toMatch(/^source-(?:refused|bounds): |^a: 1\n$/);
    }
  });

  it('is bounded by its ratio, its size and its window', async () => {
    const zeros = Buffer.alloc(24 * 1024 * 1024);
    const bomb = zstdCompressSync(tarOf([{ path: 'a.yaml', content: zeros }]));
    expect(await unpacked(bomb)).toMatch(/^source-bounds: .*limits\.artifactRatio/);
    expect(await unpacked(zstdCompressSync(tar), { treeBytes: 30_000 })).toMatch(/^source-bounds: .*limits\.treeBytes/);
    const wide = { params: { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 1 } };
    const noise = Buffer.alloc(12 * 1024 * 1024, 'abcdefg');
    const large = zstdCompressSync(tarOf([{ path: 'a.yaml', content: noise }]), wide);
    expect(await unpacked(large)).toMatch(/^source-bounds: .*limits\.zstdWindowBytes/);
  });
});

describe('codingOf', () => {
  it.each([
    ['gzip', [0x1f, 0x8b, 8, 0]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['zstd', [0x50, 0x2a, 0x4d, 0x18]],
    ['zstd', [0x5f, 0x2a, 0x4d, 0x18]],
    ['none', [0x60, 0x2a, 0x4d, 0x18]],
    ['none', [0x1f]],
    ['none', []],
  ] as const)('%s', (coding, bytes) => {
    expect(codingOf(Buffer.from(bytes))).toBe(coding);
  });

  it('makes room for what one step unpacks, however much that is', async () => {
    const content = Buffer.alloc(64 * 1024, 'x');
    const files = Array.from({ length: 160 }, (_, i) => ({
      path: `f${i}`,
      content: Buffer.concat([Buffer.from(`${i}`), content]),
    }));
    const bytes = zstdCompressSync(tarOf(files));
    const writer = await memoryStore().writer();
    let [held, most] = [0, 0];
    const counting: ContentWriter = {
      ...writer,
      put: (one, alias) => {
        held += one.length;
        most = Math.max(most, held);
        return writer.put(one, alias);
      },
      drain: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        held = 0;
      },
    };
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await unpack({ content: contentOf(bytes), digest }, counting, { limits: DEFAULT_LIMITS, what: 'layer' });
    expect(most).toBeLessThanOrEqual(1024 * 1024 + 2 * 66 * 1024);
  });
});
