import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameOf, kindFileNameOf } from '../../../src/cache/names.ts';

describe('a file name for names from outside', () => {
  it('is readable for ordinary names', () => {
    expect(fileNameOf('flux-system', 'shop.example')).toBe('flux-system_shop.example');
    expect(kindFileNameOf('GitRepository/flux-system/shop')).toBe('GitRepository_flux-system_shop');
    expect(kindFileNameOf('../x/y')).toBe('%2e._x_y');
  });

  it.each(['../../etc/passwd', '.', '..', 'a/b', 'A', 'a_b', 'ü', '\0', 'con ', '%2e', 'a\\b', ''])(
    'is safe for %j',
    (name) => {
      expect(fileNameOf(name, 'x')).toMatch(/^(?:[a-z0-9-]|%[0-9a-f]{2})?(?:[a-z0-9.-]|%[0-9a-f]{2})*_x$/);
    },
  );

  it('is different for different names, also where the file system folds case', () => {
    const arbName = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.string({ unit: 'grapheme', maxLength: 90 }),
      fc.constantFrom('a_b', 'a', 'b_c', 'A'),
    );
    fc.assert(
      fc.property(
        fc.array(arbName, { minLength: 2, maxLength: 2 }),
        fc.array(arbName, { minLength: 2, maxLength: 2 }),
        (a, b) => {
          fc.pre(a.every((one) => one.isWellFormed()) && b.every((one) => one.isWellFormed()));
          const same = JSON.stringify(a) === JSON.stringify(b);
          expect(fileNameOf(...a).toLowerCase() === fileNameOf(...b).toLowerCase()).toBe(same);
        },
      ),
    );
  });

  it('has a bounded length', () => {
    const long = 'x'.repeat(253);
    expect(fileNameOf(long, long, long).length).toBeLessThan(230);
    expect(fileNameOf(`${long}a`)).not.toBe(fileNameOf(`${long}b`));
  });
});
