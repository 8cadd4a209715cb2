import { describe, expect, it } from 'vitest';
import { type BucketSite, bucketSite } from '../../contract/bucket/support.ts';
import { fakeWire } from '../../support/fake-wire.ts';

const BLOB = '<Blob><Name>a</Name><Properties><Etag>0x1</Etag><Content-Length>1</Content-Length></Properties></Blob>';

/** A container that answers its listing with these pages, and each GET with one letter. */
function siteOf(pages: readonly string[]): BucketSite {
  let page = 0;
  const wire = fakeWire(
    new Map([
      [
        'http://azure.test',
        ({ path }) =>
          path.includes('?')
            ? { parts: [pages[page++ % pages.length] ?? ''] }
            : { headers: { etag: '"0x1"', 'content-length': '1' }, parts: ['x'] },
      ],
    ]),
  );
  return bucketSite({ provider: 'azure', bucket: 'c', endpoint: 'http://azure.test' }, { wire });
}

const listing = (end: string, blobs = BLOB): string =>
  `<EnumerationResults><Blobs>${blobs}</Blobs>${end}</EnumerationResults>`;

describe('a listing of a container', () => {
  it('is whole where its marker is there and empty', async () => {
    for (const end of ['<NextMarker/>', '<NextMarker></NextMarker>']) {
      const site = siteOf([listing(end)]);
      await site.fetch();
      expect(site.files()).toEqual(['a']);
    }
  });

  it.each([
    ['says nothing of its end', listing('')],
    ['says so and says nothing of its end', listing('', '')],
    ['names two ends', listing('<NextMarker/><NextMarker>t</NextMarker>')],
    ['is cut', listing('<NextMarker/>').slice(0, -25)],
  ])('that %s is not taken as whole', async (_, page) => {
    expect(await siteOf([page]).fails()).toMatchObject({
      code: 'wire-protocol',
      message: expect.stringContaining('not a storage server'),
    });
  });

  it('that comes back to a marker is ended', async () => {
    const site = siteOf(['t1', 't2', 't1'].map((next) => listing(`<NextMarker>${next}</NextMarker>`)));
    expect(await site.fails()).toMatchObject({
      code: 'wire-protocol',
      message: expect.stringContaining('does not end'),
    });
  });
});
