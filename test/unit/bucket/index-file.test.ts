import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/model/index.ts';
import { decodeIndex, encodeIndex } from '../../../src/source/bucket/index-file.ts';

const object = { etag: 'e', size: 3, bytes: 4, digest: sha256('abc') };

describe('the index of a bucket', () => {
  it('is read as it was written', () => {
    for (const ignore of [undefined, object]) {
      const index = { scope: 's', ignore, region: 'eu', objects: new Map([['a/ü', object]]) };
      expect(decodeIndex(Buffer.from(encodeIndex(index)).toString('utf8'))).toEqual(index);
    }
  });

  it.each([
    '{}',
    '[]',
    'null',
    '{"format":1,"scope":"s","objects":[]}',
    '{"format":2,"objects":[]}',
    '{"format":2,"scope":"s","objects":{}}',
    '{"format":2,"scope":"s","objects":[["a","e",1,1,"../x"]]}',
    `{"format":2,"scope":"s","objects":[["a","e",1,"${'0'.repeat(64)}"]]}`,
    '{"format":2,"scope":"s","objects":[["a","e"]]}',
    '{"format":2,"scope":"s","objects":[1]}',
  ])('%s is none', (text) => {
    expect(decodeIndex(text)).toBeUndefined();
  });
});
