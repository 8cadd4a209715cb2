import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type LimitName } from '../../../src/model/index.ts';
import { openBundle, proveBundle, type Readable } from '../../../src/source/bundle/index.ts';

const sha = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const entry = (text: string, mediaType = MANIFEST, more: object = {}): object => ({
  mediaType,
  digest: sha(text),
  size: Buffer.byteLength(text),
  ...more,
});
const manifest = (...layers: string[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: entry('{}', 'application/vnd.oci.empty.v1+json'),
    layers: layers.map((one) => entry(one, 'application/x')),
  });

/** A folder with these files, read as one. */
function folderOf(index: unknown, blobs: readonly string[]): Readable {
  const files = [
    ...(index === undefined
      ? []
      : [['index.json', typeof index === 'string' ? index : JSON.stringify(index)] as const]),
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'] as const,
    ...blobs.map((text) => [`blobs/${sha(text).replace(':', '/')}`, text] as const),
  ];
  const members = new Map<string, { start: number; size: number }>();
  let size = 0;
  for (const [path, text] of files) {
    members.set(path, { start: size, size: Buffer.byteLength(text) });
    size += Buffer.byteLength(text);
  }
  const bytes = Buffer.from(files.map(([, text]) => text).join(''));
  return { size, members, read: async (at, length) => bytes.subarray(at, at + length) };
}

async function said(file: Readable, limits: Partial<Record<LimitName, number>> = {}): Promise<string> {
  try {
    const found = await openBundle(file, 'layout', { ...DEFAULT_LIMITS, ...limits });
    await proveBundle(found, ({ descriptor }) => descriptor.annotations['left'] === undefined);
    return `whole: ${found.others.length}`;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('an image layout as a folder', () => {
  const one = manifest('layer one', 'layer two');
  const all = [one, '{}', 'layer one', 'layer two'];
  const index = { manifests: [entry(one)] };

  it('is whole when everything that the index leads to is there', async () => {
    expect(await said(folderOf(index, all))).toBe('whole: 1');
  });

  it('without any one of its blobs is still being copied', async () => {
    for (const left of all)
      expect(
        await said(
          folderOf(
            index,
            all.filter((text) => text !== left),
          ),
        ),
      ).toMatch(new RegExp(`^bundle-damaged: .*${sha(left)} is not in the folder`));
    expect(await said(folderOf(undefined, all))).toMatch(/^bundle-damaged: .*no index\.json/);
    expect(await said(folderOf('{"manifests": [', all))).toMatch(/^bundle-damaged: /);
  });

  it('with a blob of another length, or other bytes, is damaged', async () => {
    const cut = folderOf(index, all);
    const short = new Map(cut.members);
    const path = `blobs/${sha('layer one').replace(':', '/')}`;
    short.set(path, { start: short.get(path)?.start ?? 0, size: 4 });
    expect(await said({ ...cut, members: short })).toMatch(/^bundle-damaged: .*4 bytes, and 9 are promised/);
    const other: Readable = {
      ...cut,
      read: async (at, length) =>
        Buffer.from(
          Buffer.from(await cut.read(at, length))
            .toString()
            .replace('layer one', 'LAYER one'),
        ),
    };
    expect(await said(other)).toMatch(/^bundle-damaged: .*does not have its digest/);
  });

  it('leads through indexes of platforms to all of their manifests', async () => {
    const two = manifest('layer of arm');
    const platforms = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [entry(one), entry(two)] });
    const blobs = [...all, two, 'layer of arm', platforms];
    const top = { manifests: [entry(platforms, INDEX)] };
    expect(await said(folderOf(top, blobs))).toBe('whole: 1');
    for (const left of blobs)
      expect(
        await said(
          folderOf(
            top,
            blobs.filter((text) => text !== left),
          ),
        ),
      ).toMatch(/^bundle-damaged: .*not in the folder/);
  });

  it('may lack what is not wanted of it, and what is kept elsewhere', async () => {
    const other = manifest('of nobody');
    const beside = { manifests: [entry(one), entry(other, MANIFEST, { annotations: { left: 'out' } })] };
    expect(await said(folderOf(beside, [...all, other]))).toBe('whole: 2');
    // Nobody knows whose it is until it is there.
    expect(await said(folderOf(beside, all))).toMatch(/^bundle-damaged: .*not in the folder/);
    const foreign = JSON.stringify({
      layers: [entry('far away', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')],
    });
    expect(await said(folderOf({ manifests: [entry(foreign)] }, [foreign]))).toBe('whole: 1');
  });

  it('with indexes that never end is ended', async () => {
    let inner = JSON.stringify({ mediaType: INDEX, manifests: [] });
    const blobs = [inner];
    for (let depth = 0; depth < 5; depth++) {
      inner = JSON.stringify({ mediaType: INDEX, manifests: [entry(inner, INDEX)] });
      blobs.push(inner);
    }
    expect(await said(folderOf({ manifests: [entry(inner, INDEX)] }, blobs))).toMatch(/^bundle-unreadable: .*too deep/);
    const many = Array.from({ length: 20 }, (_, i) => manifest(`layer ${i}`));
    const wide = JSON.stringify({ mediaType: INDEX, manifests: many.map((text) => entry(text)) });
    const file = folderOf({ manifests: [entry(wide, INDEX)] }, [wide, ...many]);
    expect(await said(file, { bundleManifests: 10 })).toMatch(/^source-bounds: .*limits\.bundleManifests/);
    expect(await said(file, { bundleIndexBytes: 5_000 })).toMatch(/^source-bounds: .*limits\.bundleIndexBytes/);
    const nonsense = JSON.stringify({ mediaType: INDEX, manifests: [{ digest: 'x' }] });
    expect(await said(folderOf({ manifests: [entry(nonsense, INDEX)] }, [nonsense]))).toMatch(/^bundle-unreadable: /);
  });
});

describe('the name of a file', () => {
  const archive = Buffer.from([0x1f, 0x8b, 8, 0]);
  const form = async (name: string): Promise<string> =>
    openBundle({ size: 4, read: async () => archive }, name, DEFAULT_LIMITS).then(
      ({ parts }) => parts[0]?.source ?? '',
      (error: Fault) => error.message,
    );

  it.each(['tar', 'tar.gz', 'tgz', 'tar.zst', 'tar.zstd', 'tzst'])(
    'ties an archive to its source (.%s)',
    async (end) => {
      expect(await form(`Bucket_flux-system_store.${end}`)).toBe('Bucket/flux-system/store');
      expect(await form(`ExternalArtifact_apps_my.app@2026-01-01.tar.gz.${end}`)).toBe('ExternalArtifact/apps/my.app');
    },
  );

  it('says why an archive cannot be for others', async () => {
    expect(await form('GitRepository_a_b.tar.gz')).toContain('is a commit, which no such archive proves');
    expect(await form('OCIRepository_a_b.tar.gz')).toContain('is the digest of a manifest');
    for (const name of [
      'site.tar.gz',
      'Bucket_store.tar.gz',
      'Bucket_a_b.zip',
      'Bucket_A_b.tar.gz',
      'bucket_a_b.tar.gz',
    ])
      expect(await form(name)).toContain('Bucket_NAMESPACE_NAME.tar.gz');
  });
});
