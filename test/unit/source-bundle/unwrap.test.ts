import { createHash } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type LimitName } from '../../../src/model/index.ts';
import { MEDIA, measureBundle, unwrap, wrappingOf } from '../../../src/source/bundle/index.ts';
import { tarOf } from '../../support/tar-builder.ts';

const MIB = 1024 * 1024;

/** Bytes that no compression makes smaller, the same for each seed. */
function noise(size: number, seed = 1): Buffer {
  const parts = Array.from({ length: Math.ceil(size / 64) }, (_, i) =>
    createHash('sha512').update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, size);
}

const bundle = (payload: Uint8Array): Buffer =>
  Buffer.concat([
    ...measureBundle([
      {
        source: 'GitRepository/flux-system/fleet',
        revision: 'main@sha1:1111111111111111111111111111111111111111',
        base: '',
        created: '2026-01-01T00:00:00Z',
        sequence: 7,
        selector: { cluster: '', labels: {} },
        mediaType: MEDIA.git,
        open: () => [payload],
      },
    ]).write(),
  ]);

interface Unwrapped {
  /** 'ok', or the Fault. */
  readonly said: string;
  readonly bytes: Buffer;
  /** Sizes of what was written. */
  readonly writes: readonly number[];
}

interface How {
  readonly limits?: Partial<Record<LimitName, number>>;
  /** Bytes that are free at first. */
  readonly free?: number;
  readonly room?: number;
  readonly write?: () => Promise<void>;
}

async function unwrapped(bytes: Uint8Array, how: How = {}): Promise<Unwrapped> {
  const coding = wrappingOf(bytes, 'x.tar.gz')?.coding;
  if (coding === undefined) throw new Error('not compressed');
  const parts: Uint8Array[] = [];
  const done = (): number => parts.reduce((sum, one) => sum + one.length, 0);
  const target = {
    write: async (part: Uint8Array) => {
      await how.write?.();
      parts.push(part);
    },
    free: () => (how.free === undefined ? undefined : how.free - done()),
  };
  const file = {
    size: bytes.length,
    read: async (at: number, length: number) => bytes.subarray(at, at + length),
  };
  const options = { limits: { ...DEFAULT_LIMITS, ...how.limits }, room: how.room ?? 0 };
  const said = await unwrap(file, coding, target, options).then(
    (size) => (size === done() ? 'ok' : `${size} bytes, and ${done()} were written`),
    (error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );
  return { said, bytes: Buffer.concat(parts), writes: parts.map(({ length }) => length) };
}

const summed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const small = bundle(noise(3_000));
const inFrames = (bytes: Buffer, size: number, pack: (part: Buffer) => Buffer): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => pack(bytes.subarray(i * size, (i + 1) * size))),
  );

describe('a file that is compressed as a whole', () => {
  it.each([
    ['fleet.tar.gz', 'fleet.tar'],
    ['fleet.tgz', 'fleet.tar'],
    ['haul.tar.zst', 'haul.tar'],
    ['haul.tzst', 'haul.tar'],
    ['OCIRepository_apps_app@1.tar.zstd', 'OCIRepository_apps_app@1.tar'],
    ['GitRepository_apps_app.bundle.gz', 'GitRepository_apps_app.bundle'],
    ['anything', 'anything'],
    ['Bucket_apps_app.tar.gz', undefined],
    ['ExternalArtifact_apps_app@2.tgz', undefined],
  ])('is called by the name of what is in it: %s, %s', (name, inside) => {
    for (const [coding, pack] of [
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
    ] as const)
      expect(wrappingOf(pack(small), name)).toEqual(inside === undefined ? undefined : { coding, name: inside });
    expect(wrappingOf(small, name)).toBeUndefined();
  });

  it.each([
    ['gzip', (b: Buffer) => gzipSync(b)],
    ['zstd', (b: Buffer) => zstdCompressSync(b, summed)],
    ['many members of gzip', (b: Buffer) => inFrames(b, 200_000, gzipSync)],
    ['many frames of zstd', (b: Buffer) => inFrames(b, 200_000, zstdCompressSync)],
  ])('is what it was before, and waits for a slow disk (%s)', async (_, pack) => {
    const whole = bundle(Buffer.concat([noise(MIB), Buffer.alloc(3 * MIB, 'counted 0123456789 '), noise(MIB, 2)]));
    let [busy, overlaps] = [false, 0];
    const write = async (): Promise<void> => {
      overlaps += busy ? 1 : 0;
      busy = true;
      await new Promise((resolve) => setTimeout(resolve, 5));
      busy = false;
    };
    const { said, bytes, writes } = await unwrapped(pack(whole), { write });
    expect([said, overlaps]).toEqual(['ok', 0]);
    expect(bytes.equals(whole)).toBe(true);
    expect(Math.max(...writes)).toBeLessThan(1.2 * MIB);
  });

  it.each([
    ['gzip', gzipSync(small)],
    ['zstd', zstdCompressSync(small, summed)],
  ])('that is cut anywhere, or has another byte, is damaged, or the same (%s)', async (_, packed) => {
    for (let at = 6; at < packed.length; at += 7) {
      expect((await unwrapped(packed.subarray(0, at))).said).toMatch(/^bundle-damaged: /);
      const wrong = Buffer.from(packed);
      wrong[at] = (wrong[at] ?? 0) ^ 0x10;
      const { said, bytes } = await unwrapped(wrong);
      if (said === 'ok') expect(bytes.equals(small)).toBe(true);
      // What zstd says at its beginning may have become a number that passes a bound.
      else expect(said).toMatch(/^bundle-(?:damaged|unreadable): |^source-bounds: /);
    }
  });

  it('that is none of what is taken is refused by its first bytes', async () => {
    const large = Buffer.concat([Buffer.from('%PDF-1.7'), noise(4 * MIB)]);
    for (const pack of [gzipSync, zstdCompressSync]) {
      const { said, writes } = await unwrapped(pack(large));
      expect(said).toMatch(/^bundle-unreadable: what is compressed in it is neither/);
      expect(writes).toEqual([]);
      expect((await unwrapped(pack(gzipSync(bundle(noise(MIB)))))).said).toMatch(/^bundle-unreadable: .* twice/);
    }
    expect((await unwrapped(gzipSync(tarOf([{ path: 'a', content: noise(900) }])))).said).toBe('ok');
  });
});

