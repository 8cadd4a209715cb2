import { createRequire } from 'node:module';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Inflating {
  readonly result: Uint8Array | undefined;
  readonly err: number;
  readonly msg: string;
  readonly strm: { readonly avail_in: number };
  push(chunk: Uint8Array, last: boolean): boolean;
}
interface Pako {
  readonly Inflate: new () => Inflating;
  inflate(bytes: Uint8Array): Uint8Array;
  deflate(bytes: Uint8Array): Uint8Array;
}

const require = createRequire(import.meta.url);
const real: Pako = require('pako');
const ours: Pako = require('../../../scripts/bundle/pako.cjs');

/** As isomorphic-git reads one object of a pack: until there is a result, or an error. */
function read(pako: Pako, chunks: readonly Uint8Array[]): { bytes: string; left: number; failed: boolean } {
  const inflator = new pako.Inflate();
  for (const chunk of chunks) {
    inflator.push(chunk, false);
    if (inflator.err) return { bytes: '', left: 0, failed: true };
    if (inflator.result !== undefined)
      return { bytes: Buffer.from(inflator.result).toString('hex'), left: inflator.strm.avail_in, failed: false };
  }
  return { bytes: '', left: -1, failed: false };
}

const bytes = fc.uint8Array({ maxLength: 3_000 });

describe("the bundle's zlib in place of pako", () => {
  it('reads one stream out of more bytes and says how many are left, however they come', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 4_000 }),
        (content, behind, size) => {
          const all = Buffer.concat([deflateSync(content), behind]);
          const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
            all.subarray(i * size, (i + 1) * size),
          );
          expect(read(ours, chunks)).toEqual(read(real, chunks));
        },
      ),
    );
  });

  it('finds broken streams where pako does', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (content, at, flip) => {
        const all = Buffer.from(deflateSync(content));
        const place = at % Math.min(2, all.length);
        all[place] = (all[place] ?? 0) ^ flip;
        const [mine, theirs] = [read(ours, [all]), read(real, [all])];
        // zlib takes header bits that pako refuses only when the check sum of the header holds, so both fail alike.
        expect(mine.failed || mine.left === -1).toBe(theirs.failed || theirs.left === -1);
      }),
    );
  });

  it('throws texts, as pako does', () => {
    for (const pako of [ours, real]) {
      let thrown: unknown;
      try {
        pako.inflate(Buffer.from('no stream'));
      } catch (error) {
        thrown = error;
      }
      expect(typeof thrown).toBe('string');
    }
  });

  it('reads what pako writes and the other way round', () => {
    fc.assert(
      fc.property(bytes, (content) => {
        expect(Buffer.from(ours.inflate(real.deflate(content))).equals(content)).toBe(true);
        expect(Buffer.from(real.inflate(ours.deflate(content))).equals(content)).toBe(true);
      }),
    );
  });
});
