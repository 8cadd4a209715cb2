import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import { applyDelta } from '../../../src/source/git/delta.ts';
import { parseTree } from '../../../src/source/git/objects.ts';
import { readPack } from '../../../src/source/git/pack.ts';
import { pktLine, readPackets } from '../../../src/source/git/pkt.ts';
import { nameFault } from '../../../src/source/names.ts';
import { parseRange } from '../../../src/source/semver/index.ts';
import { buildPack, delta, inPieces, oidOf, type PackItem } from '../../support/pack-builder.ts';

const LIMITS = {
  ...DEFAULT_LIMITS,
  objectBytes: 65_536,
  treeBytes: 1_048_576,
  packBytes: 1_048_576,
  packHeldBytes: 262_144,
};
const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });

/** Only Faults of these codes may come out of a parser of outside bytes. */
async function faultsOnly(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(['wire-cut', 'wire-protocol', 'source-corrupt', 'source-bounds', 'source-refused']).toContain(error.code);
  }
}

const nothing = {
  add: () => {},
  get: () => undefined,
  rest: () => Promise.resolve(),
};

describe('pkt-line', () => {
  it('gives the lines back whatever the pieces', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(line, fc.constant(0)), { maxLength: 20 }), sizes, async (lines, pieces) => {
        const bytes = Buffer.from(lines.map((l) => (l === 0 ? '0000' : pktLine(l))).join(''));
        const got: unknown[] = [];
        for await (const packet of readPackets(inPieces(bytes, pieces)))
          got.push(packet === 'flush' ? 0 : Buffer.from(packet as Uint8Array).toString('utf8'));
        expect(got).toEqual(lines);
      }),
    );
  });

  it('meets any bytes with packets or a Fault', async () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdefgx\n'), maxLength: 200 });
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      hex.map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(input, sizes, (bytes, pieces) =>
        faultsOnly(async () => {
          for await (const packet of readPackets(inPieces(bytes, pieces))) expect(packet).toBeDefined();
        }),
      ),
      { numRuns: 500 },
    );
  });
});

describe('a pack', () => {
  const content = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const step = fc.record({ on: fc.nat(), keep: fc.nat(), added: content, byId: fc.boolean() });

  it('gives back what was packed, with any deltas, order and pieces', async () => {
    await fc.assert(
      fc.asyncProperty(content, fc.array(step, { maxLength: 20 }), sizes, async (first, steps, pieces) => {
        const made = [first];
        const items: PackItem[] = [{ type: 'blob', data: first }];
        for (const { on, keep, added, byId } of steps) {
          const base = on % made.length;
          const from = made[base] ?? first;
          const kept = keep % (from.length + 1);
          const bytes = delta(from, kept, added);
          items.push(byId ? { base: oidOf('blob', from), delta: bytes } : { base, delta: bytes });
          made.push(Buffer.concat([from.subarray(0, kept), added]));
        }
        const got = new Map<string, Buffer>();
        const shelf = {
          ...nothing,
          add: (_type: string, oid: string, bytes: Buffer) => void got.set(oid, Buffer.from(bytes)),
          get: (oid: string) => {
            const bytes = got.get(oid);
            return bytes === undefined ? undefined : { type: 'blob' as const, bytes };
          },
        };
        await readPack(inPieces(buildPack(items), pieces), shelf, LIMITS);
        for (const data of made) expect(got.get(oidOf('blob', data))?.equals(data)).toBe(true);
      }),
    );
  });

  it('with any bytes changed, cut or put in ends in a Fault, never in other content', async () => {
    const base = Buffer.from('some text that repeats, some text that repeats\n'.repeat(9));
    const pack = buildPack([
      { type: 'blob', data: base },
      { base: 0, delta: delta(base, 40, Buffer.from('new')) },
      { base: oidOf('blob', base), delta: delta(base, 90, Buffer.from('newer')) },
      { type: 'tree', data: Buffer.alloc(60, 7) },
    ]);
    const edit = fc.record({ at: fc.nat(pack.length - 1), drop: fc.nat(6), put: fc.uint8Array({ maxLength: 6 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), sizes, async (edits, pieces) => {
        let bytes: Buffer = pack;
        for (const { at, drop, put } of edits)
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
        if (bytes.equals(pack)) return;
        let taken = false;
        await faultsOnly(async () => {
          await readPack(inPieces(bytes, pieces), nothing, LIMITS);
          taken = true;
        });
        expect(taken).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('of any bytes behind a good header ends in a Fault', async () => {
    const head = Buffer.from('PACK\0\0\0\x02\0\0\0');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 255 }), fc.uint8Array({ maxLength: 200 }), (count, rest) =>
        faultsOnly(() => readPack(inPieces(Buffer.concat([head, Buffer.from([count]), rest]), [64]), nothing, LIMITS)),
      ),
      { numRuns: 500 },
    );
  });
});

describe('small parsers', () => {
  it('a delta of any bytes makes at most objectBytes or a Fault', async () => {
    const base = Buffer.alloc(300, 5);
    const header = fc.constantFrom(Buffer.from([0xac, 0x02]), Buffer.alloc(0));
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 80 }), (front, rest) =>
        faultsOnly(async () => {
          expect(applyDelta(base, Buffer.concat([front, rest]), 2_000).length).toBeLessThanOrEqual(2_000);
        }),
      ),
      { numRuns: 1_000 },
    );
  });

  it('a tree of any bytes gives entries or a Fault', async () => {
    const entry = fc.tuple(
      fc.constantFrom('100644 ', '40000 ', '1 ', ''),
      fc.string({ maxLength: 6 }),
      fc.uint8Array({ maxLength: 24 }),
    );
    const tree = fc
      .array(entry, { maxLength: 5 })
      .map((parts) => Buffer.concat(parts.flatMap(([m, n, o]) => [Buffer.from(`${m}${n}\0`), o])));
    await fc.assert(
      fc.asyncProperty(fc.oneof(tree, fc.uint8Array({ maxLength: 90 })), (bytes) =>
        faultsOnly(async () => parseTree(bytes, '')),
      ),
      { numRuns: 500 },
    );
  });

  it('a name that is taken has no way out and is not .git in any case', () => {
    const parts = fc.constantFrom('.', '..', '/', '\\', 'git', '.git', 'GIT', '~1', '\u200c', '\0', 'a', ':', ' ');
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 5 }).map((p) => p.join('')),
        (name) => {
          if (nameFault(name) !== undefined) return;
          expect(name).not.toMatch(/[/\\\0]/);
          expect(['', '.', '..', '.git', 'git~1']).not.toContain(
            name
              .replaceAll('\u200c', '')
              .toLowerCase()
              .replace(/[. ]+$/, '') || name,
          );
        },
      ),
    );
  });

  it('a version range of any text is read or refused', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789.xX*<>=~^!|,- v+abc'), maxLength: 24 });
    fc.assert(
      fc.property(text, (range) => {
        try {
          parseRange(range);
        } catch (error) {
          expect(error).toMatchObject({ code: 'source-ref-missing' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
