import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Parser, type ReadEntry } from 'tar';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { parseChallenges } from '../../../src/source/oci/challenge.ts';
import { loginFor, parseDockerConfig } from '../../../src/source/oci/credentials.ts';
import { parseManifest } from '../../../src/source/oci/manifest.ts';
import { parsePlace } from '../../../src/source/oci/reference.ts';
import { tarReader } from '../../../src/source/tar/index.ts';
import { type TarPart, tarOf } from '../../support/tar-builder.ts';

const RUNS = 2_000;

/** Paths and contents as one reader sees them; the code of the Fault where it refuses. */
function ours(archive: Uint8Array, cuts: readonly number[]): readonly (readonly [string, string])[] | string {
  const files: [string, Buffer[]][] = [];
  let open: Buffer[] | undefined;
  const reader = tarReader({
    begin: (member) => {
      open = member.type === 'file' ? [] : undefined;
      if (open !== undefined) files.push([member.path, open]);
    },
    data: (bytes) => void open?.push(Buffer.from(bytes)),
    end: () => undefined,
  });
  try {
    let at = 0;
    for (const cut of [...cuts.map((one) => one % (archive.length + 1)).sort((a, b) => a - b), archive.length]) {
      reader.push(archive.subarray(at, cut));
      at = cut;
    }
    reader.end();
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return files.map(([path, parts]) => [path, Buffer.concat(parts).toString('hex')] as const);
}

/** The same by node-tar. */
async function theirs(archive: Uint8Array): Promise<readonly (readonly [string, string])[] | string> {
  const files: [string, Buffer[]][] = [];
  return new Promise((resolve) => {
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry: ReadEntry) => {
        const parts: Buffer[] = [];
        if (entry.type === 'File' || entry.type === 'OldFile') files.push([entry.path, parts]);
        entry.on('data', (bytes) => void parts.push(bytes as Buffer));
      },
    });
    parser.on('error', () => resolve('refused'));
    parser.on('end', () =>
      resolve(files.map(([path, parts]) => [path, Buffer.concat(parts).toString('hex')] as const)),
    );
    parser.end(Buffer.from(archive));
  });
}

const name = fc
  .string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', 'b', '.', '/', '-', 'é') })
  .filter((text) => !text.endsWith('/'));
const part: fc.Arbitrary<TarPart> = fc.record({
  path: name,
  content: fc.uint8Array({ maxLength: 1_500 }),
  mode: fc.constantFrom(0o644, 0o755),
});

describe('the tar reader', () => {
  it('sees what node-tar sees, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), fc.array(fc.nat(9_999)), async (parts, cuts) => {
        const archive = tarOf(parts);
        const seen = ours(archive, cuts);
        expect(seen).toEqual(await theirs(archive));
        expect(seen).toHaveLength(parts.length);
      }),
      { numRuns: 300 },
    );
  });

  it('gives a Fault or files for anything, in bounded time, and the same in pieces', () => {
    const archive = fc.array(part, { maxLength: 4 }).map((parts) => tarOf(parts));
    const flips = fc.array(fc.tuple(fc.nat(8_000), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(archive, flips, fc.array(fc.nat(9_999)), (whole, changes, cuts) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const seen = ours(bytes, []);
        expect(ours(bytes, cuts)).toEqual(seen);
        if (typeof seen === 'string') expect(seen).toMatch(/^(source-refused|wire-cut)$/);
      }),
      { numRuns: RUNS },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => {
        const seen = ours(bytes, []);
        if (typeof seen === 'string') expect(seen).toMatch(/^(source-refused|wire-cut)$/);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('manifests, indexes and configs', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const near = fc.record(
    {
      schemaVersion: fc.constantFrom(2, 1, '2'),
      mediaType: fc.constantFrom(
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.oci.image.index.v1+json',
        7,
      ),
      layers: fc.oneof(
        json,
        fc.array(
          fc.record({
            digest: fc.constantFrom(`sha256:${'0'.repeat(64)}`, 'x'),
            size: fc.constantFrom(1, -1, null),
            mediaType: json,
          }),
        ),
      ),
      manifests: json,
      annotations: fc.oneof(json, fc.dictionary(fc.string(), fc.string())),
    },
    { requiredKeys: [] },
  );

  it('are read or refused, whatever they hold', () => {
    fc.assert(
      fc.property(
        fc.oneof(json, near),
        fc.constantFrom('', 'application/vnd.oci.image.manifest.v1+json', 'x'),
        (value, type) => {
          try {
            const read = parseManifest(Buffer.from(JSON.stringify(value)), type);
            if (read.kind === 'manifest')
              for (const layer of read.layers) expect(layer.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
          } catch (error) {
            expect(error).toMatchObject({ code: 'source-refused' });
          }
          try {
            loginFor(parseDockerConfig(JSON.stringify(value), 'x'), { host: 'a.b', name: 'c' });
          } catch (error) {
            expect(error).toMatchObject({ code: 'secret-invalid' });
          }
        },
      ),
      { numRuns: RUNS },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => parseManifest(bytes, '')).toThrowError(expect.objectContaining({ code: 'source-refused' }));
      }),
    );
  });

  it('are read however deep they are nested', () => {
    const deep = `{"schemaVersion":2,"layers":[],"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    try {
      parseManifest(Buffer.from(deep), '');
    } catch (error) {
      expect(error).toMatchObject({ code: 'source-refused' });
    }
    expect(gzipSync(deep).length).toBeLessThan(10_000);
  });
});

describe('headers and addresses', () => {
  it('a challenge comes back as it was written', () => {
    const value = fc.string({ maxLength: 30, unit: fc.constantFrom('a', ' ', ',', '=', '"', '\\', ':', '/') });
    const params = fc.uniqueArray(fc.tuple(fc.constantFrom('realm', 'service', 'scope', 'error'), value), {
      selector: ([key]) => key,
    });
    const challenge = fc.tuple(fc.constantFrom('Bearer', 'basic', 'Negotiate'), params);
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (list) => {
        const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
        const header = list
          .map(([scheme, given]) => `${scheme} ${given.map(([key, text]) => `${key}=${quote(text)}`).join(', ')}`)
          .join(', ');
        expect(parseChallenges(header).map(({ scheme, params: found }) => [scheme, [...found]])).toEqual(
          list.map(([scheme, given]) => [scheme.toLowerCase(), given]),
        );
      }),
      { numRuns: RUNS },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => void parseChallenges(text)),
      { numRuns: RUNS },
    );
  });

  it('an address is read to its parts or refused for good', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 60,
          unit: fc.constantFrom('a', 'B', '1', '.', '-', '_', '/', ':', '@', '[', ']', ' ', '%'),
        }),
        (rest) => {
          try {
            const { host, name: repository } = parsePlace(`oci://${rest}`);
            expect(`${host}/${repository}`).toBe(rest);
            expect(repository).toMatch(/^[a-z0-9._/-]+$/);
            expect(URL.canParse(`https://${host}/v2/${repository}/`) || host.includes('[')).toBe(true);
          } catch (error) {
            if (!(error instanceof Fault)) throw error;
            expect(error).toMatchObject({ code: 'object-invalid', reason: 'URLInvalid' });
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});
