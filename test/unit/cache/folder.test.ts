import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFolder, encodeFolder } from '../../../src/cache/folder.ts';
import { byCodeUnit, type StoredEntry, sha256 } from '../../../src/model/index.ts';

const file: StoredEntry = { name: 'a.yaml', mode: 'file', digest: sha256('a'), size: 1, alias: 'ab12', hidden: false };

const arbEntry: fc.Arbitrary<StoredEntry> = fc.record({
  name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => !/[/\0]/.test(name)),
  mode: fc.constantFrom('file', 'exec', 'link', 'module', 'dir'),
  digest: fc.option(
    fc.string().map((text) => sha256(text)),
    { nil: undefined },
  ),
  size: fc.oneof(fc.nat(300), fc.maxSafeNat()),
  alias: fc.oneof(fc.constant(''), fc.constant('ab12'), fc.string({ unit: 'grapheme', maxLength: 9 })),
  hidden: fc.boolean(),
});
const arbFolder = fc.uniqueArray(arbEntry, { selector: (entry) => entry.name, maxLength: 12 });

describe('a stored folder', () => {
  it('reads back as it was, sorted by code unit', () => {
    fc.assert(
      fc.property(arbFolder, (entries) => {
        const sorted = [...entries].sort((a, b) => byCodeUnit(a.name, b.name));
        expect(decodeFolder(encodeFolder(entries))).toEqual(sorted);
      }),
    );
  });

  it('has the same bytes in whatever order its entries come', () => {
    fc.assert(
      fc.property(arbFolder, (entries) => {
        expect(encodeFolder([...entries].reverse()).equals(encodeFolder(entries))).toBe(true);
      }),
    );
  });

  it.each([
    ['name', { name: 'b.yaml' }],
    ['mode', { mode: 'exec' }],
    ['digest', { digest: sha256('b') }],
    ['digest that is missing', { digest: undefined }],
    ['alias', { alias: 'ab13' }],
    ['hiding', { hidden: true }],
  ] as const)('has other bytes for another %s', (_what, change) => {
    expect(encodeFolder([{ ...file, ...change }]).equals(encodeFolder([file]))).toBe(false);
  });

  it('may be empty, and is something else than nothing', () => {
    expect(decodeFolder(encodeFolder([]))).toEqual([]);
    expect(decodeFolder(Buffer.alloc(0))).toBeUndefined();
  });

  it('has no two entries of one name', () => {
    expect(() => encodeFolder([file, { ...file, hidden: true }])).toThrowError(
      expect.objectContaining({ code: 'source-refused', message: expect.stringContaining('a.yaml') }),
    );
  });

  it.each(['', 'a/b', 'a\0b', '\ud800'])('has no entry named %j', (name) => {
    expect(() => encodeFolder([{ ...file, name }])).toThrowError(expect.objectContaining({ code: 'source-refused' }));
  });

  it('is read from any bytes without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withMagic) => {
        const input = withMagic ? Buffer.concat([Buffer.from('HFD1'), bytes]) : bytes;
        const entries = decodeFolder(input);
        // What is read at all is sorted, unique and safe to follow.
        for (const [i, entry] of (entries ?? []).entries()) {
          expect(entry.name).not.toContain('/');
          expect(i === 0 || byCodeUnit(entries?.[i - 1]?.name ?? '', entry.name) < 0).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused when it is cut anywhere', () => {
    const bytes = encodeFolder([file, { ...file, name: 'b', mode: 'dir', alias: 'text' }]);
    const first = encodeFolder([file]).length;
    for (let end = 0; end < bytes.length; end++)
      if (end !== 4 && end !== first) expect(decodeFolder(bytes.subarray(0, end))).toBeUndefined();
  });
});
