import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const ours: { hash: (name: string, data: string | Uint8Array) => string } = createRequire(import.meta.url)(
  '../../../scripts/bundle/crypto.cjs',
);

describe("the hash of builds in place of Node's", () => {
  it('is that of Node, for every length around the end of a block', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
      expect(ours.hash('sha256', bytes)).toBe(hash('sha256', bytes));
    }
  });

  it('is that of Node, for any text and any bytes, short and long', () => {
    const data = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 6_000, size: 'max' }),
      fc.constantFrom('a'.repeat(4_096), 'a'.repeat(4_097), '\u{1f600}'.repeat(1_024)),
    );
    fc.assert(
      fc.property(data, (one) => {
        expect(ours.hash('sha256', one)).toBe(hash('sha256', one));
      }),
    );
  });

  it("gives other algorithms to Node's", () => {
    expect(ours.hash('sha1', 'x')).toBe(hash('sha1', 'x'));
  });
});
