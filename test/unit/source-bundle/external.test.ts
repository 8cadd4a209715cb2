import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../src/cache/partials.ts';
import { DEFAULT_LIMITS, type Fault, type SourceRevision } from '../../../src/model/index.ts';
import { takeExternal } from '../../../src/source/bundle/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { silentLog } from '../../support/quiet.ts';
import { tarGz, tarOf } from '../../support/tar-builder.ts';

const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Takes bytes for an object whose status names others, or these. */
async function take(bytes: Buffer, named: Buffer | undefined, previous: readonly SourceRevision[] = []) {
  const store = memoryStore();
  const artifact =
    named === undefined
      ? undefined
      : {
          url: 'http://127.0.0.1:1/a.tar.gz',
          digest: digestOf(named),
          revision: 'v1',
          size: named.length,
          lastUpdateTime: '',
        };
  const padded = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
  const file = { size: padded.length, read: async (at: number, length: number) => padded.subarray(at, at + length) };
  const outcome = await takeExternal(
    {
      store,
      partials: openPartials(faultDisk().disk, DEFAULT_LIMITS),
      clock,
      log: silentLog,
    },
    { artifact, name: 'a/b', timeoutMs: 1_000 },
    { limits: DEFAULT_LIMITS },
    { file, span: { start: 6, size: bytes.length }, previous },
  );
  expect(store.open()).toBe(0);
  return { outcome, store };
}
const refused = (...how: Parameters<typeof take>): Promise<string> =>
  take(...how).then(
    () => 'taken',
    (error: Fault) => `${error.code}: ${error.message}`,
  );

describe('the archive of an ExternalArtifact in a file', () => {
  const archive = tarGz({ 'a.yaml': 'a: 1\n' });

  it('is taken when it has the digest that the status names, under its revision', async () => {
    for (const bytes of [archive, zstdCompressSync(tarOf([{ path: 'a.yaml', content: 'a: 1\n' }]))]) {
      const { outcome, store } = await take(bytes, bytes);
      if (outcome.kind !== 'fetched') throw new Error('unchanged');
      expect(outcome.content).toMatchObject({ revision: 'v1', metadata: { digest: digestOf(bytes) } });
      expect(Buffer.from(store.tree(outcome.content.root).read('a.yaml') ?? []).toString()).toBe('a: 1\n');
      expect(outcome.count).toEqual({ requests: 0, up: 0, down: 0 });
    }
  });

  it('of another digest waits for the object that names it, or is older', async () => {
    const other = tarGz({ 'a.yaml': 'a: 2\n' });
    expect(await refused(other, archive)).toMatch(/^bundle-unclaimed: .*names sha256:/);
    const before = { revision: 'v0', root: 'sha256:0', metadata: { digest: digestOf(other) }, keep: [] } as const;
    expect(await refused(other, archive, [before])).toMatch(/^bundle-older: .*here before/);
    const cut = archive.subarray(0, archive.length - 5);
    expect(await refused(cut, archive)).toMatch(/^bundle-unclaimed: .*or damaged/);
    expect(await refused(archive, undefined)).toMatch(/^source-not-ready: /);
  });

  it('of the right digest that is no archive is refused as from the network', async () => {
    const bytes = Buffer.from('no archive');
    expect(await refused(bytes, bytes)).toMatch(/^source-refused: /);
    const out = tarGz({ '../a': 'x' });
    expect(await refused(out, out)).toMatch(/^source-refused: .*leads out/);
  });
});
