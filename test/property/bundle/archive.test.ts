import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type SourceRevision } from '../../../src/model/index.ts';
import { headerOf, padding } from '../../../src/source/artifact/header.ts';
import { decodeObjectList, encodeObjectList, takeBucket } from '../../../src/source/bundle/index.ts';
import { memoryStore } from '../../support/memory-store.ts';

const PLACE = { provider: 'generic', endpoint: 's3.test', bucket: 'b', prefix: '' } as const;
const PACKS = [(b: Buffer) => b, (b: Buffer) => gzipSync(b), (b: Buffer) => zstdCompressSync(b)] as const;

/** No key is a folder of another: they have as many parts. */
const files = fc.dictionary(
  fc.tuple(fc.stringMatching(/^[a-zä€ _-]{1,6}$/), fc.stringMatching(/^[a-z0-9]{1,5}$/)).map(([a, b]) => `d${a}/${b}`),
  fc.string({ maxLength: 700 }),
  { minKeys: 1, maxKeys: 8 },
);

function tarOf(of: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(of).flatMap(([path, text]) => {
    const bytes = Buffer.from(text);
    return [headerOf({ path, mode: 'file', size: bytes.length }), bytes, padding(bytes.length)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1_024)]);
}

async function take(
  bytes: Buffer,
): Promise<{ revision: SourceRevision | undefined; text(path: string): string; open: number } | Fault> {
  const store = memoryStore();
  const file = { size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) };
  const brought = { file, span: { start: 0, size: bytes.length }, listing: undefined, known: undefined, previous: [] };
  try {
    const outcome = await takeBucket({ store }, PLACE, { limits: DEFAULT_LIMITS }, brought);
    const revision = outcome.kind === 'fetched' ? outcome.content : undefined;
    const text = (path: string): string =>
      Buffer.from(store.tree(revision?.root ?? 'sha256:').read(path) ?? Buffer.from('(none)')).toString();
    return { revision, text, open: store.open() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect([store.open(), store.sizes()]).toEqual([0, { blobs: 0, folders: 0, bytes: 0 }]);
    return error;
  }
}

describe('an archive of any files', () => {
  it('brings them all, and the same revision however it is packed', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (of) => {
        const revisions = new Set<string>();
        for (const pack of PACKS) {
          const taken = await take(pack(tarOf(of)));
          if (taken instanceof Fault) throw taken;
          for (const [path, text] of Object.entries(of)) expect(taken.text(path)).toBe(text);
          revisions.add(`${taken.revision?.revision} ${taken.revision?.root}`);
        }
        expect(revisions.size).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it('that is changed or cut anywhere is taken as it is, or leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.nat(2),
        fc.array(fc.record({ at: fc.nat(1_000_000), to: fc.nat(255) }), { maxLength: 4 }),
        fc.option(fc.nat(1_000_000)),
        async (of, how, changes, cut) => {
          const bytes = Buffer.from((PACKS[how] ?? PACKS[0])(tarOf(of)));
          for (const { at, to } of changes) bytes[at % bytes.length] = to;
          await take(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that is nothing but bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), fc.nat(3), async (noise, head) => {
        const begin = [[], [0x1f, 0x8b, 8, 0], [0x28, 0xb5, 0x2f, 0xfd], [0x55, 0x2a, 0x4d, 0x18]][head] ?? [];
        expect(await take(Buffer.concat([Buffer.from(begin), noise]))).toBeInstanceOf(Fault);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a list of objects', () => {
  const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}` as const);
  const object = fc.record({
    etag: fc.stringMatching(/^[ -~]{1,40}$/),
    size: fc.nat(),
    bytes: fc.nat(),
    digest,
  });
  const list = fc.record({
    bucket: fc.string(),
    prefix: fc.string(),
    ignore: fc.option(fc.string(), { nil: undefined }),
    base: fc.string(),
    time: fc.string(),
    rules: fc.option(object, { nil: undefined }),
    objects: fc.array(fc.tuple(fc.string({ minLength: 1, unit: 'grapheme' }), object)).map((rows) => new Map(rows)),
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(list, (one) => {
        const text = Buffer.from(encodeObjectList(one)).toString('utf8');
        expect(decodeObjectList(text, DEFAULT_LIMITS)).toEqual(one);
      }),
    );
  });

  it('of any JSON is read or refused by a Fault', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.anything().map((v) => JSON.stringify({ format: 1, objects: v }) ?? ''),
        ),
        (text) => {
          try {
            decodeObjectList(text, DEFAULT_LIMITS);
          } catch (error) {
            expect(error).toBeInstanceOf(Fault);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