describe('what a file that is compressed becomes', () => {
  it('is bounded by limits.bundleBytes, and where zstd says so nothing is written', async () => {
    const whole = bundle(noise(3 * MIB));
    const limits = { bundleBytes: 2 * MIB, diskRoomBytes: 0 };
    const bound = /^source-bounds: .*limits\.bundleBytes/;
    for (const packed of [gzipSync(whole), zstdCompressSync(whole)]) {
      const { said, writes } = await unwrapped(packed, { limits });
      expect(said).toMatch(bound);
      expect(writes).toEqual([]);
    }
    // Neither its own size nor anything it says shows what it becomes.
    const zeros = bundle(Buffer.alloc(3 * MIB));
    const { said, bytes } = await unwrapped(inFrames(zeros, MIB, gzipSync), { limits });
    expect(said).toMatch(bound);
    expect(bytes.length).toBeLessThanOrEqual(2 * MIB);
  });

  it('is no bomb: limits.artifactRatio, zstdWindowBytes and a bound of frames hold for it', async () => {
    const bomb = bundle(Buffer.alloc(40 * MIB));
    for (const packed of [gzipSync(bomb), zstdCompressSync(bomb)]) {
      const { said, bytes } = await unwrapped(packed);
      expect(said).toMatch(/^source-bounds: .*limits\.artifactRatio/);
      expect(bytes.length).toBeLessThan(20 * MIB);
    }
    const wide = zstdCompressSync(bundle(noise(4 * MIB)), { params: { [constants.ZSTD_c_windowLog]: 22 } });
    expect((await unwrapped(wide, { limits: { zstdWindowBytes: MIB } })).said).toMatch(/limits\.zstdWindowBytes/);
    const many = inFrames(bundle(noise(60_000)), 100, zstdCompressSync);
    expect((await unwrapped(many, { limits: { treeFiles: 50 } })).said).toMatch(/^source-bounds: .*frames/);
  });

  it('leaves limits.diskRoomBytes free: what is known not to fit is not begun', async () => {
    const limits = { diskRoomBytes: MIB };
    const whole = bundle(noise(4 * MIB));
    for (const packed of [gzipSync(whole), zstdCompressSync(whole)]) {
      const { said, writes } = await unwrapped(packed, { limits, free: 4 * MIB });
      expect(said).toMatch(/^cache-full: .*limits\.diskRoomBytes/);
      expect(writes).toEqual([]);
      expect((await unwrapped(packed, { limits, free: 6 * MIB })).said).toBe('ok');
    }
    // gzip does not say what it becomes: it ends where there is no more room.
    const zeros = gzipSync(bundle(Buffer.alloc(8 * MIB, 'abcdefg')));
    const cut = await unwrapped(zeros, { limits, free: 4 * MIB });
    expect(cut.said).toMatch(/^cache-full: /);
    expect(cut.bytes.length).toBeLessThanOrEqual(3 * MIB);
    const again = await unwrapped(zeros, { limits, free: 4 * MIB, room: cut.bytes.length + MIB });
    expect([again.said.slice(0, 11), again.writes]).toEqual(['cache-full:', []]);
  });

  it('stops where its writes fail, with what they said', async () => {
    const full = new Fault('cache-full', 'no room at all');
    const write = (): Promise<void> => Promise.reject(full);
    for (const pack of [gzipSync, zstdCompressSync])
      expect((await unwrapped(pack(bundle(noise(3 * MIB))), { write })).said).toBe('cache-full: no room at all');
  });
});
