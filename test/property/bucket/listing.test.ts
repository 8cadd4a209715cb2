import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { byBytes } from '../../../src/source/bucket/listing.ts';
import { bucketSite } from '../../contract/bucket/support.ts';
import { fakeWire } from '../../support/fake-wire.ts';
import { type FakeObject, fakeS3, listing } from '../../unit/bucket/fake-s3.ts';

const part = fc.constantFrom('a', 'b', 'a.yaml', '.', '..', '', 'ü', '\u{1f600}', 'x y', '%2e', '.sourceignore');
const key = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const objects = fc.uniqueArray(
  fc.record({ key: key.filter((one) => one !== ''), body: fc.string({ maxLength: 8 }) }) as fc.Arbitrary<FakeObject>,
  { selector: (one) => one.key, maxLength: 6 },
);

const siteOf = (s3: ReturnType<typeof fakeS3>): ReturnType<typeof bucketSite> =>
  bucketSite({ bucket: 'b', endpoint: 's3.test' }, { wire: fakeWire(new Map([['http://s3.test', s3.server]])) });

/** A Fault that says what is wrong, or undefined when it went well. */
async function outcome(site: ReturnType<typeof bucketSite>): Promise<Fault | undefined> {
  try {
    await site.fetch();
    return undefined;
  } catch (error) {
    if (error instanceof Fault && error.code !== 'internal') return error;
    throw error;
  }
}

describe('any bucket', () => {
  it('is fetched whole, with its keys inside of its folder, or refused; then it is unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(objects, async (list) => {
        const s3 = fakeS3(list);
        const site = siteOf(s3);
        if ((await outcome(site)) !== undefined) return;
        for (const path of site.files())
          expect(path.split('/').every((one) => !['', '.', '..'].includes(one))).toBe(true);
        const requests = s3.requests.length;
        expect(await site.fetch()).toMatchObject({ kind: 'unchanged' });
        expect(s3.requests.length).toBe(requests + 1);
      }),
      { numRuns: 300 },
    );
  });

  it('whose listing is damaged is a Fault, or one that says something else', async () => {
    const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(127));
    await fc.assert(
      fc.asyncProperty(objects, fc.array(change, { minLength: 1, maxLength: 4 }), async (list, changes) => {
        const text = Buffer.from(listing(list));
        for (const [at, value] of changes) text[Math.floor(at * (text.length - 1))] = value;
        const s3 = fakeS3(list);
        s3.instead = ({ path }) => (path.includes('?') ? { parts: [text] } : undefined);
        await outcome(siteOf(s3));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the order of keys', () => {
  it('is that of their bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(byBytes(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });
});
